"""A new page for somebody: what is written down for it, and the copy in their private chat."""

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from bridge.domain.delivery import Cause, State
from bridge.domain.wording import count
from bridge.oncall.records import Person
from bridge.services.chat.notices import post_key, show_incident
from bridge.services.incidents.ack_token import MakeToken, hash_of
from bridge.store import messages, page_requests, pages, posts
from bridge.store.pages import Page
from bridge.store.posts import Place, Subject

log = logging.getLogger(__name__)


def add(
    connection: Connection,
    person: Person,
    ids: Sequence[int],
    make_token: MakeToken,
    now: datetime,
    *,
    instead_of: int = 0,
) -> int:
    """A page to this person about these incidents, at least one, which wait for it; its id. `instead_of`: another."""
    key = f"{person.key}:{ids[0]}:{now.timestamp():.6f}"
    page_id = pages.add(
        connection,
        person,
        key=f"{key}:{instead_of}" if instead_of else key,
        hash_of=lambda message_id: hash_of(make_token(message_id, now)),
        now=now,
    )
    page_requests.answer(connection, page_id, person.key, ids)
    if person.telegram is not None:
        _copy(connection, page_id, ids, person.telegram, now)
    posts.touch_incidents(connection, ids)
    log.info("page P%d made, for %s", page_id, count(len(ids), "incident"), extra={"event": "page.made"})
    return page_id


def move(
    connection: Connection, old: Page, person: Person, ids: Sequence[int], make_token: MakeToken, now: datetime
) -> None:
    """The person has another number by now: what waited for the old one goes to the new one, with these `ids`."""
    messages.move(connection, old.message_id, Cause.CANCEL, State.CANCELLED, now=now)
    if about := sorted({*ids, *page_requests.take_back(connection, old.id, ids, now)}):
        page_id = add(connection, person, about, make_token, now, instead_of=old.id)
        if old.repeat or old.maybe_sent:  # they may have had it at the old number, and may be back at it
            pages.mark_repeat(connection, [page_id])


def _copy(connection: Connection, page_id: int, ids: Sequence[int], user_id: int, now: datetime) -> None:
    """A private copy for whoever has pressed Start: the incident's card, or one for all of the page."""
    place = Place(chat_id=user_id)
    if len(ids) == 1:
        show_incident(connection, ids[0], place, now)
    else:
        posts.show_card(connection, post_key(f"page:{page_id}", place), place, Subject(page_id=page_id), now)
