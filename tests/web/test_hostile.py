"""What somebody sends who means harm, byte by byte, against the server that the service has."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bridge.services.chat.notices import Notices
from bridge.services.incidents.refused_posts import RefusedPosts
from bridge.settings import load
from bridge.store import inbox
from bridge.store.database import Database
from bridge.store.sqlite import SqliteDatabase
from bridge.web.alerts import BODY_LIMIT, UNKNOWN_LIMIT, AlertDoor
from bridge.web.body import SMALL
from bridge.web.connection import HEAD_LIMIT, HEADERS_LIMIT, PIPELINE_LIMIT, Connection
from bridge.web.telegram import BODY_LIMIT as UPDATE_LIMIT
from bridge.web.telegram import SECRET, TelegramDoor
from tests.support.databases import new_database
from tests.support.eventually import until
from tests.support.kept import all_waiting
from tests.support.manual_clock import ManualClock
from tests.web.listening import hang_up, listening, raw

TOKEN, SECRET_OF_OURS = "alerts-secret", "webhook-secret"


@dataclass
class Scene:
    """`/open` answers anybody, `/alerts/...` a token or a signature, `/telegram/webhook` a secret; `seen` is what
    reached any of our routes.
    """

    port: int
    database: Database
    seen: list[str] = field(default_factory=list)

    async def asks(self, *parts: bytes, wait_s: float = 5.0) -> bytes:
        return await raw(self.port, *parts, wait_s=wait_s)

    def has_begun(self, large: int) -> bool:
        """Whether so many large answers are being given."""
        return self.seen.count("GET /large") >= large

    async def kept(self) -> int:
        """Alerts and updates."""
        alerts = await self.database.read(all_waiting)
        return len(alerts) + len(await self.database.read(lambda connection: inbox.open_updates(connection, 100)))


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async for one in opened(tmp_path, Connection):
        yield one


async def opened(folder: Path, http: type[Connection]) -> AsyncIterator[Scene]:
    settings = load({"BRIDGE_ALERT_TOKENS": TOKEN}, env_file=folder / "none")
    database = SqliteDatabase(new_database(folder))
    scene = Scene(0, database)

    async def anybody(request: Request) -> Response:
        scene.seen.append(f"{request.method} {request.url.path}")
        return PlainTextResponse("ok\n")

    async def large(request: Request) -> Response:
        scene.seen.append(f"{request.method} {request.url.path}")
        return PlainTextResponse("large" * 200_000)

    door = AlertDoor(
        database=database,
        names=settings.alert_names(),
        grafana_secret="key-of-grafana",
        clock=ManualClock(),
        on_kept=lambda: scene.seen.append("kept"),
        refused_posts=RefusedPosts(Notices(places=[], admins=[])),
        on_refused=lambda: None,
    )
    telegram = TelegramDoor(
        database=database, secret=SECRET_OF_OURS, clock=ManualClock(), on_kept=lambda: scene.seen.append("kept")
    )
    ours = [Route("/open", anybody, methods=["GET", "POST"]), Route("/large", large)]
    routes = [*ours, *door.routes(), *telegram.routes()]
    async with listening(routes, http) as scene.port:
        yield scene
    await database.aclose()


def statuses(found: bytes) -> list[int]:
    """Of all the answers that came over one connection."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", found)]


GET = b"GET /open HTTP/1.1\r\nHost: x\r\n"
LAST = GET + b"Connection: close\r\n\r\n"
POST = b"POST /open HTTP/1.1\r\nHost: x\r\n"


# heads


async def test_an_ordinary_head_is_answered_and_many_may_come_over_one_connection(scene: Scene) -> None:
    assert statuses(await scene.asks(GET + b"\r\n", GET + b"\r\n" + LAST)) == [200, 200, 200]


HEADS = {
    "many headers": b"".join(b"X-%d: y\r\n" % number for number in range(HEADERS_LIMIT)) + b"\r\n",
    "thousands of headers": b"X: y\r\n" * 5000 + b"\r\n",
    "one huge header": b"X: " + b"y" * HEAD_LIMIT + b"\r\n\r\n",
    "a huge name": b"X" * HEAD_LIMIT + b": y\r\n\r\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
async def test_a_head_that_is_too_large_is_refused_and_ends_the_connection(scene: Scene, head: bytes) -> None:
    assert statuses(await scene.asks(GET + head)) == [431]
    assert scene.seen == []


async def test_an_address_that_is_too_long_is_refused(scene: Scene) -> None:
    address = b"GET /open?" + b"x" * HEAD_LIMIT
    assert statuses(await scene.asks(address)) == [431]
    assert statuses(await scene.asks(address + b" HTTP/1.1\r\nHost: x\r\n\r\n")) == [431]
    assert scene.seen == []


@pytest.mark.parametrize("begun", [b"GET /open?", GET + b"X: ", GET, b""], ids=["address", "header", "name", "method"])
async def test_a_head_without_an_end_is_cut_off(scene: Scene, begun: bytes) -> None:
    await cut_off(scene, begun + b"G" * 16 * HEAD_LIMIT)
    assert scene.seen == []


async def test_as_many_headers_as_anybody_needs_are_taken(scene: Scene) -> None:
    head = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 200) for number in range(HEADERS_LIMIT - 2))
    assert statuses(await scene.asks(LAST.removesuffix(b"\r\n") + head + b"\r\n")) == [200]


@pytest.mark.parametrize(
    "trailer", [b"X: " + b"y" * 16 * HEAD_LIMIT, b"X: y\r\n" * 4 * HEAD_LIMIT], ids=["without an end", "thousands"]
)
async def test_trailers_are_limited_and_are_no_headers(scene: Scene, trailer: bytes) -> None:
    chunked = b"POST /alerts/generic HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    signed_in = chunked + f"Authorization: Bearer {TOKEN}\r\n\r\n".encode()
    body = b"7\r\ntitle=x\r\n0\r\n"
    found = await scene.asks(chunked + b"\r\n" + body + f"Authorization: Bearer {TOKEN}\r\n\r\n".encode(), wait_s=0.5)
    assert statuses(found) == [401]
    await cut_off(scene, signed_in + body + trailer)
    assert await scene.kept() == 0


@pytest.mark.parametrize("filler", [b"\r\n" * HEAD_LIMIT, b"1;" + b"x" * 16 * HEAD_LIMIT], ids=["blank", "extension"])
async def test_what_is_neither_head_nor_body_does_not_go_on_for_ever(scene: Scene, filler: bytes) -> None:
    chunked = b"POST /alerts/generic HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    await cut_off(
        scene, filler if filler[:1] == b"\r" else chunked + f"Authorization: Bearer {TOKEN}\r\n\r\n".encode() + filler
    )
    assert await scene.kept() == 0


async def cut_off(scene: Scene, data: bytes) -> None:
    """Who sends this is cut off, with an answer or without, sooner than any time limit has run out."""
    async with asyncio.timeout(4):
        try:
            found = await scene.asks(data, wait_s=10)
        except ConnectionError:
            return
    assert statuses(found) in ([], [400], [431])


# time


class Hasty(Connection):
    """Waits a fifth of a second for a request, and has room for four connections."""

    arrives_within_s = 0.2
    connections_limit = 4


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[Scene]:
    async for one in opened(tmp_path, Hasty):
        yield one


@pytest.mark.parametrize("begun", [b"", b"G", GET, GET + b"X: y", b"\r\n"])
async def test_a_head_that_does_not_come_is_not_waited_for(hasty: Scene, begun: bytes) -> None:
    found = await hasty.asks(begun)
    assert statuses(found) == [408]
    assert b"connection: close" in found.lower()


async def test_a_head_that_drips_is_cut_off_and_others_are_answered_meanwhile(hasty: Scene) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    answered, found = 0, b""
    while not found:
        writer.write(b"X")  # of a method that never ends
        answered += statuses(await hasty.asks(LAST)) == [200]
        if reader.at_eof() or reader._buffer:  # type: ignore[attr-defined]
            found = await reader.read(65536)
            break
    await hang_up(writer)
    assert statuses(found) in ([408], [400])
    assert answered


async def test_blank_lines_do_not_keep_a_connection_open(hasty: Scene) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    writer.write(GET + b"\r\n")
    assert statuses(await reader.read(65536)) == [200]
    writer.write(b"\r\n")
    async with asyncio.timeout(3):
        assert statuses(await reader.read()) == [408]
    await hang_up(writer)


async def test_what_is_left_of_a_body_after_its_answer_is_not_waited_for(hasty: Scene) -> None:
    async with asyncio.timeout(3):
        found = await hasty.asks(b"POST /alerts/generic HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ntitle")
    assert statuses(found)[0] == 401


async def test_a_slow_body_holds_up_nobody_else(scene: Scene) -> None:
    slow = f"POST /alerts/generic HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 7\r\n\r\nt"
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(slow.encode())
    assert statuses(await scene.asks(LAST)) == [200]
    writer.write(b"itle=x")
    assert statuses(await reader.read(65536)) == [202]
    await hang_up(writer)


async def test_of_too_many_connections_the_one_that_is_waited_for_longest_makes_room(tmp_path: Path) -> None:
    class Narrow(Connection):
        connections_limit = 4

    async for scene in opened(tmp_path, Narrow):
        idle = [await asyncio.open_connection("127.0.0.1", scene.port) for _ in range(4)]
        for _, writer in idle:
            writer.write(GET)
        assert statuses(await scene.asks(LAST)) == [200]
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await idle[0][0].readexactly(1)
        for reader, writer in idle[1:]:
            writer.write(b"\r\n")
            assert statuses(await reader.read(65536)) == [200]
        for _, writer in idle:
            await hang_up(writer)


# answers


class Impatient(Connection):
    """Waits a fifth of a second for its answers to be taken, and has room for four connections."""

    taken_within_s = 0.2
    connections_limit = 4


async def takes_nothing(port: int) -> socket.socket:
    """Asks for much, and reads none of it."""
    silent = socket.socket()
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    silent.setblocking(False)
    await asyncio.get_running_loop().sock_connect(silent, ("127.0.0.1", port))
    silent.send(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" * 10)
    return silent


def is_cut_off(silent: socket.socket) -> bool:
    try:
        silent.send(b"G")
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return False


async def test_who_takes_no_answer_is_cut_off(tmp_path: Path) -> None:
    async for scene in opened(tmp_path, Impatient):
        silent = [await takes_nothing(scene.port) for _ in range(3)]
        for one in silent:
            await until(partial(is_cut_off, one), timeout_s=5)
            one.close()


async def test_who_takes_no_answer_makes_room_and_others_are_answered(tmp_path: Path) -> None:
    class Patient(Impatient):
        taken_within_s = 60
        arrives_within_s = 60

    async for scene in opened(tmp_path, Patient):
        waiting = await asyncio.open_connection("127.0.0.1", scene.port)
        silent = [await takes_nothing(scene.port) for _ in range(8)]
        await until(partial(scene.has_begun, 8))
        for _ in range(8):
            assert statuses(await scene.asks(LAST)) == [200]
        waiting[1].write(LAST)  # it is none of those that take nothing, and was here before them
        assert statuses(await waiting[0].read()) == [200]
        for one in silent:
            one.close()
        await hang_up(waiting[1])


async def test_requests_that_wait_for_one_another_are_answered_up_to_a_limit(scene: Scene) -> None:
    one = GET + b"\r\n"
    assert statuses(await scene.asks(one * PIPELINE_LIMIT + LAST)) == [200] * (PIPELINE_LIMIT + 1)
    scene.seen.clear()
    await cut_off(scene, one * 1000)
    assert len(scene.seen) <= 1


# where requests end


SMUGGLED = b"GET /open?smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
SHAPES = {
    "length and encoding": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "encoding and length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n12345",
    "the same length twice": b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n12345",
    "a list of lengths": b"Content-Length: 0, 5\r\n\r\n12345",
    "a signed length": b"Content-Length: +5\r\n\r\n12345",
    "a negative length": b"Content-Length: -5\r\n\r\n",
    "a hexadecimal length": b"Content-Length: 0x5\r\n\r\n12345",
    "an endless length": b"Content-Length: " + b"9" * 40 + b"\r\n\r\n",
    "another encoding behind": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "an encoding of no name": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two encodings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a blank before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded header": b"X: y\r\n Transfer-Encoding: chunked\r\n\r\n",
    "a null byte": b"X: y\0z\r\n\r\n",
    "a bare return": b"X: y\rContent-Length: 5\r\n\r\n",
    "a chunk's length with a sign": b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
    "a chunk's length too long": b"Transfer-Encoding: chunked\r\n\r\n" + b"F" * 20 + b"\r\n",
    "a chunk that is longer than it says": b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
async def test_where_it_is_unclear_where_a_request_ends_nothing_behind_it_is_taken(scene: Scene, shape: bytes) -> None:
    found = await scene.asks(POST + shape + SMUGGLED, wait_s=0.5)
    assert statuses(found)[-1:] in ([400], [], [200])
    assert len(statuses(found)) <= 1 or statuses(found) == [200, 400]
    assert "GET /open" not in scene.seen


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 50,  # a TLS ClientHello
        b"GET /open HTTP/9.9\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"FOO /open HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /öpen HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        b"GET /open\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\0" * 100,
    ],
)
async def test_what_is_no_request_is_refused_and_fills_no_log(
    scene: Scene, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert statuses(await scene.asks(garbage, wait_s=0.5)) in ([400], [404], [405])
    assert scene.seen == []
    assert [record.message for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


@pytest.mark.parametrize("head", [b"GET /open\r\n\r\n", b"GET  /open HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"])
async def test_what_is_read_all_the_same_is_one_request(scene: Scene, head: bytes) -> None:
    assert statuses(await scene.asks(head)) == [200]
    assert scene.seen == ["GET /open"]


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c", b"TLS/1.0"])
async def test_nothing_is_upgraded(scene: Scene, upgrade: bytes) -> None:
    head = b"Connection: Upgrade\r\nUpgrade: " + upgrade + b"\r\nSec-WebSocket-Key: eA==\r\n\r\n"
    assert statuses(await scene.asks(GET + head, wait_s=0.5)) in ([200], [400])


# large bodies of nobody


SIGNED = b"POST /alerts/grafana HTTP/1.1\r\nHost: x\r\nX-Grafana-Alerting-Signature: 00\r\n"


async def test_bodies_of_unknown_senders_are_held_up_to_a_bound_and_small_ones_still_taken(scene: Scene) -> None:
    large = BODY_LIMIT - 1
    head = SIGNED + f"Content-Length: {BODY_LIMIT}\r\n\r\n".encode()
    held = [await asyncio.open_connection("127.0.0.1", scene.port) for _ in range(UNKNOWN_LIMIT // BODY_LIMIT + 2)]
    for _, writer in held:
        writer.write(head + b"x" * large)
    refused = await until(
        lambda: [reader for reader, _ in held if b"503" in bytes(reader._buffer[:20])],  # type: ignore[attr-defined]
        timeout_s=8,
    )
    assert len(refused) >= 1
    small = SIGNED + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
    assert statuses(await scene.asks(small)) in ([401], [422])
    with_token = f"POST /alerts/generic HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
    body = b"title=" + b"x" * (2 * SMALL)
    posted = with_token + f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
    assert statuses(await scene.asks(posted)) == [202], "who has a token is not held up by those who have none"
    for _, writer in held:
        await hang_up(writer)
    again = SIGNED + f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body

    async def is_read() -> bool:
        return statuses(await scene.asks(again)) != [503]

    async with asyncio.timeout(8):
        while not await is_read():
            pass
    assert await scene.kept() == 1


# updates of nobody


UPDATE = b'{"update_id": 7}'
TO_TELEGRAM = b"POST /telegram/webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
OF_TELEGRAM = TO_TELEGRAM + f"{SECRET}: {SECRET_OF_OURS}\r\n".encode()


def sent(head: bytes, body: bytes = UPDATE) -> bytes:
    return head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


FORGED = {
    "no secret": TO_TELEGRAM,
    "an empty one": TO_TELEGRAM + f"{SECRET}:\r\n".encode(),
    "one with more behind": TO_TELEGRAM + f"{SECRET}: {SECRET_OF_OURS}x\r\n".encode(),
    "bytes of no text": TO_TELEGRAM + f"{SECRET}: ".encode() + b"\xff\xfe\r\n",
    "a wrong one before the right one": TO_TELEGRAM + f"{SECRET}: x\r\n{SECRET}: {SECRET_OF_OURS}\r\n".encode(),
    "two in one": TO_TELEGRAM + f"{SECRET}: x, {SECRET_OF_OURS}\r\n".encode(),
    "as a token": TO_TELEGRAM + f"Authorization: Bearer {SECRET_OF_OURS}\r\n".encode(),
}


@pytest.mark.parametrize("head", FORGED.values(), ids=FORGED)
async def test_an_update_that_telegram_did_not_bring_is_refused(scene: Scene, head: bytes) -> None:
    assert statuses(await scene.asks(sent(head))) == [401]
    assert await scene.kept() == 0


async def test_of_a_large_body_without_the_secret_nothing_is_read_and_with_it_no_more_than_the_limit(
    scene: Scene,
) -> None:
    head = f"Content-Length: {64 << 20}\r\n\r\n".encode()
    assert statuses(await scene.asks(TO_TELEGRAM + head + b"x" * 1000)) == [401]
    assert statuses(await scene.asks(OF_TELEGRAM + head + b"x" * 1000)) == [413]
    assert statuses(await scene.asks(sent(OF_TELEGRAM, UPDATE + b" " * UPDATE_LIMIT))) == [413]
    assert await scene.kept() == 0


async def test_an_update_of_telegram_s_is_taken_and_what_is_smuggled_behind_it_is_not(scene: Scene) -> None:
    assert statuses(await scene.asks(sent(OF_TELEGRAM))) == [200]
    both = b"Content-Length: 16\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    found = await scene.asks(OF_TELEGRAM + both + sent(OF_TELEGRAM, b'{"update_id": 8}'), wait_s=0.5)
    assert statuses(found) in ([400], [], [422])
    assert await scene.kept() == 1
