"""Who tells whom to be alive: builds what watches heartbeats, and what sends ours."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import httpx

from bridge.clock import Clock
from bridge.domain.errors import StoreError
from bridge.engine.embedded import WorkLoop
from bridge.services.chat.notices import Notices
from bridge.services.heartbeats.incoming import Heartbeats
from bridge.services.heartbeats.outgoing import CALL_LIMIT_S, EVERY_S, OutgoingHeartbeat
from bridge.services.incidents.intake import Intake
from bridge.services.oncall.roster_in_force import RosterInForce
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.web.heartbeats import HeartbeatDoor


class HeartbeatDesk:
    """Heartbeats that come in, and the one that goes out."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        *,
        rosters: RosterInForce,
        intake: Intake,
        notices: Notices,
        loops: Sequence[WorkLoop],
        try_commit: Callable[[], Awaitable[None]],
        wake: Callable[[], None],
    ) -> None:
        """`loops`: those whose work must move. `wake`: something was written that every loop should look at."""
        self.heartbeats = Heartbeats(
            database=database,
            roster=rosters.roster,
            in_force=lambda: rosters.is_readable,
            intake=intake,
            notices=notices,
            clock=clock,
            on_written=wake,
        )
        self.door = HeartbeatDoor(heartbeats=self.heartbeats, names=settings.alert_names())
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
