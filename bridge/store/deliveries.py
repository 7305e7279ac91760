"""The outbox: claim what is due, write down what came of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    update,
)

from bridge.domain.delivery import MOVES, Cause, Next, State, sources
from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.store import posts, switches
from bridge.store.tables import HAS_SMS_ID, IS_QUEUED, IS_SENDING, UtcTime, attempts, deliveries, messages

PRIORITY_SINGLE = 1
PRIORITY_BULK = 2
PRIORITIES = (PRIORITY_SINGLE, PRIORITY_BULK)
"""Smaller goes first; 0 is kept for pages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A delivery that is ours for one attempt."""

    id: int
    number: str
    attempt: int
    tries: int  # of this round, this one included
    round_started_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One gateway call to make: its attempts are committed as `sending`."""

    id: str  # of the call, in `attempts`
    message_id: int
    text: str
    deliveries: tuple[Claimed, ...]
    claimed_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """What came of one attempt, and what follows."""

    message_id: int
    delivery: Claimed
    call: str
    outcome: Outcome
    next: Next


def claim(
    connection: Connection,
    *,
    batch: int,
    gateway: str,
    now: datetime,
    call_ids: Sequence[str],
    only_message: int | None = None,
) -> list[Call]:
    """Write down attempts for a call for each of `call_ids`, at most, of at most `batch` numbers that are due.

    Gives the calls. Each call carries numbers of one message. Nothing else may make these calls: the rows
    are `sending` once this commits.
    """
    if switches.get(connection, switches.PAUSED) is not None:
        return []
    rows = _due(connection, len(call_ids) * batch, now, only_message)
    groups = _group(rows, len(call_ids), batch)
    if not groups:
        return []
    ids = sorted({group[0].message_id for group in groups})
    texts = {row.id: row.text for row in connection.execute(_TEXTS, {"ids": ids})}
    made = [
        Call(
            id=call_id,
            message_id=group[0].message_id,
            text=texts[group[0].message_id],
            claimed_at=now,
            deliveries=tuple(
                Claimed(
                    id=row.id,
                    number=row.number,
                    attempt=row.attempt + 1,
                    tries=row.tries + 1,
                    round_started_at=row.round_started_at or now,
                )
                for row in group
            ),
        )
        for group, call_id in zip(groups, call_ids, strict=False)
    ]
    taken = [(call, one) for call in made for one in call.deliveries]
    connection.execute(
        _CLAIM,
        [
            {
                "b_id": one.id,
                "b_attempt": one.attempt,
                "b_tries": one.tries,
                "b_started": one.round_started_at,
                "b_now": now,
                "b_gateway": gateway,
            }
            for _, one in taken
        ],
    )
    connection.execute(
        _ADD_ATTEMPTS,
        [
            {
                "delivery_id": one.id,
                "attempt": one.attempt,
                "call": call.id,
                "gateway": gateway,
                "started_at": now,
                "outcome": "",
                "reason": "",
                "code": "",
                "type": "",
                "error": "",
                "detail": "",
                "sms_id": "",
            }
            for call, one in taken
        ],
    )
    return made


_TEXTS = select(messages.c.id, messages.c.text).where(messages.c.id.in_(bindparam("ids", expanding=True)))
_ADD_ATTEMPTS = insert(attempts)
_CLAIM = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("b_id"))
    .values(
        state=State.SENDING.value,
        attempt=bindparam("b_attempt"),
        tries=bindparam("b_tries"),
        round_started_at=bindparam("b_started"),
        changed_at=bindparam("b_now"),
        gateway=bindparam("b_gateway"),
    )
)

_DUE = (
    select(
        deliveries.c.id,
        deliveries.c.message_id,
        deliveries.c.number,
        deliveries.c.attempt,
        deliveries.c.tries,
        deliveries.c.round_started_at,
        deliveries.c.group_size,
    )
    .where(IS_QUEUED, deliveries.c.priority == bindparam("priority"), deliveries.c.due_at <= bindparam("now"))
    .order_by(deliveries.c.due_at, deliveries.c.id)
    .limit(bindparam("room"))
)
_DUE_OF_ONE = _DUE.where(deliveries.c.message_id == bindparam("message"))
_NEXT_DUE = select(func.min(deliveries.c.due_at)).where(IS_QUEUED, deliveries.c.priority == bindparam("priority"))


def _due(connection: Connection, limit: int, now: datetime, only_message: int | None) -> list[Row[Any]]:
    """Due rows, the more urgent first: one index range for each priority, so that a backlog costs nothing."""
    found: list[Row[Any]] = []
    for priority in PRIORITIES:
        if len(found) >= limit:
            break
        values: dict[str, object] = {"priority": priority, "now": now, "room": limit - len(found)}
        if only_message is None:
            found.extend(connection.execute(_DUE, values))
        else:
            found.extend(connection.execute(_DUE_OF_ONE, values | {"message": only_message}))
    return found


def _group(rows: Iterable[Row[Any]], calls: int, batch: int) -> list[list[Row[Any]]]:
    """Rows of one message side by side, in lists as large as the batch and each row allow; at most `calls` lists."""
    groups: list[list[Row[Any]]] = []
    room: dict[int, int] = {}  # message -> index of its list that is not full
    limits: list[int] = []
    for row in rows:
        size = min(batch, row.group_size)
        index = room.get(row.message_id)
        if index is not None and len(groups[index]) < min(limits[index], size):
            groups[index].append(row)
            limits[index] = min(limits[index], size)
            continue
        if len(groups) == calls:
            continue
        room[row.message_id] = len(groups)
        groups.append([row])
        limits.append(size)
    return groups


def finish(connection: Connection, finished: Sequence[Finished], *, now: datetime, buttons_until: datetime) -> int:
    """Write down what came of attempts; gives how many deliveries took the news.

    News of an older attempt is kept with that attempt and never overwrites a newer one. `buttons_until`: how long the
    chat offers to send again what is unknown.
    """
    if not finished:
        return 0
    connection.execute(_ATTEMPT, [_attempt_row(one, now) for one in finished])
    took = connection.execute(_FINISH, [_delivery_row(one, now) for one in finished]).rowcount
    changed = {one.message_id for one in finished}
    unknown = {one.message_id for one in finished if one.next.state is State.UNKNOWN}
    if unknown:
        connection.execute(
            update(messages).where(messages.c.id.in_(sorted(unknown))).values(buttons_until=buttons_until)
        )
    posts.touch(connection, changed)
    return took


def _literal(state: State) -> ColumnElement[str]:
    """In the SQL itself: these statements run for many rows at once, and a value to bind costs time for each."""
    return literal_column(f"'{state.value}'")


_ANSWERED = ("reason", "code", "type", "error", "detail", "sms_id")
_ATTEMPT = (
    update(attempts)
    .where(
        attempts.c.delivery_id == bindparam("b_id"),
        attempts.c.attempt == bindparam("b_attempt"),
        # What is certain stays, whatever is said about it later.
        text("attempts.outcome IN ('', 'unknown')"),
    )
    .values(
        finished_at=bindparam("b_now"),
        outcome=bindparam("b_outcome"),
        http_status=bindparam("b_http"),
        **{name: bindparam(f"b_{name}") for name in _ANSWERED},
    )
)
# The guard is the table of moves: an answer may queue again what is still sending, and only settle what nobody knew.
_MAY_BE_ANSWERED = or_(
    *(
        and_(deliveries.c.state == _literal(old), bindparam("b_state").in_([_literal(new) for new in sorted(news)]))
        for (old, cause), news in MOVES.items()
        if cause is Cause.ANSWER
    )
)
_FINISH = (
    update(deliveries)
    .where(
        deliveries.c.id == bindparam("b_id"),
        deliveries.c.attempt == bindparam("b_attempt"),
        _MAY_BE_ANSWERED,
    )
    .values(
        state=bindparam("b_state"),
        due_at=func.coalesce(bindparam("b_due", type_=UtcTime), deliveries.c.due_at),
        group_size=func.coalesce(bindparam("b_group", type_=Integer), deliveries.c.group_size),
        changed_at=bindparam("b_now"),
        **{name: bindparam(f"b_{name}") for name in _ANSWERED},
    )
)
_NO_WORDS = dict.fromkeys(("code", "type", "error", "detail", "sms_id"), "")

_OUTCOME_NAMES = {Accepted: "accepted", Rejected: "rejected", NotSent: "not_sent", Unknown: "unknown"}


def _answer(one: Finished, now: datetime) -> dict[str, object]:
    words = one.outcome.words
    return {
        "b_id": one.delivery.id,
        "b_attempt": one.delivery.attempt,
        "b_now": now,
        "b_reason": one.outcome.reason.value,
        "b_code": words.code,
        "b_type": words.type,
        "b_error": words.error,
        "b_detail": words.detail,
        "b_sms_id": words.sms_id,
    }


def _attempt_row(one: Finished, now: datetime) -> dict[str, object]:
    return _answer(one, now) | {"b_outcome": _OUTCOME_NAMES[type(one.outcome)], "b_http": one.outcome.words.http_status}


def _delivery_row(one: Finished, now: datetime) -> dict[str, object]:
    return _answer(one, now) | {
        "b_state": one.next.state.value,
        "b_due": one.next.due_at,
        "b_group": one.next.group_size,
    }


_WITH_SMS_ID = select(attempts.c.sms_id, attempts.c.call, attempts.c.finished_at).where(
    attempts.c.sms_id.in_(bindparam("ids", expanding=True)), HAS_SMS_ID
)


def seen_before(connection: Connection, calls: Mapping[str, Call]) -> set[str]:
    """Of these sms_ids (sms_id -> our call), the ones that an earlier call had got when this one began.

    Calls that ran side by side do not count: the gateway's ids look like times, and two of them may be the same.
    """
    if not calls:
        return set()
    rows = connection.execute(_WITH_SMS_ID, {"ids": list(calls)})
    return {
        row.sms_id
        for row in rows
        if row.call != calls[row.sms_id].id and row.finished_at and row.finished_at <= calls[row.sms_id].claimed_at
    }


def abandon(connection: Connection, *, now: datetime, buttons_until: datetime) -> list[int]:
    """What is `sending` has nobody who sends it: it becomes `unknown`. Gives the ids of the messages concerned.

    Only for the process that holds the delivery lock, before its first claim.
    """
    rows = connection.execute(
        select(deliveries.c.id, deliveries.c.attempt, deliveries.c.message_id).where(IS_SENDING)
    ).all()
    if not rows:
        return []
    connection.execute(
        update(deliveries)
        .where(deliveries.c.state.in_(sources(Cause.CRASH, State.UNKNOWN)))
        .values(state=State.UNKNOWN.value, reason=Reason.INTERRUPTED.value, changed_at=now, **_NO_WORDS)
    )
    connection.execute(
        update(attempts)
        .where(attempts.c.delivery_id == bindparam("b_id"), attempts.c.attempt == bindparam("b_attempt"))
        .values(finished_at=now, outcome="unknown", reason=Reason.INTERRUPTED.value),
        [{"b_id": row.id, "b_attempt": row.attempt} for row in rows],
    )
    found = sorted({row.message_id for row in rows})
    connection.execute(update(messages).where(messages.c.id.in_(found)).values(buttons_until=buttons_until))
    posts.touch(connection, found)
    return found


def next_due(connection: Connection) -> datetime | None:
    """When the next queued delivery is (or was) due; None when none waits."""
    found = [connection.execute(_NEXT_DUE, {"priority": priority}).scalar() for priority in PRIORITIES]
    return min((due for due in found if due is not None), default=None)


def counts(connection: Connection) -> dict[State, int]:
    """How many deliveries are in each of the states in which something is still to come."""
    rows = connection.execute(
        select(deliveries.c.state, func.count())
        .where(deliveries.c.state.in_([State.HELD, State.QUEUED, State.SENDING, State.UNKNOWN]))
        .group_by(deliveries.c.state)
    )
    return {State(state): count for state, count in rows}
