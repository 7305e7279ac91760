"""Bodies of requests: read up to a limit, and never kept beyond it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

LINGER_S = 2.0
LINGER_BYTES = 16 << 20


SMALL = 64 << 10
"""Bytes that any request may hold, whoever sends it: connections are counted, too."""


class NoRoom(Exception):
    """Too much is held already for senders whom nobody knows yet; later there is room again."""


@dataclass(kw_only=True, slots=True)
class Share:
    """What one request holds of a room."""

    room: "BodyRoom"
    held: int = 0

    def hold(self, size: int) -> None:
        """From now on it holds so many bytes. Raises `NoRoom`."""
        more = max(0, size - SMALL) - self.held
        if self.room.held + more > self.room.limit:
            raise NoRoom
        self.held += more
        self.room.held += more


class BodyRoom:
    """Bytes of large bodies that may be held at a time while it is not known who sent them."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """A request's share, given back at the end."""
        share = Share(room=self)
        try:
            yield share
        finally:
            self.held -= share.held


async def read_body(request: Request, limit: int, share: Share | None = None) -> bytes | None:
    """The body, or None when it is larger than `limit` bytes; what is over is not read.

    `share`: what it may hold; raises `NoRoom` where that is too little.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > 18 or int(announced) > limit):
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
        if share is not None:
            share.hold(len(body))
    return bytes(body)


class Parting(Response):
    """An answer to a request of which no more is wanted; then the connection ends.

    Most senders read no answer before they have sent everything, and one that is cut off in the middle never sees it:
    it would try again. So what comes is thrown away, for a short while.
    """

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.body, answer.status_code, {**answer.headers, "Connection": "close"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI application."""

        async def hold(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "more_body": True}
            await send(message)

        await super().__call__(scope, receive, hold)
        thrown_away = 0
        try:
            async with asyncio.timeout(LINGER_S):
                while thrown_away < LINGER_BYTES:
                    message = await receive()
                    thrown_away += len(message.get("body", b""))
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            pass
        await send({"type": "http.response.body", "body": b""})
