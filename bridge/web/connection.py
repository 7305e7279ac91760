"""What one connection may cost before we know who is there: uvicorn's parser has no limits of its own.

httptools keeps a head of any length, and uvicorn waits for it as long as it takes. So here: a head of bounded size that
arrives in a bounded time, answers that are taken in a bounded time, and a bounded number of connections, of which the
slowest makes room for a new one.
"""

import asyncio
import http
import json
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT = 32 << 10
"""Bytes of the address and all headers; also of whatever else is no body, such as the trailers of a chunked one."""

HEADERS_LIMIT = 100

PIPELINE_LIMIT = 16
"""Requests that wait for the answer to the one before them."""

ARRIVES_WITHIN_S = 20.0
"""A whole request, from the first byte that is waited for. Routes answer a slow body sooner, in their own words."""

TAKEN_WITHIN_S = 20.0
"""All that was answered, by who is at the other end, from when something of it had to wait. A connection that is being
closed waits for that, too."""

CONNECTIONS_LIMIT = 400
"""Connections at a time: below the 1 024 open files that a process may often have, of which others need some."""


class Connection(HttpToolsProtocol):
    """uvicorn's connection with limits. Who exceeds one gets an answer where there is one to give, and is cut off."""

    connections_limit = CONNECTIONS_LIMIT
    arrives_within_s = ARRIVES_WITHIN_S
    taken_within_s = TAKEN_WITHIN_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._since = 0.0
        self._arrival: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None
        self._untaken_since: float | None = None
        self._is_cut_off = False
        self._bytes_of_no_body = 0
        self._head_bytes = 0
        self._in_head = True
        self._too_large = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn's; where there are too many, a greedy one is cut off, else the one that is waited for longest."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._expect()
        self._look_later()
        if len(self.connections) > self.connections_limit:
            self._make_room()

    def _make_room(self) -> None:
        ours = [one for one in self.connections if isinstance(one, Connection) and not one._is_cut_off]
        if len(ours) > self.connections_limit:
            idle = (one for one in ours if one.is_waited_for)
            min(idle, key=lambda one: (not one._is_greedy, one._since), default=self)._cut_off()

    @property
    def is_waited_for(self) -> bool:
        """Nothing is being done for it: its request is not whole, or there is none; or it is greedy."""
        return self._is_greedy or self._arrival is not None or self.timeout_keep_alive_task is not None

    @property
    def _is_greedy(self) -> bool:
        """It does not take its answer, or asks for more before it has it."""
        return self._has_untaken or bool(self.pipeline)

    @property
    def _has_untaken(self) -> bool:
        return self.transport.get_write_buffer_size() > 0

    def _look_later(self) -> None:
        self._look = self.loop.call_later(self.taken_within_s / 4, self._see_whether_taken)

    def _see_whether_taken(self) -> None:
        now = self.loop.time()
        if not self._has_untaken:
            self._untaken_since = None
        elif self._untaken_since is None:
            self._untaken_since = now
        elif now - self._untaken_since >= self.taken_within_s:
            self._cut_off()
            return
        self._look_later()

    def _cut_off(self) -> None:
        """It counts no more from now on; the transport tells of its end a little later."""
        self._is_cut_off = True
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn's."""
        self._arrived()
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As uvicorn's, as long as what comes gets on."""
        self._expect()
        self._bytes_of_no_body += len(data)
        super().data_received(data)
        if self._bytes_of_no_body > HEAD_LIMIT and not self.transport.is_closing():
            self._too_large = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A new request: its time and its bytes are counted anew."""
        super().on_message_begin()
        self._head_bytes = 0
        self._in_head = True
        self._expect()

    def on_url(self, url: bytes) -> None:
        """As uvicorn's, up to the limit."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """As uvicorn's, up to the limits; trailers behind a body count, and are no headers."""
        self._count(len(name) + len(value))
        if self._in_head:
            if len(self.headers) >= HEADERS_LIMIT:
                self._too_large = True
                raise httptools.HttpParserError("too many headers")
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """As uvicorn's."""
        super().on_headers_complete()
        if len(self.pipeline) > PIPELINE_LIMIT:
            raise httptools.HttpParserError("too many requests at once")
        self._bytes_of_no_body = 0
        self._in_head = False

    def on_body(self, body: bytes) -> None:
        """As uvicorn's."""
        self._bytes_of_no_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """As uvicorn's: it is all there."""
        self._bytes_of_no_body = 0
        self._arrived()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read, or is too much, and end the connection."""
        if self._too_large:
            self._refuse(431, "head_too_large", f"At most {HEAD_LIMIT} bytes and {HEADERS_LIMIT} headers.")
        else:
            self._refuse(400, "not_http", "This is no request that can be read.")

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_LIMIT:
            self._too_large = True
            raise httptools.HttpParserError("too large a head")

    def _expect(self) -> None:
        if self._arrival is None and not self.transport.is_closing():
            self._arrival = self.loop.call_later(self.arrives_within_s, self._late)

    def _arrived(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None

    def _late(self) -> None:
        self._arrival = None
        self._refuse(408, "too_slow", f"A request has to be there within {self.arrives_within_s:.0f} s.")

    def _refuse(self, status: int, code: str, words: str) -> None:
        """An answer like all others, where none is being given; then the end, of which the application hears."""
        if self.transport.is_closing():
            return
        # In the middle of an answer, or of its making, no other may begin: it would be read as part of that one.
        if self.cycle is None or self.cycle.response_complete:
            body = json.dumps({"error": code, "detail": [words]}).encode()
            head = (
                f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()
