"""The queue of what is due: claim it, before anything leaves."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, text, update

from bridge.domain.delivery import IllegalMove, State
from bridge.store import switches
from bridge.store.many import Many
from bridge.store.tables import ASKS_A_PERSON, IS_QUEUED, IS_SENDING, attempts, deliveries, messages, microseconds

PRIORITY_PAGE = 0
PRIORITY_SINGLE = 1
PRIORITY_BULK = 2
PRIORITIES = (PRIORITY_PAGE, PRIORITY_SINGLE, PRIORITY_BULK)
"""Smaller goes first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A delivery that is ours for one attempt."""

    id: int
    number: str
    attempt: int
    tries: int  # of this round, this one included
    round_started_at: datetime
    asked: str = ""  # gateways that were asked before in this pass (domain.failover)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One gateway call to make: its attempts are committed as `sending`."""

    id: str  # of the call, in `attempts`
    message_id: int
    text: str
    deliveries: tuple[Claimed, ...]
    claimed_at: datetime
    gateway: str
    page: bool = False


LOOK_AHEAD = 200
"""Due rows that are looked at, at least, where there are several gateways."""

Choose = Callable[[str, str, Collection[str]], str]
"""(number, gateways asked before in this pass, gateways that need not be thought of) -> the gateway to ask."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """What a gateway can take now: so many `calls`, each of at most `batch` numbers."""

    calls: int
    batch: int = 1


def claim(
    connection: Connection,
    *,
    rooms: Mapping[str, Room],
    choose: Choose,
    now: datetime,
    call_ids: Sequence[str],
    only_message: int | None = None,
    process: str = "",
) -> list[Call]:
    """Write down attempts for a call for each of `call_ids`, at most, of numbers that are due, for `process`.

    Gives the calls. Each call carries numbers of one message to one gateway of `rooms`. Nothing else may make these
    calls: the rows are `sending` once this commits.
    """
    # The stop switch is for what people send; pages go on.
    paused = switches.get(connection, switches.PAUSED) is not None
    limit = sum(room.calls * room.batch for room in rooms.values())
    if len(rooms) > 1:  # behind those for a gateway that is busy there may be some for another
        limit = max(limit, LOOK_AHEAD)
    rows = _due(connection, limit, now, only_message, PRIORITIES[:1] if paused else PRIORITIES)
    groups = _group(rows, rooms, choose)[: len(call_ids)]
    if not groups:
        return []
    ids = sorted({group[0].message_id for _, group in groups})
    texts = {row.id: row.text for row in connection.execute(_TEXTS, {"ids": ids})}
    made = [
        Call(
            id=call_id,
            message_id=group[0].message_id,
            text=texts[group[0].message_id],
            claimed_at=now,
            gateway=gateway,
            page=group[0].priority == PRIORITY_PAGE,
            deliveries=tuple(
                Claimed(
                    id=row.id,
                    number=row.number,
                    attempt=row.attempt + 1,
                    tries=row.tries + 1,
                    round_started_at=row.round_started_at or now,
                    asked=row.asked,
                )
                for row in group
            ),
        )
        for (gateway, group), call_id in zip(groups, call_ids, strict=False)
    ]
    at = microseconds(now)
    taken = [(call, one) for call in made for one in call.deliveries]
    claimed = _CLAIM.count(
        connection,
        (
            (one.id, one.attempt, one.tries, microseconds(one.round_started_at), at, call.gateway, process)
            for call, one in taken
        ),
    )
    if claimed != len(taken):  # cannot be while one transaction writes at a time; if it is, nothing may leave
        raise IllegalMove(f"{len(taken) - claimed} deliveries were claimed by somebody else")
    _ADD_ATTEMPTS.run(connection, ((one.id, one.attempt, call.id, call.gateway, at) for call, one in taken))
    return made


_TEXTS = select(messages.c.id, messages.c.text).where(messages.c.id.in_(bindparam("ids", expanding=True)))
_CLAIM = Many(
    update(deliveries)
    .where(deliveries.c.id == bindparam("b_id"), IS_QUEUED)
    .values(
        state=text("'sending'"),
        attempt=bindparam("b_attempt"),
        tries=bindparam("b_tries"),
        round_started_at=bindparam("b_started"),
        changed_at=bindparam("b_now"),
        gateway=bindparam("b_gateway"),
        claimed_by=bindparam("b_process"),
    ),
    *("b_id", "b_attempt", "b_tries", "b_started", "b_now", "b_gateway", "b_process"),
)
_EMPTY = {name: text("''") for name in ("outcome", "reason", "code", "type", "error", "detail", "sms_id")}
_ADD_ATTEMPTS = Many(
    insert(attempts).values(
        delivery_id=bindparam("b_id"),
        attempt=bindparam("b_attempt"),
        call=bindparam("b_call"),
        gateway=bindparam("b_gateway"),
        started_at=bindparam("b_now"),
        **_EMPTY,
    ),
    "b_id",
    "b_attempt",
    "b_call",
    "b_gateway",
    "b_now",
)
_DUE = (
    select(
        deliveries.c.id,
        deliveries.c.message_id,
        deliveries.c.priority,
        deliveries.c.number,
        deliveries.c.attempt,
        deliveries.c.tries,
        deliveries.c.round_started_at,
        deliveries.c.group_size,
        deliveries.c.asked,
    )
    .where(IS_QUEUED, deliveries.c.priority == bindparam("priority"), deliveries.c.due_at <= bindparam("now"))
    .order_by(deliveries.c.due_at, deliveries.c.id)
    .limit(bindparam("room"))
)
_DUE_OF_ONE = _DUE.where(deliveries.c.message_id == bindparam("message"))
_NEXT_DUE = select(func.min(deliveries.c.due_at)).where(IS_QUEUED, deliveries.c.priority == bindparam("priority"))


def _due(
    connection: Connection, limit: int, now: datetime, only_message: int | None, priorities: Iterable[int]
) -> list[Row[Any]]:
    """Due rows, the more urgent first: one index range for each priority, so that a backlog costs nothing."""
    found: list[Row[Any]] = []
    for priority in priorities:
        if len(found) >= limit:
            break
        values: dict[str, object] = {"priority": priority, "now": now, "room": limit - len(found)}
        if only_message is None:
            found.extend(connection.execute(_DUE, values))
        else:
            found.extend(connection.execute(_DUE_OF_ONE, values | {"message": only_message}))
    return found


def _group(rows: Iterable[Row[Any]], rooms: Mapping[str, Room], choose: Choose) -> list[tuple[str, list[Row[Any]]]]:
    """(gateway, rows of one message side by side), in lists as large as the gateway's batch and each row allow."""
    groups: list[tuple[str, list[Row[Any]]]] = []
    open_: dict[tuple[int, str], int] = {}  # (message, gateway) -> index of its list that is not full
    limits: list[int] = []
    calls = Counter({name: room.calls for name, room in rooms.items()})
    for row in rows:
        # A page does not wait for a gateway whose slots are all taken: it may be one that hangs.
        full = [name for name, left in calls.items() if not left] if row.priority == PRIORITY_PAGE else []
        gateway = choose(row.number, row.asked, full)
        size = min(rooms[gateway].batch, row.group_size)
        index = open_.get((row.message_id, gateway))
        if index is not None and len(groups[index][1]) < min(limits[index], size):
            groups[index][1].append(row)
            limits[index] = min(limits[index], size)
            continue
        if not calls[gateway]:
            continue
        calls[gateway] -= 1
        open_[row.message_id, gateway] = len(groups)
        groups.append((gateway, [row]))
        limits.append(size)
    return groups


def next_due(connection: Connection) -> datetime | None:
    """When the next queued delivery is (or was) due; None when none waits."""
    found = [connection.execute(_NEXT_DUE, {"priority": priority}).scalar() for priority in PRIORITIES]
    return min((due for due in found if due is not None), default=None)


def next_page_due(connection: Connection) -> datetime | None:
    """The same of pages."""
    return connection.execute(_NEXT_DUE, {"priority": PRIORITY_PAGE}).scalar()


_COUNT = select(func.count()).select_from(deliveries)
# Each along the index of its own rows: what is over is most of all that there is.
_COUNT_BY_STATE = {
    State.HELD: _COUNT.where(ASKS_A_PERSON, text("state = 'held'")),
    State.QUEUED: _COUNT.where(IS_QUEUED),
    State.SENDING: _COUNT.where(IS_SENDING),
    State.UNKNOWN: _COUNT.where(ASKS_A_PERSON, text("state = 'unknown'")),
}


def counts(connection: Connection) -> dict[State, int]:
    """How many deliveries are in each of the states in which something is still to come."""
    return {state: int(connection.execute(query).scalar_one()) for state, query in _COUNT_BY_STATE.items()}


def not_later_than(connection: Connection, now: datetime, latest: datetime) -> None:
    """What is queued for a time after `latest` is due now."""
    connection.execute(update(deliveries).where(IS_QUEUED, deliveries.c.due_at > latest).values(due_at=now))
