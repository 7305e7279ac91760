"""HTTP/1.1 over one asyncio connection: a request goes out, one answer comes in, and nothing may be left over.

h11 reads; it says where an answer ends and shows what came behind it. A second answer on one request, read as the
answer to the next one, would settle the wrong SMS: a connection that brought a byte too many is never used again.
"""

import asyncio
import select
import ssl
from dataclasses import dataclass
from typing import cast

import h11
import httpx

ANSWER_LIMIT = 64 * 1024  # bytes of one answer, head and all; the longest known one has 300
_NEXT_ADDRESS_S = 0.25


class AnswerTooLarge(httpx.TransportError):
    """The answer is larger than we read."""


async def connect(host: str, port: int, *, tls: ssl.SSLContext | None, keep_s: float) -> "Wire":
    """A new connection. Raises OSError (TLS errors are such), and ValueError for a name that DNS cannot hold."""
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(
        lambda: Wire(loop, keep_s),
        host,
        port,
        ssl=tls,
        server_hostname=host if tls else None,
        # a dead IPv6 must not use up IPv4's time; a bare address needs no race (a cancelled one drops its socket)
        happy_eyeballs_delay=None if _is_address(host) else _NEXT_ADDRESS_S,
    )
    return wire


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


@dataclass(frozen=True, kw_only=True, slots=True)
class RawAnswer:
    """One whole answer; `body` as it came over the wire."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Wire(asyncio.Protocol):
    """One connection. An idle one closes itself after `keep_s` seconds; `lost` is done when it is closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, keep_s: float) -> None:
        self.lost: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._keep_s = keep_s
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=ANSWER_LIMIT)
        self._idle: asyncio.TimerHandle | None = None
        self._answer: asyncio.Future[RawAnswer] | None = None
        self._head: h11.Response | None = None
        self._body = bytearray()
        self._received = 0

    def ask(self, request: httpx.Request, body: bytes) -> asyncio.Future[RawAnswer]:
        """Write the request. What it gives fails with httpx's errors; those raised here mean that no byte went out."""
        data = self._written(request, body)
        if self._idle is not None:
            self._idle.cancel()
        self._answer = self._loop.create_future()
        self._head, self._received = None, 0
        self._body.clear()
        self._transport.write(data)
        return self._answer

    def is_clean(self) -> bool:
        """Whether a request may follow: open, asked nothing, and not one unread byte, not even in the kernel."""
        if self._answer is not None or self._transport.is_closing() or self._transport.get_write_buffer_size():
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    @property
    def tls_version(self) -> str:
        """Such as `TLSv1.3`; empty without TLS."""
        secured = self._transport.get_extra_info("ssl_object")
        return str(secured.version()) if secured is not None else ""

    def abort(self) -> None:
        """Close it at once."""
        if self._idle is not None:
            self._idle.cancel()
        self._transport.abort()

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.abort()  # nobody asked
            return
        self._received += len(data)
        if self._received > ANSWER_LIMIT:
            self._fail(AnswerTooLarge("the answer is larger than we read"))
        else:
            self._feed(data)

    def eof_received(self) -> None:
        if self._answer is not None:
            self._feed(b"")  # the end of a body that has no length, or a cut

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._fail(httpx.ReadError("the connection broke"))
        if not self.lost.done():
            self.lost.set_result(None)

    # HTTP

    def _written(self, request: httpx.Request, body: bytes) -> bytes:
        http = self._http
        try:
            head = http.send(
                h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
            )
            data = http.send(h11.Data(data=body)) if body else b""
            end = http.send(h11.EndOfMessage())
        except h11.LocalProtocolError:
            raise httpx.LocalProtocolError("the request is not HTTP") from None
        return b"".join(part for part in (head, data, end) if part)

    def _feed(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            while (event := self._http.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Response):
                    self._head = event
                elif isinstance(event, h11.Data):
                    self._body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    self._done()
                    return
                elif not isinstance(event, h11.InformationalResponse):  # closed, or switched to another protocol
                    self._fail(httpx.RemoteProtocolError("the connection was closed instead of an answer"))
                    return
        except h11.RemoteProtocolError:
            self._fail(httpx.RemoteProtocolError("the answer is cut or not HTTP"))

    def _done(self) -> None:
        head, http = self._head, self._http
        clean = http.our_state is h11.DONE and http.their_state is h11.DONE and http.trailing_data == (b"", False)
        if clean and self._keep_s > 0:
            http.start_next_cycle()
            self._idle = self._loop.call_later(self._keep_s, self._transport.abort)
        else:
            self._transport.abort()
        if self._answer is not None and head is not None and not self._answer.done():
            self._answer.set_result(
                RawAnswer(status=head.status_code, headers=head.headers.raw_items(), body=bytes(self._body))
            )
        self._answer = None

    def _fail(self, error: httpx.TransportError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self._answer = None
        self.abort()
