"""What the database knows of how people were reached lately: by SMS, and in their private chat."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from bridge.domain.delivery import State
from bridge.domain.outcome import Reason
from bridge.store.tables import deliveries, pages, posts

POSTS_LOOKED_AT = 20_000
"""The newest posts; no index leads from a chat to its posts."""

_SETTLED = (State.ACCEPTED.value, State.SCHEDULED.value, State.REJECTED.value)


def rejected_at(connection: Connection, people: Collection[tuple[str, str]], since: datetime) -> dict[str, datetime]:
    """Person -> when the gateway said of their number that it is none, and has taken no page for it since.

    `people`: (key, number in E.164). A page made before `since` counts for nothing.
    """
    found: dict[str, datetime] = {}
    for key, number in people:
        last = connection.execute(
            select(deliveries.c.state, deliveries.c.reason, deliveries.c.changed_at)
            .select_from(pages.join(deliveries, deliveries.c.message_id == pages.c.message_id))
            .where(
                pages.c.person == key,
                pages.c.created_at >= since,
                deliveries.c.number == number,
                deliveries.c.state.in_(_SETTLED),
            )
            .order_by(deliveries.c.changed_at.desc(), pages.c.id.desc())
            .limit(1)
        ).one_or_none()
        if last is not None and last.state == State.REJECTED.value and last.reason == Reason.BAD_NUMBER.value:
            found[key] = last.changed_at
    return found


def silent_chats(connection: Connection, chat_ids: Collection[int]) -> frozenset[int]:
    """Those of these chats in which Telegram has refused our last post for good: blocked, or never started."""
    return _chats_of(connection, _last_posts(connection, chat_ids), posts.c.trouble != "")


def open_chats(connection: Connection, chat_ids: Collection[int]) -> frozenset[int]:
    """Those of these chats in which Telegram took our last post."""
    return _chats_of(connection, _last_posts(connection, chat_ids), posts.c.trouble == "")


def _last_posts(connection: Connection, chat_ids: Collection[int]) -> list[int]:
    """The last post to each of these chats of which Telegram has said something, lately."""
    if not chat_ids:
        return []
    newest = select(func.max(posts.c.id)).scalar_subquery()
    rows = connection.execute(
        select(func.max(posts.c.id))
        .where(posts.c.id > newest - POSTS_LOOKED_AT, posts.c.chat_id.in_(sorted(chat_ids)))
        .where((posts.c.shown > 0) | (posts.c.trouble != ""))
        .group_by(posts.c.chat_id)
    )
    return list(rows.scalars())


def _chats_of(connection: Connection, ids: Collection[int], which: ColumnElement[bool]) -> frozenset[int]:
    if not ids:
        return frozenset()
    rows = connection.execute(select(posts.c.chat_id).where(posts.c.id.in_(sorted(ids)), which))
    return frozenset(rows.scalars())
