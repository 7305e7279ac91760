"""Requests of alert sources that were kept become incidents, a share at a time; an odd one stops no other."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.alerts import Alert, News
from bridge.domain.errors import PersonError
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices
from bridge.services.incidents.intake import Intake
from bridge.services.incidents.one_by_one import one_by_one
from bridge.store import alert_inbox
from bridge.store.alert_inbox import Posted

log = logging.getLogger(__name__)

ALERTS_A_STEP = 100
"""A step's own cost is that of some 60 alerts; while it runs, whoever wants to write waits."""

BYTES_A_STEP = 1 << 20
"""Of bodies that a step reads, where one is not larger by itself: a database may be behind a slow line."""

ONE_REQUEST_WITHIN = timedelta(seconds=1)
"""So long pages wait for the rest of a request, and of the steps that are due: one page stands for all of it."""

ReadRequest = Callable[[str, bytes, str], News]
"""(source, body, content type) -> its news. Raises `PersonError` for what is none."""

Share = Sequence[tuple[Posted, Sequence[Alert]]]
"""Requests, and what of each is taken in now."""


Read = tuple[tuple[int, datetime], News]
"""What was read of a request: its id and when it was received, and what it says."""


class KeptRequests:
    """Takes them in, in their order. Called inside a transaction."""

    def __init__(self, *, read: ReadRequest, intake: Intake, notices: Notices) -> None:
        self._read = read
        self._intake = intake
        self._notices = notices
        # What was read of a request that is not taken in whole.
        self._open: Read | None = None

    def take_in(self, connection: Connection, roster: Roster, now: datetime, *, each_alone: bool) -> bool:
        """Take in a share of what was kept. True while a request that came just now is taken in by half.

        `each_alone`: together they failed. What fails alone, too, is set aside and told of: one odd alert must not stop
        the paging of all others.
        """
        share: list[tuple[Posted, Sequence[Alert]]] = []
        done: list[int] = []
        halved, room = False, ALERTS_A_STEP
        known = None if each_alone else self._open  # for all of this step: a transaction may run twice
        for posted in self._waiting(connection, now, known, each_alone=each_alone):
            news = self._news(connection, posted, now, known)
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
        if each_alone:
            self._take_each(connection, share, roster, now)
        else:
            together = [(alert, posted.received_at) for posted, some in share for alert in some]
            self._intake.take_all(connection, together, roster, now=now)
        alert_inbox.done(connection, done)
        return halved

    def _waiting(self, connection: Connection, now: datetime, known: Read | None, *, each_alone: bool) -> list[Posted]:
        """Those that wait; of the `known` one without its body. `each_alone`: what cannot be read is set aside."""
        ids = alert_inbox.waiting_ids(connection, ALERTS_A_STEP, BYTES_A_STEP)
        if not each_alone:
            return alert_inbox.these(connection, ids, known=known[0] if known else None)
        found: list[Posted] = []
        alone = one_by_one(connection, ids, lambda one: found.extend(alert_inbox.these(connection, [one])))
        for posted_id, why in alone:
            self._set_aside(connection, posted_id, "a source", why, now)
        return found

    def _take_each(self, connection: Connection, share: Share, roster: Roster, now: datetime) -> None:
        alerts = [(posted, alert) for posted, some in share for alert in some]

        def alone(one: tuple[Posted, Alert]) -> None:
            posted, alert = one
            self._intake.take(connection, [alert], roster, received_at=posted.received_at, now=now)

        for (posted, alert), why in one_by_one(connection, alerts, alone):
            log.error("an alert of %s cannot be taken in: %s", posted.source, why, extra={"event": "alerts.odd"})
            # The rest of its request goes on: the alert itself is kept, for whoever looks into it.
            body = repr(alert).encode(errors="backslashreplace")
            alert_inbox.keep(connection, posted.source, "text/plain", body, posted.received_at, trouble=why)
            words = f"An alert of {posted.source} cannot be taken in ({why}): look at what it shows."
            self._notices.alarm(connection, f"aside:{posted.id}", words, now)

    def _news(self, connection: Connection, posted: Posted, now: datetime, known: Read | None) -> News | None:
        """What it holds; None for what cannot be read any more, which is set aside. Read once for all of its shares."""
        # An id may come again: that of a request whose commit failed.
        key = posted.id, posted.received_at
        for one in (known, self._open):
            if one is not None and one[0] == key:
                return one[1]
        try:
            news = self._read(posted.source, posted.body, posted.content_type)
        except Exception as error:  # noqa: BLE001 - the door read it: only another version of us can come to this
            why = str(error) if isinstance(error, PersonError) else type(error).__name__
            self._set_aside(connection, posted.id, posted.source, why, now)
            return None
        self._open = (key, news)
        return news

    def _set_aside(self, connection: Connection, posted_id: int, source: str, why: str, now: datetime) -> None:
        log.error("a request of %s cannot be taken in: %s", source, why, extra={"event": "alerts.unreadable"})
        alert_inbox.set_aside(connection, posted_id, why)
        words = f"A request of {source} was taken and cannot be read any more ({why}): look at what it shows."
        self._notices.alarm(connection, f"aside:{posted_id}", words, now)

    def _tell_truncated(self, connection: Connection, posted: Posted, news: News, now: datetime) -> None:
        if news.truncated:
            words = f"{posted.source} left {news.truncated} alerts out of its request: they can be seen only there."
            self._notices.tell(connection, f"truncated:{posted.id}", words, now)
