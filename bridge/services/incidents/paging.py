"""From "somebody shall be paged" to a page: one a person and interval, which stands for all that is new."""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.clock import LEAP
from bridge.oncall.records import Person
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices
from bridge.services.incidents import new_page, the_end
from bridge.services.incidents.ack_token import MakeToken
from bridge.services.incidents.one_by_one import Odd, one_by_one
from bridge.services.incidents.sent_pages import go_on
from bridge.store import incident_log, incidents, page_requests, pages, posts
from bridge.store.pages import Page

log = logging.getLogger(__name__)


class Paging:
    """Makes pages. Called inside a transaction."""

    def __init__(
        self,
        *,
        notices: Notices,
        interval: timedelta,
        make_token: MakeToken,
    ) -> None:
        """`interval`: between two pages of a person."""
        self._notices = notices
        self._interval = interval
        self._make_token = make_token

    def make(self, connection: Connection, roster: Roster, now: datetime) -> None:
        """Make the pages that are due."""
        for key, first_due in page_requests.waiting(connection).items():
            if first_due <= now:
                self._make(connection, roster, key, first_due, page_requests.requested(connection, key, now), now)

    def make_each(self, connection: Connection, roster: Roster, now: datetime) -> None:
        """As `make`, each request by itself. What fails is dropped, so that others are paged, and the admins told."""

        def alone(one: tuple[str, int]) -> None:
            key, incident_id = one
            due_at = page_requests.due_at(connection, key, incident_id)
            if due_at is not None and due_at <= now:
                self._make(connection, roster, key, due_at, [incident_id], now)

        if odd := one_by_one(connection, page_requests.each_waiting(connection), alone):
            self._cannot_be_made(connection, odd, roster, now)

    def next_at(self, connection: Connection, now: datetime) -> datetime | None:
        """When the next page is to be made; None while nobody is to be paged."""
        times = []
        for key, first_due in page_requests.waiting(connection).items():
            queued = pages.queued_of(connection, key)
            if queued is None or not queued.maybe_sent:  # else when that repeat has left: its outcome wakes us
                times.append(self._at(connection, key, first_due, queued, now))
        return min(times, default=None)

    def _make(
        self,
        connection: Connection,
        roster: Roster,
        key: str,
        first_due: datetime,
        ids: Sequence[int],
        now: datetime,
    ) -> None:
        """Page this person about these incidents, if it is time."""
        queued = pages.queued_of(connection, key)
        if self._at(connection, key, first_due, queued, now) > now:
            return
        person = roster.oncall.people.get(key)
        if person is None or not person.phone:
            self._lost(connection, ids, key, now)
        elif queued and queued.number == person.phone:
            if not queued.maybe_sent:  # else it is a repeat, and they would have none of their own: a page after it
                self._join(connection, queued, person, ids)
        elif queued:
            new_page.move(connection, queued, person, ids, self._make_token, now)
        else:
            new_page.add(connection, person, ids, self._make_token, now)

    def _at(
        self, connection: Connection, key: str, first_due: datetime, queued: Page | None, now: datetime
    ) -> datetime:
        """When this person's next page is to be made.

        What is not with the gateway yet takes more in; else a person is left alone for the interval.
        """
        if queued is not None:
            return first_due
        last = pages.last_paged(connection, key)
        # What is of a time to come is from before the clock was put back; by a little, of a process with another clock.
        return first_due if last is None or last > now + LEAP else max(first_due, last + self._interval)

    def _lost(self, connection: Connection, ids: Collection[int], key: str, now: datetime) -> None:
        """The file changed after the step: who was to be paged has no phone there any more."""
        page_requests.drop(connection, ids, person=key)
        incident_log.note(connection, ids, "page.lost", f"{key} has no phone in the on-call file", now)
        incidents.hurry(connection, page_requests.exhausted(connection, ids), now)
        the_end.pages_ended(connection, self._notices, ids, now)

    def _cannot_be_made(self, connection: Connection, odd: Odd[tuple[str, int]], roster: Roster, now: datetime) -> None:
        """As when a page is certainly not sent: where nobody else is left in the step, the next one runs now."""
        (_, first), error = odd[0]
        more = f" (and {len(odd) - 1} more)" if len(odd) > 1 else ""
        log.error("a page about A%d%s cannot be made: %s", first, more, error, extra={"event": "page.odd"})
        for (key, incident_id), why in odd:
            page_requests.drop(connection, [incident_id], person=key)
            words = f"{key} could not be paged: {why}"
            incident_log.note(connection, [incident_id], "page.lost", words, now)
        words = f"A page about A{first}{more} cannot be made ({error}): the next step runs. The log says more."
        self._notices.alarm(connection, f"unmade:{first}:{now.timestamp():.0f}", words, now)

        def next_step(incident_id: int) -> None:
            go_on(connection, self._notices, page_requests.exhausted(connection, [incident_id]), roster, now)
            the_end.pages_ended(connection, self._notices, [incident_id], now)

        # An incident that fails here, too, is told of when its own timer runs out.
        one_by_one(connection, sorted({incident_id for (_, incident_id), _ in odd}), next_step)

    def _join(self, connection: Connection, page: Page, person: Person, ids: Collection[int]) -> None:
        page_requests.answer(connection, page.id, person.key, ids)
        posts.touch_incidents(connection, ids)
