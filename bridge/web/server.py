"""uvicorn as a task of our event loop."""

import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.domain.errors import SettingsError
from bridge.web.connection import Connection
from bridge.web.problem import problem

BACKLOG = 256
"""So many are taken at once, before any of them is counted: with `CONNECTIONS_LIMIT`, fewer than the files that a
process may have open."""


class Part(Protocol):
    """Some routes of the web app, and what they need."""

    def routes(self) -> list[Route]:
        """For `web_app`."""
        ...


class Server(uvicorn.Server):
    """A uvicorn that leaves the process's signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: `bridge run` decides what a SIGTERM means."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises `SettingsError` naming the setting when it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends at once (TCP_NODELAY) only where the socket says that it is TCP; else a kept connection waits 40 ms
    # for the acknowledgement of each answer's head.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except (OSError, ValueError, TypeError) as error:  # the last two: what cannot be a host's name
        listening.close()
        why = getattr(error, "strerror", None) or "no such host"
        raise SettingsError(f"BRIDGE_HOST, BRIDGE_PORT: cannot listen on {host}:{port}: {why}") from error
    listening.setblocking(False)
    return listening


async def _nothing(_request: Request, _status: int) -> None:
    """Nobody wants to know."""


def web_app(routes: Sequence[Route], astray: Callable[[Request, int], Awaitable[None]] = _nothing) -> Starlette:
    """The routes, with errors as JSON and no redirects. `astray` hears of each request that no route takes."""

    async def not_found(request: Request, _error: Exception) -> Response:
        await astray(request, 404)
        return problem(404, "not_found", "There is no such address: /openapi.json lists those that there are.")

    async def wrong_method(request: Request, error: Exception) -> Response:
        await astray(request, 405)
        return _wrong_method(request, error)

    app = Starlette(
        routes=list(routes),
        exception_handlers={404: not_found, 405: wrong_method, 500: _our_error},
    )
    app.router.redirect_slashes = False
    return app


def _wrong_method(request: Request, error: Exception) -> Response:
    allowed = (error.headers or {}) if isinstance(error, HTTPException) else {}
    takes = " or ".join(sorted({one.strip() for one in allowed.get("Allow", "").split(",")} - {"", "HEAD"}))
    alerts = request.url.path.startswith("/alerts/")
    words = f"{'An alert is sent here by' if alerts else 'This address takes'} {takes}, not {request.method}."
    return problem(405, "wrong_method", words, headers=allowed)


async def _our_error(_request: Request, _error: Exception) -> Response:
    return problem(500, "error", "An error of ours. It is in the log.")


def server(app: Starlette, http: type[Connection] = Connection) -> Server:
    """A server for the app; start it with `serve(sockets=[...])`. `http`: its connections, with their limits."""
    return Server(
        uvicorn.Config(
            app,
            http=http,
            loop="none",
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            timeout_keep_alive=5,
            backlog=BACKLOG,
            timeout_graceful_shutdown=2,
            server_header=False,
        )
    )
