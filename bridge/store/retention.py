"""Texts and numbers are blanked when they are old enough and nothing about them is open. Rows, states and times stay.

Each call does a bounded share: whoever waits for the writer waits for a few milliseconds.
"""

import json
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, case, delete, func, select, update

from bridge.domain.delivery import State
from bridge.domain.incident import IncidentState
from bridge.store.tables import (
    HAS_TEXT,
    IS_KEPT_INCIDENT,
    IS_KEPT_MESSAGE,
    alert_inbox,
    attempts,
    deliveries,
    incidents,
    messages,
    oncall_files,
    page_requests,
    pages,
    posts,
)

BLANKED = "(blanked)"
MOST = 100
"""Messages, incidents and so on of one share."""
MOST_RECIPIENTS = 2000
"""Of the messages of one share, together; one that has more is a share of its own."""
SAFE_REMARKS = ("ask_cost", "ask_stale_s", "relayed")
"""What a message's remarks may keep: the others hold numbers, names, or pieces of its text."""

_LIVE = (State.HELD.value, State.QUEUED.value, State.SENDING.value)


def blank(connection: Connection, before: datetime) -> int:
    """Blank a share of what is older than that; gives how much there was."""
    done = (_messages, _incidents, _posts, _requests_put_aside, _oncall_files)
    return sum(kind(connection, before) for kind in done)


def _messages(connection: Connection, before: datetime) -> int:
    # Counted, not EXISTS: of that PostgreSQL makes a join, and reads every delivery for it.
    live = (
        select(func.count())
        .select_from(deliveries)
        .where(deliveries.c.message_id == messages.c.id, deliveries.c.state.in_(_LIVE))
        .scalar_subquery()
    )
    about_open = (
        select(incidents.c.id)
        .select_from(
            pages.join(page_requests, page_requests.c.page_id == pages.c.id).join(
                incidents, incidents.c.id == page_requests.c.incident_id
            )
        )
        .where(pages.c.message_id == messages.c.id, incidents.c.state != IncidentState.RESOLVED.value)
    )
    rows = connection.execute(
        select(messages.c.id, messages.c.recipients, messages.c.remarks)
        .where(IS_KEPT_MESSAGE, messages.c.created_at < before, messages.c.buttons_until.is_(None))
        .where(live == 0, ~about_open.exists())
        .order_by(messages.c.created_at)
        .limit(MOST)
    ).all()
    ids: list[int] = []
    recipients = 0
    for row in rows:
        recipients += row.recipients
        if ids and recipients > MOST_RECIPIENTS:
            break
        ids.append(row.id)
        remarks = {name: fact for name, fact in json.loads(row.remarks).items() if name in SAFE_REMARKS}
        connection.execute(
            update(messages).where(messages.c.id == row.id).values(text="", remarks=json.dumps(remarks), blanked=1)
        )
    if ids:
        _numbers(connection, ids)
    return len(ids)


def _numbers(connection: Connection, message_ids: list[int]) -> None:
    """Of these messages, and what the gateway said, which may hold them. That goes first: it is found by the number."""
    of_these = deliveries.c.message_id.in_(message_ids)
    number = select(deliveries.c.number).where(deliveries.c.id == attempts.c.delivery_id).scalar_subquery()
    said = {"type": "", "error": "", "detail": ""}
    connection.execute(
        update(attempts)
        .where(attempts.c.delivery_id.in_(select(deliveries.c.id).where(of_these)))
        .values(**said, code=_without(attempts.c.code, number), sms_id=_without(attempts.c.sms_id, number))
    )
    own = deliveries.c.number
    connection.execute(
        update(deliveries)
        .where(of_these)
        .values(
            **said, code=_without(deliveries.c.code, own), sms_id=_without(deliveries.c.sms_id, own), number=_mask(own)
        )
    )


def _without(words: ColumnElement[str], number: ColumnElement[str]) -> ColumnElement[str]:
    """Without the number, whether it is written in the international or the national way."""
    return func.replace(words, func.substr(number, func.length(number) - 6), "…")


def _mask(number: ColumnElement[str]) -> ColumnElement[str]:
    """As `domain.phone.mask` has it: a test holds them together."""
    length = func.length(number)
    begins = case((length >= 11, 5), (length >= 8, length - 6), else_=1)
    return func.substr(number, 1, begins).concat("…").concat(func.substr(number, length - 2))


def _incidents(connection: Connection, before: datetime) -> int:
    old = (
        select(incidents.c.id)
        .where(IS_KEPT_INCIDENT, incidents.c.resolved_at < before, incidents.c.state == IncidentState.RESOLVED.value)
        .order_by(incidents.c.resolved_at)
        .limit(MOST)
    )
    # Their ids go out and in again: of the two in one PostgreSQL makes a join, and reads every incident for it.
    ids = connection.execute(old).scalars().all()
    values = {"fingerprint": "", "title": BLANKED, "text": "", "labels": "{}", "links": "[]", "blanked": 1}
    return connection.execute(update(incidents).where(incidents.c.id.in_(ids)).values(values)).rowcount if ids else 0


def _posts(connection: Connection, before: datetime) -> int:
    """Answers and notices that are shown, or will never be. Cards have no text of their own."""
    old = (
        select(posts.c.id)
        .where(HAS_TEXT, posts.c.due_at < before, (posts.c.shown >= posts.c.wanted) | (posts.c.trouble != ""))
        .order_by(posts.c.due_at)
        .limit(MOST)
    )
    ids = connection.execute(old).scalars().all()
    return connection.execute(update(posts).where(posts.c.id.in_(ids)).values(text="")).rowcount if ids else 0


def _requests_put_aside(connection: Connection, before: datetime) -> int:
    """What an alert source posted and could not be taken in; all else is gone as soon as it is taken in."""
    old = select(alert_inbox.c.id).where(alert_inbox.c.trouble != "", alert_inbox.c.received_at < before).limit(MOST)
    return connection.execute(delete(alert_inbox).where(alert_inbox.c.id.in_(old))).rowcount


def _oncall_files(connection: Connection, before: datetime) -> int:
    """Files that others have replaced: they hold everybody's number. Which ones were in force, and when, stays."""
    newest = select(func.max(oncall_files.c.id)).scalar_subquery()
    old = (oncall_files.c.id < newest, oncall_files.c.accepted_at < before, oncall_files.c.text != "")
    return connection.execute(update(oncall_files).where(*old).values(text="")).rowcount
