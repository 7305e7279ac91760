"""The alerting loop: what sources posted becomes incidents, steps that are due run, pages are made.

One step is one transaction with a bounded share of each, so that an Ack never waits behind a surge.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.clock import Clock
from bridge.domain.alerts import Alert, News
from bridge.domain.errors import PersonError
from bridge.oncall.who import Roster
from bridge.services.escalate import Escalation
from bridge.services.intake import Intake
from bridge.services.notices import Notices
from bridge.services.paging import Paging
from bridge.store import alert_inbox, incidents
from bridge.store.alert_inbox import Posted
from bridge.store.database import Database

log = logging.getLogger(__name__)

ALERTS_A_STEP = 25
STEPS_A_STEP = 50

ONE_REQUEST_WITHIN = timedelta(seconds=1)
"""So long pages wait for the rest of a request, and of the steps that are due: one page stands for all of it."""

STILL_COMING_S = 0.25
"""So long after a request was kept, more are expected."""

REST = 3.0
"""While requests come in, the loop rests so many times as long as a step took: they share one writer."""

Read = Callable[[str, bytes, str], News]
"""(source, body, content type) -> its news. Raises `PersonError` for what is none."""

RosterOf = Callable[[Connection], Roster]
"""Who is on call, as the database and the file in force have it."""


class Alerting:
    """`step` is called by a `WorkLoop`. `wake_delivery` is called when there may be pages to send."""

    def __init__(
        self,
        *,
        database: Database,
        read: Read,
        roster: RosterOf,
        intake: Intake,
        escalation: Escalation,
        paging: Paging,
        notices: Notices,
        clock: Clock,
        on_written: Callable[[], None],
    ) -> None:
        """`on_written`: something was written that delivery and chat should look at."""
        self._database = database
        self._read = read
        self._roster = roster
        self._intake = intake
        self._escalation = escalation
        self._paging = paging
        self._notices = notices
        self._clock = clock
        self._on_written = on_written
        self._kept_at = -STILL_COMING_S
        self._open: tuple[int, News] | None = None  # what was read of a request that is not taken in whole

    async def step(self) -> float | None:
        """Do a share of what is to be done. Gives the seconds until there is more."""
        if not await self._database.read(self._is_due):
            return await self._database.read(self._until_due)
        loop = asyncio.get_running_loop()
        started = loop.time()
        again_at = await self._database.write(self._step)
        if loop.time() - self._kept_at < STILL_COMING_S:
            # Requests still come in, and each wants an answer within seconds; what waits here joins the next page.
            await asyncio.sleep(REST * (loop.time() - started))
        log.debug("a step of alerting is committed", extra={"event": "alerting.committed"})
        self._on_written()
        return None if again_at is None else (again_at - self._clock.now()).total_seconds()

    def kept(self) -> None:
        """A request was kept just now."""
        self._kept_at = asyncio.get_running_loop().time()

    def _is_due(self, connection: Connection) -> bool:
        now = self._clock.now()
        due_at = incidents.next_due(connection)
        if alert_inbox.oldest(connection) is not None or (due_at is not None and due_at <= now):
            return True
        page_at = self._paging.next_at(connection)
        return page_at is not None and page_at <= now

    def _until_due(self, connection: Connection) -> float | None:
        now = self._clock.now()
        found = [at for at in (incidents.next_due(connection), self._paging.next_at(connection)) if at is not None]
        return (min(found) - now).total_seconds() if found else None

    def _step(self, connection: Connection) -> datetime | None:
        now = self._clock.now()
        roster = self._roster(connection)
        if self._take_in(connection, roster, now):
            return now  # the rest of that request belongs into the same pages
        self._escalation.run(connection, incidents.due(connection, now, STEPS_A_STEP), roster, now)
        step_at = incidents.next_due(connection)
        if step_at is not None and now - ONE_REQUEST_WITHIN < step_at <= now:
            return now  # and so do the steps that are due with these
        page_at = self._paging.make(connection, roster, now)
        more = alert_inbox.oldest(connection) is not None
        times = [at for at in (now if more else None, incidents.next_due(connection), page_at) if at is not None]
        return min(times, default=None)

    def _take_in(self, connection: Connection, roster: Roster, now: datetime) -> bool:
        """Take in a share of what was kept. True while a request that came just now is taken in by half."""
        share: list[tuple[Alert, datetime]] = []
        done: list[int] = []
        halved = False
        for posted in alert_inbox.waiting(connection, ALERTS_A_STEP):
            news = self._news(connection, posted)
            if news is None:
                continue
            some = news.alerts[posted.taken : posted.taken + ALERTS_A_STEP - len(share)]
            share += [(alert, posted.received_at) for alert in some]
            taken = posted.taken + len(some)
            if taken < len(news.alerts):
                alert_inbox.took(connection, posted, taken)
                halved = now - posted.received_at < ONE_REQUEST_WITHIN
                break
            self._tell_truncated(connection, posted, news, now)
            done.append(posted.id)
        self._intake.take_all(connection, share, roster, now=now)
        alert_inbox.done(connection, done)
        return halved

    def _news(self, connection: Connection, posted: Posted) -> News | None:
        """What it holds; None for what cannot be read any more, which is set aside. Read once for all of its shares."""
        if self._open is not None and self._open[0] == posted.id:
            return self._open[1]
        try:
            news = self._read(posted.source, posted.body, posted.content_type)
        except PersonError as error:
            # The door read it before it was kept: only another version of us can come to this.
            log.error("a request of %s cannot be read: %s", posted.source, error, extra={"event": "alerts.unreadable"})
            alert_inbox.set_aside(connection, posted, str(error))
            return None
        self._open = (posted.id, news)
        return news

    def _tell_truncated(self, connection: Connection, posted: Posted, news: News, now: datetime) -> None:
        if news.truncated:
            words = f"{posted.source} left {news.truncated} alerts out of its request: they can be seen only there."
            self._notices.tell(connection, f"truncated:{posted.id}", words, now)
