"""A raw HTTP/1.1 server on loopback that can break every rule: what web frameworks rightly refuse to do.

`Wire` is one connection, `Listener` the port. The port stays ours while it refuses, so that nobody takes it meanwhile.
"""

import asyncio
import contextlib
import socket
import ssl as tls
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import responses
from typing import cast

import httptools


@dataclass(frozen=True, kw_only=True, slots=True)
class RawRequest:
    """A whole request as it came. `headers` by lower-case name; `connection` counts from 1."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What goes back, before anything is done to it on the way."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"

    def head(self, *, length: int | None) -> bytes:
        """The head alone, for a body of `length` bytes (None: no length is given)."""
        lines = [f"HTTP/1.1 {self.status} {responses.get(self.status, 'Status')}", f"Content-Type: {self.content_type}"]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def whole(self) -> bytes:
        """As an honest server sends it."""
        return self.head(length=len(self.body)) + self.body


class Wire(asyncio.Protocol):
    """One connection: reads requests, and lets its owner write what it likes."""

    def __init__(self, *, number: int, on_request: Callable[[RawRequest, "Wire"], None], wires: set["Wire"]) -> None:
        self.number = number
        self.lost = asyncio.Event()
        self._on_request = on_request
        self._wires = wires
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._wires.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wires.discard(self)
        self.lost.set()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.close()
        except httptools.HttpParserCallbackError:
            raise  # a mistake of ours
        except httptools.HttpParserError:
            self.write(Answer(body=b"not HTTP", status=400, content_type="text/plain").whole())
            self.close()

    # what httptools calls

    def on_message_begin(self) -> None:
        self._target, self._headers, self._body = b"", {}, []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        request = RawRequest(
            method=self._parser.get_method().decode("latin-1"),
            target=self._target.decode("latin-1"),
            headers=self._headers,
            body=b"".join(self._body),
            connection=self.number,
        )
        self._on_request(request, self)

    # what the owner does

    def write(self, data: bytes) -> None:
        """Does nothing on a broken connection."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """An orderly end, after what was written."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """The peer sees "connection reset by peer"."""
        if self._transport is not None and (sock := self._transport.get_extra_info("socket")) is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()


class Listener:
    """One port. `refuse` and `accept` take effect before they return."""

    def __init__(self, on_request: Callable[[RawRequest, Wire], None]) -> None:
        self._on_request = on_request
        self._wires: set[Wire] = set()
        self._server: asyncio.Server | None = None
        self._socket: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None
        self._ssl: tls.SSLContext | None = None
        self.connections = 0
        self.host, self.port = "127.0.0.1", 0

    async def start(self, host: str, port: int, ssl: tls.SSLContext | None) -> None:
        """Raises OSError where the port is taken."""
        self.host, self._ssl = host, ssl
        self._socket = self._bind(port)
        self.port = self._socket.getsockname()[1]
        await self._serve(self._socket)

    def refuse(self) -> None:
        """From now on connections are refused; open ones end. Does nothing where nothing was started."""
        if self._socket is None:
            return
        if self._task is not None:
            self._task.cancel()
        if self._server is not None:
            self._server.close()
            self._server = None
        self._socket.close()
        self.drop()
        self._socket = self._bind(self.port)

    def accept(self) -> None:
        """The opposite of `refuse`."""
        if self._socket is not None and self._server is None:
            self._socket.listen(100)  # from here on the kernel takes connections, whenever the loop gets to them
            self._task = asyncio.get_running_loop().create_task(self._serve(self._socket))

    def drop(self) -> None:
        """Close every open connection in an orderly way, as a server does with idle ones."""
        for wire in list(self._wires):
            wire.close()

    async def stop(self) -> None:
        """Closes the port and breaks every connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        wires = list(self._wires)
        for wire in wires:
            wire.reset()
        for wire in wires:
            await wire.lost.wait()

    def _bind(self, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setblocking(False)
            sock.bind((self.host, port))
        except OSError:
            sock.close()
            raise
        return sock

    async def _serve(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._wire, sock=sock, ssl=self._ssl, backlog=1000)

    def _wire(self) -> Wire:
        self.connections += 1
        return Wire(number=self.connections, on_request=self._on_request, wires=self._wires)
