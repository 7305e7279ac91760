"""Routes on a port of this machine, behind the server that the service has: what goes over the wire is real."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from starlette.requests import Request
from starlette.routing import Route

from bridge.web.connection import Connection
from bridge.web.server import bind, server, web_app


@asynccontextmanager
async def listening(
    routes: Sequence[Route], http: type[Connection] = Connection, **how: Callable[[Request, int], Awaitable[None]]
) -> AsyncIterator[int]:
    """The port on which these answer. `http`: connections with other limits than the service's. `how`: as `web_app`."""
    bound = bind("127.0.0.1", 0)
    serving = server(web_app(routes, **how), http)
    task = asyncio.create_task(serving.serve(sockets=[bound]))
    try:
        yield bound.getsockname()[1]
    finally:
        serving.should_exit = True
        await task


async def raw(port: int, *parts: bytes, wait_s: float = 5.0) -> bytes:
    """What comes back, up to the end of the connection or of the wait, for these bytes.

    Raises ConnectionError where the other side cuts it off.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = b""
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while some := await reader.read(65536):
                    found += some
    finally:
        await hang_up(writer)
    return found


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Cut the connection off; it is gone when this returns."""
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()


def free_port() -> int:
    """A port that nobody uses just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
