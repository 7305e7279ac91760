"""Who tells whom to be alive: builds what watches heartbeats, and what sends ours."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import httpx

from bridge.clock import Clock
from bridge.domain.errors import StoreError
from bridge.engine.work_loop import WorkLoop
from bridge.services.heartbeats.incoming import Heartbeats
from bridge.services.heartbeats.outgoing import CALL_LIMIT_S, EVERY_S, OutgoingHeartbeat
from bridge.settings import Settings
from bridge.store.database import Database


class HeartbeatDesk:
    """The loops over heartbeats that come in, and over the one that goes out."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        *,
        heartbeats: Heartbeats,
        loops: Sequence[WorkLoop],
        try_commit: Callable[[], Awaitable[None]],
    ) -> None:
        """`loops`: those whose work must move."""
        self.heartbeats = heartbeats
        self.loop = WorkLoop("heartbeats", self.heartbeats.step, clock, every_s=5)
        self._client = httpx.AsyncClient(timeout=CALL_LIMIT_S, follow_redirects=False)
        self.outgoing = OutgoingHeartbeat(
            url=settings.heartbeat_url,
            client=self._client,
            database=database,
            loops=(*loops, self.loop),
            try_commit=try_commit,
            clock=clock,
        )
        self._outgoing_loop = WorkLoop("outgoing heartbeat", self.outgoing.step, clock, every_s=EVERY_S)
        self._calls = bool(settings.heartbeat_url)

    async def start(self) -> None:
        """Begin to listen, and to call the address if there is one. Time counts from now on."""
        self.heartbeats.listen_anew()
        with suppress(StoreError):  # then the loop says so, and tries again
            await self.heartbeats.step()
        self.loop.start()
        if self._calls:
            self._outgoing_loop.start()

    async def stop(self) -> None:
        """Stop both; note when that was."""
        self.outgoing.hang_up()
        await asyncio.gather(self.loop.stop(), self._outgoing_loop.stop())
        await self.heartbeats.leave()
        await self._client.aclose()
