"""One ASGI application on a loopback port, inside the running event loop.

Starts and stops at once (uvicorn's own server polls every 0.1 s), and lets the application break connections:
`request.state.transport` is the asyncio transport that the request came by.
"""

import asyncio
import socket
import struct
from typing import Any

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState


class _Protocol(HttpToolsProtocol):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False  # a path holds the bot's token

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport


class Loopback:
    """`start` and `stop` may follow each other; a port that was given or found is kept."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._state = ServerState()
        self._server: asyncio.Server | None = None
        self.host = "127.0.0.1"
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Raises OSError where the port is taken."""
        config = Config(
            self._app, lifespan="off", log_config=None, proxy_headers=False, ws="none", timeout_keep_alive=75
        )
        config.load()
        self._state = state = ServerState()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Protocol(config=config, server_state=state, app_state={}), host, port or self.port
        )
        self.host, self.port = self._server.sockets[0].getsockname()[:2]

    async def stop(self) -> None:
        """Closes the port and breaks every connection. Does nothing where nothing runs."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        if tasks := set(self._state.tasks):
            await asyncio.wait(tasks, timeout=5)
        await server.wait_closed()


def reset(transport: asyncio.Transport) -> None:
    """The peer sees "connection reset by peer" instead of an orderly end."""
    if (sock := transport.get_extra_info("socket")) is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
