"""What came of attempts: written down once, and never over something newer."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)

from bridge.domain.delivery import MOVES, Cause, Next, State, sources
from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.store import posts
from bridge.store.many import Many
from bridge.store.messages import PAGE
from bridge.store.queue import Call, Claimed
from bridge.store.tables import HAS_SMS_ID, IS_SENDING, UtcTime, attempts, deliveries, messages, microseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """What came of one attempt, and what follows."""

    message_id: int
    delivery: Claimed
    call: str
    outcome: Outcome
    next: Next
    page: bool = False
    gateway: str = ""
    claimed_at: datetime | None = None  # when its call began; None: not told


def finish(connection: Connection, finished: Sequence[Finished], *, now: datetime, buttons_until: datetime) -> int:
    """Write down what came of attempts; gives how many deliveries took the news.

    News of an older attempt is kept with that attempt and never overwrites a newer one. `buttons_until`: how long the
    chat offers to send again what is unknown.
    """
    if not finished:
        return 0
    at = microseconds(now)
    answers = [(one, _answer(one, at)) for one in finished]
    _ATTEMPT.run(
        connection,
        ((*answer, _OUTCOME_NAMES[type(one.outcome)], one.outcome.words.http_status) for one, answer in answers),
    )
    took = _FINISH.count(
        connection,
        (
            (*answer, one.next.state.value, microseconds(one.next.due_at), one.next.group_size, one.next.asked)
            for one, answer in answers
        ),
    )
    changed = {one.message_id for one in finished}
    unknown = {one.message_id for one in finished if one.next.state is State.UNKNOWN and not one.page}
    if unknown:
        connection.execute(
            update(messages).where(messages.c.id.in_(sorted(unknown))).values(buttons_until=buttons_until)
        )
    posts.touch(connection, changed)
    return took


def taken(connection: Connection, finished: Sequence[Finished], now: datetime) -> list[Finished]:
    """Of these, which were written at `now`, the ones that their deliveries took."""
    values = {"ids": [one.delivery.id for one in finished], "now": now}
    rows = {row.id: (row.attempt, row.state) for row in connection.execute(_WRITTEN_NOW, values)}
    return [one for one in finished if rows.get(one.delivery.id) == (one.delivery.attempt, one.next.state.value)]


_WRITTEN_NOW = select(deliveries.c.id, deliveries.c.attempt, deliveries.c.state).where(
    deliveries.c.id.in_(bindparam("ids", expanding=True)), deliveries.c.changed_at == bindparam("now")
)


def _literal(state: State) -> ColumnElement[str]:
    """In the SQL itself: these statements run for many rows at once, and a value to bind costs time for each."""
    return literal_column(f"'{state.value}'")


_ANSWERED = ("reason", "code", "type", "error", "detail", "sms_id")
_GIVEN = ("b_id", "b_attempt", "b_now", *(f"b_{name}" for name in _ANSWERED))
_ATTEMPT = Many(
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
    ),
    *_GIVEN,
    "b_outcome",
    "b_http",
)
# The guard is the table of moves: an answer may queue again what is still sending, and only settle what nobody knew.
_MAY_BE_ANSWERED = or_(
    *(
        and_(deliveries.c.state == _literal(old), bindparam("b_state").in_([_literal(new) for new in sorted(news)]))
        for (old, cause), news in MOVES.items()
        if cause is Cause.ANSWER
    )
)
_FINISH = Many(
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
        asked=bindparam("b_asked"),
        changed_at=bindparam("b_now"),
        **{name: bindparam(f"b_{name}") for name in _ANSWERED},
    ),
    *_GIVEN,
    "b_state",
    "b_due",
    "b_group",
    "b_asked",
)
_NO_WORDS = dict.fromkeys(("code", "type", "error", "detail", "sms_id"), "")

_OUTCOME_NAMES = {Accepted: "accepted", Rejected: "rejected", NotSent: "not_sent", Unknown: "unknown"}


def _answer(one: Finished, at: int | None) -> tuple[object, ...]:
    """The values of `_GIVEN`."""
    words = one.outcome.words
    return (
        one.delivery.id,
        one.delivery.attempt,
        at,
        one.outcome.reason.value,
        words.code,
        words.type,
        words.error,
        words.detail,
        words.sms_id,
    )


_WITH_SMS_ID = select(attempts.c.sms_id, attempts.c.call, attempts.c.gateway, attempts.c.finished_at).where(
    attempts.c.sms_id.in_(bindparam("ids", expanding=True)), HAS_SMS_ID
)


def seen_before(connection: Connection, calls: Mapping[str, Call]) -> set[str]:
    """Of these sms_ids (sms_id -> our call), the ones that an earlier call of its gateway had got when this one began.

    Calls that ran side by side do not count: the gateway's ids look like times, and two of them may be the same.
    """
    if not calls:
        return set()
    rows = connection.execute(_WITH_SMS_ID, {"ids": list(calls)})
    earlier = ((row, calls[row.sms_id]) for row in rows if row.finished_at)
    return {
        row.sms_id
        for row, ours in earlier
        if row.gateway == ours.gateway and row.call != ours.id and row.finished_at <= ours.claimed_at
    }


def abandon(
    connection: Connection, *, now: datetime, buttons_until: datetime, but_of: Collection[str] = ()
) -> list[int]:
    """What is `sending` has nobody who sends it, but what the processes `but_of` have claimed: it becomes `unknown`.

    Gives the ids of the messages concerned. Only for the process that leads: all other processes are gone, or will find
    that they were taken for gone.
    """
    others = (IS_SENDING, deliveries.c.claimed_by.not_in(sorted(but_of))) if but_of else (IS_SENDING,)
    rows = connection.execute(
        select(deliveries.c.id, deliveries.c.attempt, deliveries.c.message_id).where(*others)
    ).all()
    if not rows:
        return []
    connection.execute(
        update(deliveries)
        .where(deliveries.c.state.in_(sources(Cause.CRASH, State.UNKNOWN)), *others)
        .values(
            state=State.UNKNOWN.value,
            reason=Reason.INTERRUPTED.value,
            changed_at=now,
            # It was asked, so the repeat of a page goes to another one.
            asked=case(
                (deliveries.c.asked == "", deliveries.c.gateway), else_=deliveries.c.asked + "," + deliveries.c.gateway
            ),
            **_NO_WORDS,
        )
    )
    connection.execute(
        update(attempts)
        .where(attempts.c.delivery_id == bindparam("b_id"), attempts.c.attempt == bindparam("b_attempt"))
        .values(finished_at=now, outcome="unknown", reason=Reason.INTERRUPTED.value),
        [{"b_id": row.id, "b_attempt": row.attempt} for row in rows],
    )
    found = sorted({row.message_id for row in rows})
    # A page asks nobody: its own rule says what follows.
    connection.execute(
        update(messages).where(messages.c.id.in_(found), messages.c.source != PAGE).values(buttons_until=buttons_until)
    )
    posts.touch(connection, found)
    return found
