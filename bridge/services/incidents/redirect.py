"""The on-call file changed while a page waited: to which number it goes now, or that it ends."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from bridge.domain.delivery import Next, State
from bridge.domain.outcome import NotSent, Reason
from bridge.oncall.records import Person
from bridge.services.incidents import new_page
from bridge.services.incidents.ack_token import MakeToken
from bridge.services.incidents.one_by_one import together_or_each
from bridge.store import incident_log, pages, posts, waiting_pages
from bridge.store.outcomes import Finished
from bridge.store.queue import Claimed
from bridge.store.waiting_pages import WaitingPage

log = logging.getLogger(__name__)

MOST_LOGGED = 50
"""A page for thousands is one line in the log of its first ones: the rest find it by the page."""

Changed = Sequence[tuple[WaitingPage, Person | None]]


def redirect(
    connection: Connection,
    due: Sequence[WaitingPage],
    people: Mapping[str, Person],
    make_token: MakeToken,
    now: datetime,
) -> list[Finished]:
    """What is due to another number than its person has by now goes there; gives what ended, since they have none."""
    reached = [(one, _with_phone(people.get(one.person))) for one in due]
    changed = [(one, person) for one, person in reached if person is None or person.phone != one.number]
    if not changed:
        return []
    odd = together_or_each(connection, changed, lambda some: _change(connection, some, make_token, now))
    for (one, _), why in odd:  # as it is, it may still wake somebody
        extra = {"event": "page.odd", "message_id": one.message_id}
        log.error("a page cannot follow the on-call file: %s", why, extra=extra)
    left = {one.message_id for (one, _), _ in odd}
    return [_ended(one, now) for one, person in changed if person is None and one.message_id not in left]


def _with_phone(person: Person | None) -> Person | None:
    return person if person and person.phone else None


def _change(connection: Connection, changed: Changed, make_token: MakeToken, now: datetime) -> None:
    found = pages.by_message(connection, {one.message_id for one, _ in changed})
    for one, person in changed:
        if person is None:
            waiting_pages.give_up(connection, one.message_id, Reason.NO_NUMBER, now)
            continue
        page = found[one.message_id]
        ids = pages.incident_ids(connection, page.id)
        new_page.move(connection, page, person, (), make_token, now)
        words = f"{page.code} to {page.person_name} is taken back: the on-call file has another number for them"
        incident_log.note(connection, ids[:MOST_LOGGED], "page.moved", words, now)
        posts.touch_incidents(connection, ids)


def _ended(one: WaitingPage, now: datetime) -> Finished:
    """As an attempt ends of which it is certain that nothing was sent; there was none."""
    return Finished(
        message_id=one.message_id,
        delivery=Claimed(
            id=one.delivery_id, number=one.number, attempt=one.attempt, tries=one.tries, round_started_at=now
        ),
        call="",
        outcome=NotSent(reason=Reason.NO_NUMBER),
        next=Next(state=State.FAILED),
        page=True,
    )
