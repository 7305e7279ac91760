"""Reading a calendar's text from a disk and over https."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from bridge.oncall.ical import LONGEST_CALENDAR, CalendarError
from bridge.services.oncall.calendar_text import REDIRECTS, CalendarTexts
from tests.gateways.conftest import Authority, authority  # noqa: F401 - a fixture

CALENDAR = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"


def answer(body: bytes, *, status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Host:
    """An https server that gives raw bytes for a path."""

    pages: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    port: int = 0

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(head)
        writer.write(self.pages.get(head.split()[1], answer(b"", status="404 Not Found")))
        await writer.drain()
        writer.close()


@pytest.fixture
async def host(authority: Authority) -> AsyncIterator[Host]:  # noqa: F811
    found = Host()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=authority.server())
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()
    await server.wait_closed()


@pytest.fixture
def texts(authority: Authority, tmp_path: Path) -> CalendarTexts:  # noqa: F811
    return CalendarTexts(tmp_path, lambda: httpx.AsyncClient(verify=authority.trusted, trust_env=False))


async def refusal(texts: CalendarTexts, source: str) -> str:
    with pytest.raises(CalendarError) as error:
        await texts.read(source)
    return str(error.value)


async def test_a_path_is_read_beside_the_on_call_file(texts: CalendarTexts, tmp_path: Path) -> None:
    _write(tmp_path / "primary.ics", CALENDAR)
    assert await texts.read("primary.ics") == CALENDAR
    assert await texts.read(str(tmp_path / "primary.ics")) == CALENDAR
    assert await refusal(texts, "gone.ics") == f"{tmp_path}/gone.ics cannot be read: No such file or directory"
    assert "cannot be read" in await refusal(texts, "a\0b")


async def test_of_a_file_that_is_too_large_no_more_is_read_than_shows_that(
    texts: CalendarTexts, tmp_path: Path
) -> None:
    _write(tmp_path / "large.ics", b"x" * (LONGEST_CALENDAR * 2))
    assert len(await texts.read("large.ics")) == LONGEST_CALENDAR + 1


def _write(path: Path, body: bytes) -> None:
    path.write_bytes(body)


async def test_an_https_address_is_read_plain_and_redirects_are_followed(texts: CalendarTexts, host: Host) -> None:
    host.pages["/here"] = answer(b"", status="302 Found", Location="/there?key=1")
    host.pages["/there?key=1"] = answer(CALENDAR)
    assert await texts.read(host.url("/here")) == CALENDAR
    assert "accept-encoding: identity" in host.requests[-1].lower()


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (
            answer(b"", status="302 Found", Location="http://127.0.0.1/x"),
            "127.0.0.1 sends us to an address that is not https",
        ),
        (answer(b"", status="302 Found", Location="/secret"), f"127.0.0.1 sends us on more than {REDIRECTS} times"),
        (answer(b"", status="500 Oops"), "127.0.0.1 answers 500"),
        (answer(b"x", Content_Encoding="gzip"), "127.0.0.1 sends it packed, though it was asked not to"),
        (answer(b"x" * (LONGEST_CALENDAR + 1)), f"is larger than {LONGEST_CALENDAR} bytes"),
        (b"nonsense\r\n\r\n", "127.0.0.1 cannot be reached, or fails (RemoteProtocolError)"),
    ],
    ids=["to http", "round and round", "500", "packed", "too large", "no HTTP"],
)
async def test_what_is_no_calendar_of_that_address_is_one_line_without_the_address(
    texts: CalendarTexts, host: Host, page: bytes, words: str
) -> None:
    host.pages["/secret"] = page
    assert await refusal(texts, host.url("/secret")) == words


@pytest.mark.parametrize("source", ["http://127.0.0.1/x.ics", "https://", "https://a\tb/x", "ftp://example.org/x"])
async def test_an_address_that_is_not_https_is_not_asked(texts: CalendarTexts, source: str) -> None:
    assert await refusal(texts, source) == "has an address that is not https"


async def test_a_certificate_of_nobody_is_not_trusted(host: Host, tmp_path: Path) -> None:
    plain = CalendarTexts(tmp_path, lambda: httpx.AsyncClient(trust_env=False))
    assert await refusal(plain, host.url("/x")) == "127.0.0.1 cannot be reached, or fails (ConnectError)"


async def test_a_server_that_never_ends_is_left(authority: Authority, tmp_path: Path) -> None:  # noqa: F811
    dripping = asyncio.Event()

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
        await dripping.wait()
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0, ssl=authority.server())
    port = server.sockets[0].getsockname()[1]
    make: Callable[[], httpx.AsyncClient] = lambda: httpx.AsyncClient(  # noqa: E731
        verify=authority.trusted, trust_env=False, timeout=60
    )
    texts = CalendarTexts(tmp_path, make, within_s=0.3)
    assert await refusal(texts, f"https://127.0.0.1:{port}/x") == "127.0.0.1 does not answer within 0.3 s"
    dripping.set()
    server.close()
    await server.wait_closed()
