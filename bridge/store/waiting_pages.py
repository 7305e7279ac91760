"""Pages that wait for the gateway."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, bindparam, case, select, type_coerce, update

from bridge.domain.delivery import Cause, State
from bridge.domain.outcome import Reason
from bridge.store import messages
from bridge.store.queue import PRIORITY_PAGE
from bridge.store.tables import IS_QUEUED, IS_SENDING, UtcTime, deliveries, pages


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingPage:
    """A page that may be claimed. `attempt`: its last one, 0 without; `tries`: attempts of this round."""

    message_id: int
    delivery_id: int
    person: str
    number: str
    attempt: int
    tries: int


# No time of theirs: a row that is odd in one is for whoever claims it, and stops no other here.
_DUE = (
    select(
        pages.c.message_id,
        deliveries.c.id.label("delivery_id"),
        pages.c.person,
        deliveries.c.number,
        deliveries.c.attempt,
        deliveries.c.tries,
    )
    .select_from(deliveries.join(pages, pages.c.message_id == deliveries.c.message_id))
    .where(IS_QUEUED, deliveries.c.priority == PRIORITY_PAGE, deliveries.c.due_at <= bindparam("now"))
    .order_by(deliveries.c.due_at, deliveries.c.id)
)


def due(connection: Connection, now: datetime) -> list[WaitingPage]:
    """Those that may be claimed now, in the order in which they are."""
    return [WaitingPage(**row._mapping) for row in connection.execute(_DUE, {"now": now})]


def stuck(connection: Connection, now: datetime, patience: timedelta) -> list[str]:
    """The names of people whose page is tried in vain for so long, or will have been at its next attempt; sorted."""
    values = {"now": now, "patience_us": patience // timedelta(microseconds=1)}
    return sorted({name for query in _STUCK for name in connection.execute(query, values).scalars()})


_UNTIL = case((deliveries.c.due_at > bindparam("now"), deliveries.c.due_at), else_=bindparam("now", type_=UtcTime))
_TRIED_FOR = type_coerce(_UNTIL, BigInteger) - type_coerce(deliveries.c.round_started_at, BigInteger)
_IS_STUCK = (deliveries.c.priority == PRIORITY_PAGE, deliveries.c.tries > 0)
# Each of the two states has an index of its own.
_STUCK = [
    select(pages.c.person_name)
    .distinct()
    .select_from(deliveries.join(pages, pages.c.message_id == deliveries.c.message_id))
    .where(which, *_IS_STUCK, bindparam("patience_us") <= _TRIED_FOR)
    for which in (IS_QUEUED, IS_SENDING)
]


def give_up(connection: Connection, message_id: int, reason: Reason, now: datetime) -> None:
    """It ends as failed, without an attempt more."""
    if messages.move(connection, message_id, Cause.GIVE_UP, State.FAILED, now=now):
        of_page = update(deliveries).where(deliveries.c.message_id == message_id)
        connection.execute(of_page.values(reason=reason.value, **_NO_WORDS))


_NO_WORDS = dict.fromkeys(("code", "type", "error", "detail", "sms_id"), "")
