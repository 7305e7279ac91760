"""From "somebody shall be paged" to a page: one a person and interval, which stands for all that is new."""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.delivery import Cause, State
from bridge.oncall.records import Person
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices, post_key, show_incident
from bridge.services.incidents import the_end
from bridge.services.incidents.one_by_one import Odd, one_by_one
from bridge.services.incidents.sent_pages import MakeToken, go_on, hash_of
from bridge.store import incident_log, incidents, messages, page_requests, pages, posts
from bridge.store.pages import Page
from bridge.store.posts import Place, Subject

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
            self._move(connection, queued, person, ids, now)
        else:
            self._add(connection, person, ids, now)

    def _at(
        self, connection: Connection, key: str, first_due: datetime, queued: Page | None, now: datetime
    ) -> datetime:
        """When this person's next page is to be made.

        What is not with the gateway yet takes more in; else a person is left alone for the interval.
        """
        if queued is not None:
            return first_due
        last = pages.last_paged(connection, key)
        # A page of a time to come was made before the clock was put back.
        return first_due if last is None or last > now else max(first_due, last + self._interval)

    def _lost(self, connection: Connection, ids: Collection[int], key: str, now: datetime) -> None:
        """The file changed after the step: who was to be paged has no phone there any more."""
        page_requests.drop(connection, ids, person=key)
        incident_log.note(connection, ids, "page.lost", f"{key} has no phone in the on-call file", now)
        incidents.hurry(connection, page_requests.without_hope(connection, ids), now)
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
            hopeless = page_requests.without_hope(connection, [incident_id])
            go_on(connection, self._notices, hopeless, roster, now)
            the_end.pages_ended(connection, self._notices, [incident_id], now)

        # An incident that fails here, too, is told of when its own timer runs out.
        one_by_one(connection, sorted({incident_id for (_, incident_id), _ in odd}), next_step)

    def _join(self, connection: Connection, page: Page, person: Person, ids: Collection[int]) -> None:
        page_requests.answer(connection, page.id, person.key, ids)
        posts.touch_incidents(connection, ids)

    def _move(self, connection: Connection, old: Page, person: Person, ids: Sequence[int], now: datetime) -> None:
        """The person has another number by now: what waited for the old one goes to the new one."""
        messages.move(connection, old.message_id, Cause.CANCEL, State.CANCELLED, now=now)
        also = page_requests.take_back(connection, old.id, ids)
        self._add(connection, person, sorted({*ids, *also}), now)

    def _add(self, connection: Connection, person: Person, ids: Sequence[int], now: datetime) -> None:
        page_id = pages.add(
            connection,
            person,
            key=f"{person.key}:{ids[0]}:{now.timestamp():.6f}",
            hash_of=lambda message_id: hash_of(self._make_token(message_id, now)),
            now=now,
        )
        page_requests.answer(connection, page_id, person.key, ids)
        if person.telegram is not None:
            self._copy(connection, page_id, ids, person.telegram, now)
        posts.touch_incidents(connection, ids)
        log.info("page P%d made, for %d incidents", page_id, len(ids), extra={"event": "page.made"})

    def _copy(self, connection: Connection, page_id: int, ids: Sequence[int], user_id: int, now: datetime) -> None:
        """A private copy for whoever has pressed Start: the incident's card, or one for all of the page."""
        place = Place(chat_id=user_id)
        if len(ids) == 1:
            show_incident(connection, ids[0], place, now)
        else:
            posts.show_card(connection, post_key(f"page:{page_id}", place), place, Subject(page_id=page_id), now)
