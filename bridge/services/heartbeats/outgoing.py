"""The heartbeat that goes out: an address that is called while due work really moves, so that silence tells others."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import httpx

from bridge.clock import Clock
from bridge.domain.errors import StoreUnavailable
from bridge.engine.work_loop import WorkLoop
from bridge.store import vitals
from bridge.store.database import Database

log = logging.getLogger(__name__)

EVERY_S = 60.0
CALL_LIMIT_S = 10.0
COMMIT_LIMIT_S = 4.0

TURNED_WITHIN = timedelta(minutes=2)
DUE_WITHIN = timedelta(minutes=2)
"""How long a loop may not have turned, and how long anything may be due, before the calls stop."""


class OutgoingHeartbeat:
    """`step` is called by a `WorkLoop`. The address may hold a secret: it is in no log."""

    def __init__(
        self,
        *,
        url: str,
        client: httpx.AsyncClient,
        database: Database,
        loops: Sequence[WorkLoop],
        try_commit: Callable[[], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._url = url
        self._client = client
        self._database = database
        self._loops = loops
        self._try_commit = try_commit
        self._clock = clock
        self._begun = False
        self._trouble = ""
        self._moved_at: datetime | None = None
        self._limit: asyncio.Timeout | None = None  # of the call that runs

    def outcome_written(self) -> None:
        """An attempt of a delivery ended: a long queue moves, however old its first row is."""
        self._moved_at = self._clock.now()

    async def step(self) -> float | None:
        """Call the address, if all is well. Not at once: a service that starts again and again is not well."""
        if not self._begun:
            self._begun = True
            return EVERY_S
        reasons = await self.reasons_against()
        self._say(f"the heartbeat is withheld: {'; '.join(reasons)}" if reasons else await self._call())
        return EVERY_S

    async def reasons_against(self) -> list[str]:
        """Why due work does not move; empty when it does."""
        now = self._clock.now()
        reasons = [
            f"the {loop.name} loop stands still" for loop in self._loops if not loop.is_turning(now, TURNED_WITHIN)
        ]
        try:
            async with asyncio.timeout(COMMIT_LIMIT_S):
                await self._try_commit()
                standing = await self._database.read(vitals.read)
        except StoreUnavailable as error:
            return [*reasons, str(error)]
        except TimeoutError:
            return [*reasons, f"database: no commit within {COMMIT_LIMIT_S:.0f} s"]
        late = standing.late(now, DUE_WITHIN)
        if self._moved_at is not None and now - self._moved_at <= DUE_WITHIN:
            late.pop("oldest_due_delivery_s", None)
        return [*reasons, *(f"{name} {seconds}" for name, seconds in late.items())]

    def hang_up(self) -> None:
        """A call that runs ends now."""
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def _call(self) -> str:
        """Call the address; gives what is wrong, "" for nothing."""
        try:
            async with asyncio.timeout(CALL_LIMIT_S) as self._limit, self._client.stream("GET", self._url) as answer:
                return "" if answer.is_success else f"BRIDGE_HEARTBEAT_URL answers {answer.status_code}"
        except TimeoutError:
            return f"BRIDGE_HEARTBEAT_URL does not answer within {CALL_LIMIT_S:.0f} s"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return f"BRIDGE_HEARTBEAT_URL cannot be called: {type(error).__name__}"
        finally:
            self._limit = None

    def _say(self, trouble: str) -> None:
        """Once for each new trouble, not once a minute."""
        kind = trouble.partition(":")[0]
        if trouble and kind != self._trouble:
            log.error("%s", trouble, extra={"event": "heartbeat.withheld"})
        elif self._trouble and not trouble:
            log.warning("BRIDGE_HEARTBEAT_URL is called again", extra={"event": "heartbeat.called"})
        self._trouble = kind
