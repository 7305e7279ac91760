"""What the link of a page opens: how its incidents stand, and one Ack for all of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.errors import Refused
from bridge.oncall.who import Roster
from bridge.services.incidents.ack_token import can_be_one, hash_of
from bridge.services.incidents.respond import acknowledge
from bridge.store import pages
from bridge.store.page_standing import PageStanding, standing
from bridge.store.pages import Page

OPENS_FOR = timedelta(hours=24)
"""After the last of its incidents was resolved."""

MOST_SHOWN = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Linked:
    """A page as its link shows it. `words`: what came of an Ack by it, "" when none was asked for.

    `refused`: why nothing came of it, in a stable word.
    """

    page: Page
    standing: PageStanding
    words: str = ""
    refused: str = ""


def look(connection: Connection, token: str, now: datetime) -> Linked | None:
    """The page of this token; None when there is none, alike for one that is dead. Changes nothing."""
    if not can_be_one(token):
        return None
    page = pages.by_token(connection, hash_of(token))
    if page is None:
        return None
    found = standing(connection, page.id, MOST_SHOWN)
    if not found.total or (found.resolved_at is not None and now - found.resolved_at >= OPENS_FOR):
        return None
    return Linked(page=page, standing=found)


def answer(connection: Connection, token: str, roster: Roster, now: datetime) -> Linked | None:
    """Acknowledge whatever is open of the page, by the person that it was sent to; None as `look` has it."""
    before = look(connection, token, now)
    if before is None:
        return None
    page = before.page
    refused = ""
    try:
        ids = pages.incident_ids(connection, page.id)
        words = acknowledge(connection, ids, by=page.person_name, via="link", roster=roster, now=now).words
    except Refused as error:
        words, refused = str(error), error.code
    return Linked(page=page, standing=standing(connection, page.id, MOST_SHOWN), words=words, refused=refused)
