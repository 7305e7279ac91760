"""A calendar's text, from a file or from an https address: never much, and never for long."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx

from bridge.oncall.ical import LONGEST_CALENDAR, CalendarError

WITHIN_S = 10.0
"""From the first byte out to the last byte in, redirects and all."""

REDIRECTS = 5

Client = Callable[[], httpx.AsyncClient]
"""Makes a client for one reading."""


class CalendarTexts:
    """Reads calendars as the on-call file names them."""

    def __init__(self, folder: Path, client: Client, *, within_s: float = WITHIN_S) -> None:
        """`folder`: where paths begin, that of the on-call file."""
        self._folder = folder
        self._client = client
        self._within_s = within_s

    async def read(self, source: str) -> bytes:
        """The text at a path or https address. Raises CalendarError: its words name the host, never the whole address,
        which may be secret.
        """
        if "://" not in source:
            return await asyncio.to_thread(_read_file, self._folder / source)
        host = httpx.URL(source).host if _is_https(source) else ""
        if not host:
            raise CalendarError("has an address that is not https")
        try:
            async with asyncio.timeout(self._within_s), self._client() as client:
                return await _read_web(client, source)
        except TimeoutError:
            raise CalendarError(f"{host} does not answer within {self._within_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CalendarError(f"{host} cannot be reached, or fails ({type(error).__name__})") from None


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LONGEST_CALENDAR + 1)  # one too many: whoever takes it in says that it is too large
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or error
        raise CalendarError(f"{path} cannot be read: {words}") from None


async def _read_web(client: httpx.AsyncClient, address: str) -> bytes:
    for _ in range(1 + REDIRECTS):
        # Plain: a small body that unpacks to gigabytes is none of our business.
        async with client.stream("GET", address, headers={"Accept-Encoding": "identity"}) as answer:
            host = answer.url.host
            if answer.has_redirect_location:
                address = str(answer.url.join(answer.headers["location"]))
                if not _is_https(address):
                    raise CalendarError(f"{host} sends us to an address that is not https")
                continue
            if answer.status_code != httpx.codes.OK:
                raise CalendarError(f"{host} answers {answer.status_code}")
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise CalendarError(f"{host} sends it packed, though it was asked not to")
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > LONGEST_CALENDAR:
                    raise CalendarError(f"is larger than {LONGEST_CALENDAR} bytes")
            return bytes(body)
    raise CalendarError(f"{host} sends us on more than {REDIRECTS} times")


def _is_https(address: str) -> bool:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return False
    return url.scheme == "https" and bool(url.host)
