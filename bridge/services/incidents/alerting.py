"""The alerting loop: what sources posted becomes incidents, steps that are due run, pages are made.

One step is one transaction with a bounded share of each, so that an Ack never waits behind a surge.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bridge.clock import LEAP, Clock, Leaps
from bridge.domain.alerts import Alert, News
from bridge.domain.errors import PersonError
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices
from bridge.services.incidents.escalate import Escalation
from bridge.services.incidents.intake import Intake
from bridge.services.incidents.paging import Paging
from bridge.store import alert_inbox, clock_set, incidents
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
    """`step` is called by a `WorkLoop`."""

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
        self._leaps = Leaps(clock)
        self._has_stepped = False
        self._open: tuple[tuple[int, datetime], News] | None = (
            None  # what was read of a request that is not taken in whole
        )

    async def step(self) -> float | None:
        """Do a share of what is to be done. Gives the seconds until there is more."""
        now, leap = self._clock.now(), self._leaps.seen()
        next_at = await self._database.read(partial(self._next_at, now))
        if self._has_stepped and not leap and (next_at is None or next_at > now):
            return None if next_at is None else (next_at - now).total_seconds()
        loop = asyncio.get_running_loop()
        started = loop.time()
        again_at = await self._database.write(partial(self._step, leap))
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

    def _next_at(self, now: datetime, connection: Connection) -> datetime | None:
        """When there is something to do; None while nothing waits."""
        kept_at = now if alert_inbox.oldest(connection) is not None else None
        times = (kept_at, incidents.next_due(connection), self._paging.next_at(connection, now))
        return min((at for at in times if at is not None), default=None)

    def _step(self, leap: timedelta, connection: Connection) -> datetime | None:
        """`leap`: by so much our clock was set since the last step."""
        now = self._clock.now()
        if not self._has_stepped:
            self._seen_by_nobody(connection, now)
        if leap:
            log.warning("the clock was set by %.0f s", leap.total_seconds(), extra={"event": "clock.set"})
            clock_set.move_incidents(connection, leap, now)
        roster = self._roster(connection)
        if self._take_in(connection, roster, now):
            return now  # the rest of that request belongs into the same pages
        self._escalation.run(connection, incidents.due(connection, now, STEPS_A_STEP), roster, now)
        step_at = incidents.next_due(connection)
        if step_at is not None and now - ONE_REQUEST_WITHIN < step_at <= now:
            return now  # and so do the steps that are due with these
        self._paging.make(connection, roster, now)
        return self._next_at(now, connection)

    def _seen_by_nobody(self, connection: Connection, now: datetime) -> None:
        """The clock may have gone back while nobody was there."""
        back = clock_set.written_ahead(connection, now)
        if back > LEAP:
            log.warning("the clock went back by %.0f s or more", back.total_seconds(), extra={"event": "clock.set"})
            clock_set.move_incidents(connection, -back, now)
            clock_set.move_pages(connection, -back, now)

    def _take_in(self, connection: Connection, roster: Roster, now: datetime) -> bool:
        """Take in a share of what was kept. True while a request that came just now is taken in by half.

        What we cannot take in is set aside and told of: one odd request must not stop the paging of all others.
        """
        share: list[tuple[Posted, Sequence[Alert]]] = []
        done: list[int] = []
        halved, room = False, ALERTS_A_STEP
        for posted in alert_inbox.waiting(connection, ALERTS_A_STEP):
            news = self._news(connection, posted, now)
            if news is None:
                continue
            some = news.alerts[posted.taken : posted.taken + room]
            share.append((posted, some))
            room -= len(some)
            taken = posted.taken + len(some)
            if taken < len(news.alerts):
                alert_inbox.took(connection, posted, taken)
                halved = now - posted.received_at < ONE_REQUEST_WITHIN
                break
            self._tell_truncated(connection, posted, news, now)
            done.append(posted.id)
        aside = self._take(connection, share, roster, now)
        alert_inbox.done(connection, [one for one in done if one not in aside])
        return halved

    def _take(
        self, connection: Connection, share: Sequence[tuple[Posted, Sequence[Alert]]], roster: Roster, now: datetime
    ) -> set[int]:
        """Take them in together, or where that fails one by one; gives what was set aside."""
        together = [(alert, posted.received_at) for posted, some in share for alert in some]
        try:
            with connection.begin_nested():
                self._intake.take_all(connection, together, roster, now=now)
        except DBAPIError:
            raise  # the store's trouble, and no request's
        except Exception:
            log.exception("a share of alerts met an error of ours", extra={"event": "alerts.error"})
        else:
            return set()
        aside = set()
        for posted, some in share:
            try:
                with connection.begin_nested():
                    self._intake.take(connection, some, roster, received_at=posted.received_at, now=now)
            except DBAPIError:
                raise
            except Exception as error:  # noqa: BLE001 - told above; its words may hold anything
                self._set_aside(connection, posted, type(error).__name__, now)
                aside.add(posted.id)
        return aside

    def _news(self, connection: Connection, posted: Posted, now: datetime) -> News | None:
        """What it holds; None for what cannot be read any more, which is set aside. Read once for all of its shares."""
        # An id may come again: that of a request whose commit failed.
        key = posted.id, posted.received_at
        if self._open is not None and self._open[0] == key:
            return self._open[1]
        try:
            news = self._read(posted.source, posted.body, posted.content_type)
        except Exception as error:  # noqa: BLE001 - the door read it: only another version of us can come to this
            self._set_aside(
                connection, posted, str(error) if isinstance(error, PersonError) else type(error).__name__, now
            )
            return None
        self._open = (key, news)
        return news

    def _set_aside(self, connection: Connection, posted: Posted, why: str, now: datetime) -> None:
        log.error("a request of %s cannot be taken in: %s", posted.source, why, extra={"event": "alerts.unreadable"})
        alert_inbox.set_aside(connection, posted, why)
        words = f"A request of {posted.source} was taken and cannot be read any more ({why}): look at what it shows."
        self._notices.alarm(connection, f"aside:{posted.id}", words, now)

    def _tell_truncated(self, connection: Connection, posted: Posted, news: News, now: datetime) -> None:
        if news.truncated:
            words = f"{posted.source} left {news.truncated} alerts out of its request: they can be seen only there."
            self._notices.tell(connection, f"truncated:{posted.id}", words, now)
