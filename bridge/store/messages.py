"""Messages and their deliveries, as people see and decide them."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, func, insert, select, text, update

from bridge.domain.decision import Hold
from bridge.domain.delivery import RESENDABLE, SETTLED, Cause, State, sources
from bridge.store import posts
from bridge.store.dialect import by_no_index
from bridge.store.many import Many
from bridge.store.queue import PRIORITY_PAGE
from bridge.store.tables import ASKS_A_PERSON, HAS_BUTTONS, IS_QUEUED, deliveries, messages, microseconds
from bridge.store.tables import posts as posts_table

PAGE = "page"
"""The source of messages that are pages: `/pause`, daily limits, questions and `/history` are not for them."""

LINES = 20
"""Deliveries that a view carries one by one; of a larger message it carries those that were not accepted."""

_RESENT_TURNS = 1000  # more than the attempts of any delivery: no button of before a resend carries a turn of after it


@dataclass(frozen=True, kw_only=True, slots=True)
class NewMessage:
    """What is written down before anybody is told "yes"."""

    source: str
    source_key: str
    owner: str
    owner_name: str
    text: str
    encoding: str
    segments: int
    numbers: Sequence[str]
    remarks: Mapping[str, object]
    hold: Hold
    priority: int
    group_size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryView:
    """One number of a message, as it stands."""

    id: int
    position: int
    number: str
    state: State
    due_at: datetime
    attempt: int
    tries: int
    maybe_sent: int  # attempts of earlier rounds of which nobody knows
    changed_at: datetime
    gateway: str
    reason: str
    code: str
    type: str
    error: str
    detail: str
    sms_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageView:
    """A message, as it stands: counts of all states, and the deliveries worth a line of their own."""

    id: int
    source: str
    owner: str
    owner_name: str
    text: str
    encoding: str
    segments: int
    recipients: int
    remarks: Mapping[str, object]
    created_at: datetime
    hold: Hold
    buttons_until: datetime | None
    decision: str
    counts: Mapping[State, int]
    turn: int  # attempts and resends of what a person decides on: a button carries it, so that an old one does nothing
    lines: tuple[DeliveryView, ...]
    source_key: str = ""  # of a chat's command: chat, message and time
    doubtful: int = 0  # deliveries that are certain by now, and of which an earlier attempt may have been sent
    blanked: bool = False  # text and numbers are gone, and so it can never be sent again


_FIND = select(messages.c.id).where(
    messages.c.source == bindparam("source"), messages.c.source_key == bindparam("source_key")
)
_ADD = insert(messages)
_ZERO = {name: text("0") for name in ("attempt", "tries", "maybe_sent")}
_EMPTY = {name: text("''") for name in ("gateway", "reason", "code", "type", "error", "detail", "sms_id")}
_ADD_DELIVERIES = Many(
    insert(deliveries).values(
        message_id=bindparam("b_message"),
        position=bindparam("b_position"),
        number=bindparam("b_number"),
        state=bindparam("b_state"),
        priority=bindparam("b_priority"),
        due_at=bindparam("b_now"),
        changed_at=bindparam("b_now"),
        group_size=bindparam("b_group"),
        **_ZERO,
        **_EMPTY,
    ),
    *("b_message", "b_position", "b_number", "b_state", "b_priority", "b_now", "b_group"),
)


def find(connection: Connection, source: str, source_key: str) -> int | None:
    """The id of the message that this update or request has made before."""
    return connection.execute(_FIND, {"source": source, "source_key": source_key}).scalar()


def add(connection: Connection, new: NewMessage, *, now: datetime, buttons_until: datetime | None) -> int:
    """Write a message and a delivery for each number; gives its id (`#42`). Its key must be new."""
    message_id: int = connection.execute(
        _ADD,
        {
            "source": new.source,
            "source_key": new.source_key,
            "owner": new.owner,
            "owner_name": new.owner_name[:200],
            "text": new.text,
            "encoding": new.encoding,
            "segments": new.segments,
            "recipients": len(new.numbers),
            "remarks": json.dumps(new.remarks, ensure_ascii=False),
            "created_at": now,
            "hold": new.hold,
            "buttons_until": buttons_until,
            "decision": "",
        },
    ).inserted_primary_key[0]  # type: ignore[index]
    state = State.HELD if new.hold else State.QUEUED
    at = microseconds(now)
    _ADD_DELIVERIES.run(
        connection,
        (
            (message_id, position, number, state.value, new.priority, at, new.group_size)
            for position, number in enumerate(new.numbers)
        ),
    )
    return message_id


_TRANSLATED = {"remarks", "blanked", "hold"}
_AS_STORED = tuple({field.name for field in fields(MessageView)} & set(messages.c.keys()) - _TRANSLATED)
_BAD_ONES_FIRST = case((deliveries.c.state.in_(RESENDABLE), 0), (deliveries.c.maybe_sent > 0, 1), else_=2)


def view(connection: Connection, message_id: int, lines: int = LINES) -> MessageView | None:
    """The message as it stands; None when there is none."""
    row = connection.execute(select(messages).where(messages.c.id == message_id)).one_or_none()
    if row is None:
        return None
    counted = connection.execute(
        select(
            deliveries.c.state,
            func.count().label("number"),
            func.sum(deliveries.c.attempt).label("attempts"),
            func.sum(deliveries.c.maybe_sent).label("maybe_sent"),
            func.count(case((deliveries.c.maybe_sent > 0, 1))).label("doubtful"),
        )
        .where(deliveries.c.message_id == message_id)
        .group_by(deliveries.c.state)
    ).all()
    query = select(deliveries).where(deliveries.c.message_id == message_id).limit(lines)
    if row.recipients > lines:
        query = query.where(deliveries.c.state.not_in([State.ACCEPTED, State.SCHEDULED])).order_by(_BAD_ONES_FIRST)
    decidable = sum(one.attempts for one in counted if one.state in (State.HELD, State.UNKNOWN))
    return MessageView(
        **{name: row._mapping[name] for name in _AS_STORED},
        hold=Hold(row.hold),
        remarks=json.loads(row.remarks),
        blanked=bool(row.blanked),
        counts={State(one.state): one.number for one in counted},
        turn=int(decidable + _RESENT_TURNS * sum(one.maybe_sent for one in counted)),
        lines=tuple(_delivery(line) for line in connection.execute(query.order_by(deliveries.c.position))),
        doubtful=int(sum(one.doubtful for one in counted if one.state in SETTLED - {State.UNKNOWN})),
    )


_DELIVERY_FIELDS = tuple(field.name for field in fields(DeliveryView))


def _delivery(row: Row[Any]) -> DeliveryView:
    values = {name: row._mapping[name] for name in _DELIVERY_FIELDS}
    return DeliveryView(**(values | {"state": State(row.state)}))


def latest(connection: Connection, owner: str | None, limit: int) -> list[MessageView]:
    """The newest messages, newest first: one owner's, or everybody's when `owner` is None."""
    query = select(messages.c.id).where(messages.c.source != PAGE).order_by(messages.c.id.desc()).limit(limit)
    if owner is not None:
        query = query.where(messages.c.owner == owner)
    ids = connection.execute(query).scalars().all()
    return [found for message_id in ids if (found := view(connection, message_id, lines=1)) is not None]


def segments_since(connection: Connection, since: datetime, owner: str | None) -> int:
    """Segments asked for since then and not taken back: one owner's, or everybody's when `owner` is None."""
    query = (
        select(func.coalesce(func.sum(messages.c.segments), 0))
        .select_from(messages.join(deliveries, deliveries.c.message_id == messages.c.id))
        .where(messages.c.created_at >= since, messages.c.source != PAGE, deliveries.c.state != State.CANCELLED)
    )
    if owner is not None:
        query = query.where(by_no_index(messages.c.owner) == owner)
    return int(connection.execute(query).scalar_one())


def move(
    connection: Connection,
    message_id: int,
    cause: Cause,
    new: State,
    *,
    now: datetime,
    only: Collection[State] | None = None,
) -> int:
    """Move the deliveries of a message that may make this move (of them, those in `only`); gives how many moved.

    A delivery that is queued anew starts a new round: due now, its tries counted from none.
    """
    allowed = [state for state in sources(cause, new) if only is None or state in only]
    values: dict[str, object] = {"state": new.value, "changed_at": now}
    if new is State.QUEUED:
        values |= {"due_at": now, "tries": 0, "round_started_at": None}
    if cause is not Cause.PAGE_RULE:  # a page of which nobody knows goes on to another gateway
        values["asked"] = ""
    if cause in (Cause.RESEND, Cause.PAGE_RULE):
        values["maybe_sent"] = deliveries.c.maybe_sent + case((deliveries.c.state == State.UNKNOWN, 1), else_=0)
    moved = connection.execute(
        update(deliveries).where(deliveries.c.message_id == message_id, deliveries.c.state.in_(allowed)).values(values)
    ).rowcount
    if moved:
        posts.touch(connection, [message_id])
    return moved


def note(connection: Connection, message_id: int, *, decision: str = "", hold: Hold | None = None) -> None:
    """Note who decided what, and why it is held now (empty: it is not)."""
    values = ({"decision": decision[:300]} if decision else {}) | ({"hold": hold} if hold is not None else {})
    if values:
        connection.execute(update(messages).where(messages.c.id == message_id).values(values))
    posts.touch(connection, [message_id])


def reword(connection: Connection, message_id: int, words: str, encoding: str, segments: int) -> None:
    """The text of a page, as it goes out now."""
    connection.execute(
        update(messages)
        .where(messages.c.id == message_id, messages.c.source == PAGE)
        .values(text=words, encoding=encoding, segments=segments)
    )


def offer_buttons(connection: Connection, message_id: int, until: datetime | None) -> None:
    """Until when its buttons may be pressed; None: it has none."""
    connection.execute(update(messages).where(messages.c.id == message_id).values(buttons_until=until))
    posts.touch(connection, [message_id])


def with_ended_buttons(connection: Connection, now: datetime) -> list[tuple[int, Hold]]:
    """(message id, hold) of messages whose buttons have had their time."""
    ended = select(messages.c.id, messages.c.hold).where(HAS_BUTTONS, messages.c.buttons_until <= now)
    return [(row.id, Hold(row.hold)) for row in connection.execute(ended.order_by(messages.c.id).limit(500))]


def with_queued(connection: Connection, written_before: datetime | None = None) -> list[int]:
    """Ids of messages with a queued delivery; if given, only of those written down before that time."""
    query = select(deliveries.c.message_id).where(IS_QUEUED, deliveries.c.priority > PRIORITY_PAGE)
    if written_before is not None:
        old = select(messages.c.id).where(messages.c.created_at < written_before)
        query = query.where(old.where(messages.c.id == deliveries.c.message_id).exists())
    return sorted(set(connection.execute(query).scalars()))  # by DISTINCT SQLite goes along all that ever were


def held_for(connection: Connection, hold: Hold) -> list[int]:
    """Ids of messages of which a delivery is held, for that reason."""
    held = select(deliveries.c.message_id).where(ASKS_A_PERSON, text("deliveries.state = 'held'"))
    query = select(messages.c.id).where(messages.c.id.in_(held), messages.c.hold == hold)
    return list(connection.execute(query).scalars())


def without_post(connection: Connection) -> list[int]:
    """Ids of messages that offer buttons which no chat shows.

    They came by HTTP or from the command line, or their chat refuses us.
    """
    shown = select(posts_table.c.id).where(posts_table.c.message_id == messages.c.id, posts_table.c.trouble == "")
    return list(connection.execute(select(messages.c.id).where(HAS_BUTTONS, ~shown.exists())).scalars())
