"""While pages cannot leave, people hear of it: no SMS will wake anybody, so somebody has to call."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.delivery import State
from bridge.domain.outcome import Accepted
from bridge.domain.wording import age, count, reason
from bridge.services.chat.notices import Notices
from bridge.services.chat.standing_alarm import StandingAlarm
from bridge.store import waiting_pages
from bridge.store.outcomes import Finished

log = logging.getLogger(__name__)

NAME = "pages:stuck"

NAMED = 5
"""More people than that are only counted."""

PATIENCE = timedelta(minutes=1)
"""A gateway that fails for less is tried again, and nobody needs to know."""


def tell(connection: Connection, notices: Notices, ended: Sequence[Finished], now: datetime) -> None:
    """`ended`: attempts of pages that ended just now. Told to the chat and every admin, and once an hour again.

    Over it is when one leaves and none is stuck any more: a gateway may take one number and never another.
    """
    alarm = StandingAlarm(notices, NAME)
    leaves = any(isinstance(one.outcome, Accepted) for one in ended)
    if leaves and alarm.stands(connection) and not waiting_pages.stuck(connection, now, PATIENCE):
        alarm.end(connection, "Pages leave again.", now)
        return
    stuck = [one for one in ended if one.next.state is State.QUEUED and _goes_on_until(one, now) >= PATIENCE]
    if not stuck:
        return
    first = min(stuck, key=lambda one: one.delivery.round_started_at)
    waited = now - first.delivery.round_started_at
    how_long = "have not left" if waited >= PATIENCE else "cannot leave"
    span = age((waited if waited >= PATIENCE else _goes_on_until(first, now)).total_seconds())
    why = reason(first.outcome.reason.value)
    people = _together(waiting_pages.stuck(connection, now, PATIENCE))
    words = f"Pages {how_long} for {span}: {why}. No SMS wakes {people}, so call. The pages are tried on."
    if alarm.say(connection, words, now):
        log.warning("pages %s for %s: %s", how_long, span, why, extra={"event": "page.stuck"})


def _goes_on_until(one: Finished, now: datetime) -> timedelta:
    """How long it will have waited at its next attempt, at least: a gateway may have asked for an hour."""
    return max(now, one.next.due_at or now) - one.delivery.round_started_at


def _together(names: Sequence[str]) -> str:
    """All of them, or how many they are."""
    if len(names) > NAMED:
        return count(len(names), "person", "people")
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
