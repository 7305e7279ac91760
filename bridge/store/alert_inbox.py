"""What alert sources posted, kept before they are answered."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from bridge.store.tables import IS_NEWS, alert_inbox


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """A request of a source, as it came; `taken`: how many of its alerts are taken in already."""

    id: int
    source: str
    content_type: str
    body: bytes
    received_at: datetime
    taken: int


_KEEP = insert(alert_inbox)
_FIRST = select(alert_inbox).where(IS_NEWS).order_by(alert_inbox.c.id).limit(bindparam("most"))
_FIRST_IDS = _FIRST.with_only_columns(alert_inbox.c.id)
_DONE = delete(alert_inbox).where(alert_inbox.c.id.in_(bindparam("b_ids", expanding=True)))
_OLDEST = select(alert_inbox.c.received_at).where(IS_NEWS).order_by(alert_inbox.c.id).limit(1)


def keep(
    connection: Connection, source: str, content_type: str, body: bytes, now: datetime, *, trouble: str = ""
) -> None:
    """Write it down; once this commits, it is not lost. `trouble`: why it is set aside at once, where it is."""
    connection.execute(
        _KEEP,
        {
            "source": source,
            "content_type": content_type[:200],
            "body": body,
            "received_at": now,
            "taken": 0,
            "trouble": trouble[:200],
        },
    )


def waiting(connection: Connection, limit: int) -> list[Posted]:
    """The oldest that wait, in the order in which they came."""
    return [_posted(row) for row in connection.execute(_FIRST, {"most": limit})]


def waiting_ids(connection: Connection, limit: int) -> list[int]:
    """The same ones, unread."""
    return list(connection.execute(_FIRST_IDS, {"most": limit}).scalars())


def get(connection: Connection, posted_id: int) -> Posted:
    """One of those that wait."""
    return _posted(connection.execute(select(alert_inbox).where(alert_inbox.c.id == posted_id)).one())


def _posted(row: Row[Any]) -> Posted:
    return Posted(
        id=row.id,
        source=row.source,
        content_type=row.content_type,
        body=row.body,
        received_at=row.received_at,
        taken=row.taken,
    )


def took(connection: Connection, posted: Posted, taken: int) -> None:
    """So many of its alerts are taken in."""
    connection.execute(update(alert_inbox).where(alert_inbox.c.id == posted.id).values(taken=taken))


def done(connection: Connection, ids: Collection[int]) -> None:
    """All alerts of these are taken in."""
    if ids:
        connection.execute(_DONE, {"b_ids": sorted(ids)})


def set_aside(connection: Connection, posted_id: int, trouble: str) -> None:
    """It cannot be taken in: it stays for whoever looks into it, and is not asked for again."""
    connection.execute(update(alert_inbox).where(alert_inbox.c.id == posted_id).values(trouble=trouble[:200]))


def oldest(connection: Connection) -> datetime | None:
    """Since when the oldest waits; None when none does."""
    return connection.execute(_OLDEST).scalar()
