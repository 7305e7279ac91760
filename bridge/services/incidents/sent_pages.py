"""Pages on their way to the gateway: what their SMS says, and what follows from what became of it."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from bridge.domain.delivery import Cause, State
from bridge.domain.page_text import UNREADABLE, PageFacts, page_text
from bridge.domain.segments import split
from bridge.domain.wording import reason
from bridge.oncall.records import Person
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices
from bridge.services.incidents import page_outage, the_end
from bridge.services.incidents.ack_token import MakeToken
from bridge.services.incidents.one_by_one import Odd, together_or_each
from bridge.services.incidents.policies import policy_of, steps_of
from bridge.services.incidents.redirect import MOST_LOGGED, redirect
from bridge.store import incident_log, incidents, messages, page_requests, pages, posts, waiting_pages
from bridge.store.database import is_the_stores
from bridge.store.incident_log import LogEntry
from bridge.store.oncall import RosterOf
from bridge.store.outcomes import Finished
from bridge.store.pages import Page
from bridge.store.queue import Call

log = logging.getLogger(__name__)

PeopleOf = Callable[[Connection], Mapping[str, Person] | None]
"""The people of the on-call file in force, by their keys; None where it cannot be read."""


class SentPages:
    """What delivery asks of paging (`services.sms.pages_port`). All inside its transaction."""

    def __init__(
        self,
        *,
        notices: Notices,
        roster: RosterOf,
        people: PeopleOf,
        make_token: MakeToken,
        link: Callable[[str], str],
    ) -> None:
        """`link`: token -> address of the ack page, "" without one."""
        self._notices = notices
        self._roster = roster
        self._people = people
        self._make_token = make_token
        self._link = link

    def text(self, connection: Connection, call: Call, now: datetime) -> str:
        """What the SMS of a claimed call says: worded at the last moment, so that age and number are true."""
        try:
            with connection.begin_nested():
                text, kept = self._words(connection, call, now)
        except Exception as error:
            if is_the_stores(connection, error):
                raise
            # Nothing else leaves while this raises, and an SMS that says little wakes whoever it shall wake.
            log.exception("a page cannot be worded", extra={"event": "page.odd", "message_id": call.message_id})
            text = kept = UNREADABLE
        parts = split(text)
        messages.reword(connection, call.message_id, kept, parts.encoding.value, parts.count)
        return text

    def _words(self, connection: Connection, call: Call, now: datetime) -> tuple[str, str]:
        """The text of its SMS, and the same as it is kept: the token stands nowhere but on the phone."""
        page = pages.by_message(connection, [call.message_id])[call.message_id]
        first, open_count = pages.worst(connection, page.id, 1)
        if not first:  # resolved in the same moment; an empty SMS would be worse
            first, open_count = incidents.of_ids(connection, pages.incident_ids(connection, page.id)[:1]), 1
        token = self._make_token(call.message_id, page.dated)
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
        return text, text.replace(token, "…") if link else text

    def redirect(self, connection: Connection, now: datetime) -> list[Finished]:
        """What waits goes to the number that its person has by now; where they have none any more, it ends.

        Gives what ended so, and what follows has followed. A file that cannot be read changes nothing.
        """
        due = waiting_pages.due(connection, now)
        if not due:
            return []
        try:
            with connection.begin_nested():
                people = self._people(connection)
                ended = [] if people is None else redirect(connection, due, people, self._make_token, now)
                self.written(connection, ended, now)
                return ended
        except Exception as error:
            if is_the_stores(connection, error):
                raise
            # Nothing else leaves while this raises: what waits goes to the numbers that it has.
            log.exception("pages cannot follow the on-call file", extra={"event": "page.odd"})
            return []

    def written(self, connection: Connection, finished: Sequence[Finished], now: datetime) -> None:
        """These outcomes were written, in this transaction: what follows for their incidents."""
        ended = [one for one in finished if one.page]
        if ended:
            odd = together_or_each(connection, ended, lambda some: self._ended(connection, some, now))
            self._tell_odd(connection, [(one.message_id, why) for one, why in odd], now)

    def _ended(self, connection: Connection, ended: Sequence[Finished], now: datetime) -> None:
        found = pages.by_message(connection, {one.message_id for one in ended})
        entries, bad, about = [], set(), set()
        for one in ended:
            page = found[one.message_id]
            words = f"{page.code} to {page.person_name}: {one.next.state.value}"
            if why := reason(one.outcome.reason.value):
                words += f", {why}"
            ids = pages.incident_ids(connection, page.id)
            about |= set(ids)
            entries += [
                LogEntry(incident_id=incident_id, event="page.outcome", words=words)
                for incident_id in ids[:MOST_LOGGED]
            ]
            if one.next.state is State.UNKNOWN:
                self._once_more(connection, page, now)
            elif one.next.state is State.QUEUED and not pages.worst(connection, page.id, 1)[1]:
                # Answered while it was with the gateway: nobody needs it any more.
                messages.move(connection, page.message_id, Cause.CANCEL, State.CANCELLED, now=now)
            elif one.next.state in page_requests.BAD_ENDS:
                bad |= set(ids)
            posts.touch_incidents(connection, ids)
        incident_log.write(connection, entries, now)
        page_outage.tell(connection, self._notices, ended, now)
        if bad:
            go_on(connection, self._notices, page_requests.exhausted(connection, bad), self._roster(connection), now)
        the_end.pages_ended(connection, self._notices, about, now)

    def abandoned(self, connection: Connection, message_ids: Collection[int], now: datetime) -> None:
        """These were with the gateway when the process ended, and nobody knows what came of them."""
        if message_ids:
            some = sorted(message_ids)
            odd = together_or_each(connection, some, lambda ids: self._cut_off(connection, ids, now))
            self._tell_odd(connection, odd, now)

    def _cut_off(self, connection: Connection, message_ids: Sequence[int], now: datetime) -> None:
        for page in pages.by_message(connection, message_ids).values():
            self._once_more(connection, page, now)
            ids = pages.incident_ids(connection, page.id)
            the_end.pages_ended(connection, self._notices, ids, now)
            posts.touch_incidents(connection, ids)

    def _tell_odd(self, connection: Connection, odd: Odd[int], now: datetime) -> None:
        """Their outcome stands written; what should follow from it does not."""
        for message_id, why in odd:
            extra = {"event": "page.odd", "message_id": message_id}
            log.error("what follows from the outcome of a page fails: %s", why, extra=extra)
            words = f"A page (message #{message_id}) has ended, and what should follow fails ({why}): see /alerts."
            self._notices.alarm(connection, f"odd page:{message_id}", words, now)

    def after_absence(self, connection: Connection, left_at: datetime) -> None:
        """Nobody was there for a while: what still goes out from before says that it may be a repeat."""
        pages.mark_repeats(connection, left_at)

    def _once_more(self, connection: Connection, page: Page, now: datetime) -> None:
        """Nobody knows whether the phone buzzed: once more, at once, and it says so. A second time ends it."""
        _, still_open = pages.worst(connection, page.id, 1)
        if still_open and not page.maybe_sent:
            messages.move(connection, page.message_id, Cause.PAGE_RULE, State.QUEUED, now=now)
            pages.mark_repeat(connection, [page.id])


def go_on(connection: Connection, notices: Notices, exhausted: Sequence[int], roster: Roster, now: datetime) -> None:
    """Certainly not paged, and nobody else is left in the step: the next step now, not after the wait."""
    for incident in incidents.of_ids(connection, exhausted):
        policy = policy_of(roster, incident.policy)
        if policy is None or incident.position <= steps_of(policy):
            incidents.hurry(connection, [incident.id], now)
            continue
        words = f"{incident.code} {incident.title}: its fallback could not be paged either."
        notices.alarm(
            connection,
            f"unheard:{incident.id}:{incident.position}:{now.timestamp():.0f}",
            words,
            now,
            about=[incident],
        )
