"""NOTIFY and LISTEN: one channel, and a session of each process that does nothing else.

Rung after the commit, not in it: the writer's lock, for which all processes wait, is not held for it, and what comes
while a NOTIFY is under way goes with the next. What is lost that way (a process that dies in between, a session that
is cut) is found by the polls.
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Any

import asyncpg

from bridge.store.bell import Bell, OnRing, Work
from bridge.store.postgres import Connect, explain

log = logging.getLogger(__name__)

CHANNEL = "bridge"
AGAIN_S = 1.0
"""Between two tries to get a session."""
STILL_THERE_S = 10.0
"""How often the session is tried while nothing is rung: one that is cut off hears nothing, and does not say so."""
ANSWER_S = 5.0
LAST_RING_S = 1.0

_EVERYTHING = frozenset(Work)


class PostgresBell(Bell):
    """Rings, and hears the others ring."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._on_ring: OnRing = lambda news: None
        self._news: set[Work] = set()
        self._event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._trouble = ""

    def start(self, on_ring: OnRing) -> None:
        self._on_ring = on_ring
        self._task = asyncio.create_task(self._turn(), name="bell")

    def ring(self, *news: Work) -> None:
        self._news.update(news)
        self._event.set()

    async def aclose(self) -> None:
        if self._task is None:
            return
        self._closing = True
        self._event.set()
        _, late = await asyncio.wait([self._task], timeout=LAST_RING_S)
        for task in late:
            task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _turn(self) -> None:
        while not self._closing:
            try:
                await self._serve()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                self._say(explain(error))
                await asyncio.sleep(AGAIN_S)

    async def _serve(self) -> None:
        """Until the session is lost, which raises, or the end."""
        connection = await self._connect()
        try:
            connection.add_termination_listener(lambda _: self._event.set())
            await connection.add_listener(CHANNEL, self._heard)
            if self._trouble:
                log.warning("other processes are heard again", extra={"event": "bell.recovered"})
                self._trouble = ""
            self._on_ring(_EVERYTHING)  # whatever was rung meanwhile
            while not (self._closing and not self._news):
                await self._say_next(connection)
        finally:
            connection.terminate()

    async def _say_next(self, connection: Any) -> None:
        if not self._news:
            try:
                async with asyncio.timeout(STILL_THERE_S):
                    await self._event.wait()
            except TimeoutError:
                pass
        self._event.clear()
        news, self._news = self._news, set()
        try:
            if news:
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, " ".join(sorted(news)), timeout=ANSWER_S)
            else:
                await connection.execute("SELECT 1", timeout=ANSWER_S)
        except BaseException:
            self._news |= news
            raise

    def _heard(self, connection: Any, session: int, _channel: str, payload: str) -> None:
        if session != connection.get_server_pid():
            self._on_ring(_known(payload))

    def _say(self, trouble: str) -> None:
        """Once for each new trouble."""
        if trouble != self._trouble:
            words = "other processes are not heard at once (%s): what they write is found within seconds"
            log.warning(words, trouble, extra={"event": "bell.trouble"})
            self._trouble = trouble


def _known(payload: str) -> Collection[Work]:
    """A newer version may have words that we do not."""
    words = set(payload.split())
    return [one for one in Work if one in words]
