"""The alerting loop: what sources posted becomes incidents, steps that are due run, pages are made.

One step is one transaction with a bounded share of each, so that an Ack never waits behind a surge.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from bridge.clock import LEAP, Clock, Leaps
from bridge.domain.errors import StoreError
from bridge.services.incidents.escalate import Escalation
from bridge.services.incidents.kept_requests import ONE_REQUEST_WITHIN, KeptRequests
from bridge.services.incidents.paging import Paging
from bridge.store import alert_inbox, clock_set, incidents
from bridge.store.database import Database
from bridge.store.oncall import RosterOf

log = logging.getLogger(__name__)

STEPS_A_STEP = 50

STILL_COMING_S = 0.25
"""So long after a request was kept, more are expected."""

REST = 3.0
"""While requests come in, the loop rests so many times as long as a step took: they share one writer."""


class Alerting:
    """`step` is called by a `WorkLoop`."""

    def __init__(
        self,
        *,
        database: Database,
        roster: RosterOf,
        requests: KeptRequests,
        escalation: Escalation,
        paging: Paging,
        clock: Clock,
        on_written: Callable[[], None],
    ) -> None:
        """`on_written`: something was written that delivery and chat should look at."""
        self._database = database
        self._roster = roster
        self._requests = requests
        self._escalation = escalation
        self._paging = paging
        self._clock = clock
        self._on_written = on_written
        self._kept_at = -STILL_COMING_S
        self._leaps = Leaps(clock)
        self._has_stepped = False

    async def step(self) -> float | None:
        """Do a share of what is to be done. Gives the seconds until there is more."""
        now, leap = self._clock.now(), self._leaps.seen()
        next_at = await self._look(now)
        if self._has_stepped and not leap and (next_at is None or next_at > now):
            return None if next_at is None else (next_at - now).total_seconds()
        loop = asyncio.get_running_loop()
        started = loop.time()
        again_at = await self._commit(leap)
        self._leaps.settle(leap)
        self._has_stepped = True
        if loop.time() - self._kept_at < STILL_COMING_S:
            # Requests still come in, and each wants an answer within seconds; what waits here joins the next page.
            await asyncio.sleep(REST * (loop.time() - started))
        log.debug("a step of alerting is committed", extra={"event": "alerting.committed"})
        self._on_written()
        return None if again_at is None else (again_at - self._clock.now()).total_seconds()

    def kept(self) -> None:
        """A request was kept just now."""
        self._kept_at = asyncio.get_running_loop().time()

    async def _look(self, now: datetime) -> datetime | None:
        """When there is something to do. An odd row that cannot be read is something to do."""
        try:
            return await self._database.read(partial(self._next_at, now))
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - the step meets it, too, and tells of it
            return now

    async def _commit(self, leap: timedelta) -> datetime | None:
        """A step: all of it at once, which costs least. Where that fails by what it works on, each by itself."""
        try:
            return await self._database.write(partial(self._step, leap))
        except StoreError:
            raise
        except Exception:
            log.exception(
                "a step of alerting met an error of ours: each goes by itself now", extra={"event": "alerting.error"}
            )
            return await self._database.write(partial(self._step_each, leap))

    def _next_at(self, now: datetime, connection: Connection) -> datetime | None:
        """When there is something to do; None while nothing waits."""
        kept_at = now if alert_inbox.oldest(connection) is not None else None
        times = (kept_at, incidents.next_due(connection), self._paging.next_at(connection, now))
        return min((at for at in times if at is not None), default=None)

    def _step(self, leap: timedelta, connection: Connection) -> datetime | None:
        """`leap`: by so much our clock was set since the last step."""
        now = self._clock.now()
        self._set_right(connection, leap, now)
        roster = self._roster(connection)
        if self._requests.take_in(connection, roster, now, each_alone=False):
            return now  # the rest of that request belongs into the same pages
        self._escalation.run(connection, incidents.due(connection, now, STEPS_A_STEP), roster, now)
        step_at = incidents.next_due(connection)
        if step_at is not None and now - ONE_REQUEST_WITHIN < step_at <= now:
            return now  # and so do the steps that are due with these
        self._paging.make(connection, roster, now)
        return self._next_at(now, connection)

    def _step_each(self, leap: timedelta, connection: Connection) -> None:
        """The same, when it failed as a whole: one odd row must not silence the rest. What is odd is set aside.

        It says nothing of what is next: the loop comes again within its second, and not at once for ever.
        """
        now = self._clock.now()
        self._set_right(connection, leap, now)
        roster = self._roster(connection)
        self._requests.take_in(connection, roster, now, each_alone=True)
        self._escalation.run_each(connection, incidents.due_ids(connection, now, STEPS_A_STEP), roster, now)
        self._paging.make_each(connection, roster, now)

    def _set_right(self, connection: Connection, leap: timedelta, now: datetime) -> None:
        """Times that were written by a clock that was wrong."""
        if not self._has_stepped:
            self._seen_by_nobody(connection, now)
        if leap:
            log.warning("the clock was set by %.0f s", leap.total_seconds(), extra={"event": "clock.set"})
            clock_set.move_incidents(connection, leap, now)

    def _seen_by_nobody(self, connection: Connection, now: datetime) -> None:
        """The clock may have gone back while nobody was there."""
        back = clock_set.written_ahead(connection, now)
        if back > LEAP:
            log.warning("the clock went back by %.0f s or more", back.total_seconds(), extra={"event": "clock.set"})
            clock_set.move_incidents(connection, -back, now)
            clock_set.move_pages(connection, -back, now)
