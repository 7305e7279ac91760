"""From "somebody shall be paged" to an SMS: one page a person and interval, which stands for all that is new."""

import hashlib
import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.delivery import Cause, State
from bridge.domain.page_text import PageFacts, page_text
from bridge.domain.segments import split
from bridge.domain.wording import reason
from bridge.oncall.records import Person
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices, post_key, show_incident
from bridge.services.incidents import page_outage, the_end
from bridge.services.incidents.policies import policy_of, steps_of
from bridge.store import incident_log, incidents, messages, page_requests, pages, posts
from bridge.store.incident_log import Entry
from bridge.store.outcomes import Finished
from bridge.store.pages import Page
from bridge.store.posts import Place, Subject
from bridge.store.queue import Call

log = logging.getLogger(__name__)

MakeToken = Callable[[int, datetime], str]
"""Message id of a page, when it was made -> what its ack link ends in: at least 60 bits that nobody can guess."""


class Paging:
    """Makes pages, words them, and sees to what became of them. All inside the caller's transaction."""

    def __init__(
        self,
        *,
        notices: Notices,
        roster: Callable[[Connection], Roster],
        interval: timedelta,
        make_token: MakeToken,
        link: Callable[[str], str],
    ) -> None:
        """`interval`: between two pages of a person. `link`: token -> address of the ack page, "" without one."""
        self._notices = notices
        self._roster = roster
        self._interval = interval
        self._make_token = make_token
        self._link = link

    def make(self, connection: Connection, roster: Roster, now: datetime) -> None:
        """Make the pages that are due."""
        for key, first_due in page_requests.waiting(connection).items():
            queued = pages.queued_of(connection, key)
            if self._at(connection, key, first_due, queued, now) > now:
                continue
            ids = page_requests.requested(connection, key, now)
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

    def next_at(self, connection: Connection, now: datetime) -> datetime | None:
        """When the next page is to be made; None while nobody is to be paged."""
        times = []
        for key, first_due in page_requests.waiting(connection).items():
            queued = pages.queued_of(connection, key)
            if queued is None or not queued.maybe_sent:  # else when that repeat has left: its outcome wakes us
                times.append(self._at(connection, key, first_due, queued, now))
        return min(times, default=None)

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

    def text(self, connection: Connection, call: Call, now: datetime) -> str:
        """What the SMS of a claimed call says: worded at the last moment, so that age and number are true."""
        page = pages.by_message(connection, [call.message_id])[call.message_id]
        first, open_count = pages.worst(connection, page.id, 1)
        if not first:  # resolved in the same moment; an empty SMS would be worse
            first, open_count = incidents.of_ids(connection, pages.incident_ids(connection, page.id)[:1]), 1
        token = self._make_token(call.message_id, page.created_at)
        link = self._link(token)
        text = page_text(
            PageFacts(
                title=first[0].title,
                severity=first[0].severity,
                age=now - first[0].opened_at,
                more=open_count - 1,
                code=page.code,
                link=link,
                maybe_repeat=page.repeat,
            )
        )
        kept = text.replace(token, "…") if link else text  # the token stands nowhere but on the phone
        parts = split(text)
        messages.reword(connection, call.message_id, kept, parts.encoding.value, parts.count)
        return text

    def written(self, connection: Connection, finished: Sequence[Finished], now: datetime) -> None:
        """These outcomes were written, in this transaction: what follows for their incidents."""
        ended = [one for one in finished if one.page]
        if not ended:
            return
        found = pages.by_message(connection, {one.message_id for one in ended})
        entries, bad, about = [], [], set()
        for one in ended:
            page = found[one.message_id]
            words = f"{page.code} to {page.person_name}: {one.next.state.value}"
            if why := reason(one.outcome.reason.value):
                words += f", {why}"
            ids = pages.incident_ids(connection, page.id)
            about |= set(ids)
            # A page for thousands is one line in the log of its first ones: the rest find it by the page.
            entries += [Entry(incident_id=incident_id, event="page.outcome", words=words) for incident_id in ids[:50]]
            if one.next.state is State.UNKNOWN:
                self._once_more(connection, page, now)
            elif one.next.state is State.QUEUED and not pages.worst(connection, page.id, 1)[1]:
                # Answered while it was with the gateway: nobody needs it any more.
                messages.move(connection, page.message_id, Cause.CANCEL, State.CANCELLED, now=now)
            elif one.next.state in page_requests.BAD_ENDS:
                bad.append(page)
            posts.touch_incidents(connection, ids)
        incident_log.write(connection, entries, now)
        page_outage.tell(connection, self._notices, ended, now)
        if bad:
            self._go_on(connection, bad, now)
        the_end.pages_ended(connection, self._notices, about, now)

    def abandoned(self, connection: Connection, message_ids: Collection[int], now: datetime) -> None:
        """These were with the gateway when the process ended, and nobody knows what came of them."""
        for page in pages.by_message(connection, message_ids).values():
            self._once_more(connection, page, now)
            ids = pages.incident_ids(connection, page.id)
            the_end.pages_ended(connection, self._notices, ids, now)
            posts.touch_incidents(connection, ids)

    def after_absence(self, connection: Connection) -> None:
        """Nobody was there for a while: what still goes out says that it may be a repeat."""
        pages.mark_repeats(connection)

    def _once_more(self, connection: Connection, page: Page, now: datetime) -> None:
        """Nobody knows whether the phone buzzed: once more, at once, and it says so. A second time ends it."""
        _, still_open = pages.worst(connection, page.id, 1)
        if still_open and not page.maybe_sent:
            messages.move(connection, page.message_id, Cause.PAGE_RULE, State.QUEUED, now=now)
            pages.mark_repeat(connection, [page.id])

    def _go_on(self, connection: Connection, bad: Sequence[Page], now: datetime) -> None:
        """Certainly not sent, and nobody else is left in the step: the next step now, not after the wait."""
        roster = self._roster(connection)
        for incident in incidents.of_ids(connection, page_requests.exhausted(connection, [page.id for page in bad])):
            policy = policy_of(roster, incident.policy)
            if policy is None or incident.position <= steps_of(policy):
                incidents.hurry(connection, [incident.id], now)
                continue
            words = f"{incident.code} {incident.title}: its fallback could not be paged either."
            self._notices.alarm(
                connection,
                f"unheard:{incident.id}:{incident.position}:{now.timestamp():.0f}",
                words,
                now,
                about=[incident],
            )


def hash_of(token: str) -> str:
    """As the database keeps the token of an ack link."""
    return hashlib.sha256(token.encode()).hexdigest()
