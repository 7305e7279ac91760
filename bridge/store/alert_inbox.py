"""What alert sources posted, kept before they are answered."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, delete, func, insert, select, update

from bridge.store.many import Many
from bridge.store.tables import IS_NEWS, alert_inbox, microseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """A request of a source, as it came; `taken`: how many of its alerts are taken in already."""

    id: int
    source: str
    content_type: str
    body: bytes
    received_at: datetime
    taken: int


_KEEP = Many(insert(alert_inbox), "source", "content_type", "body", "received_at", "taken", "trouble")
_FIRST = (
    select(alert_inbox.c.id, func.length(alert_inbox.c.body).label("size"))
    .where(IS_NEWS)
    .order_by(alert_inbox.c.id)
    .limit(bindparam("most"))
)
_THESE = (
    select(
        *(column for column in alert_inbox.c if column.name != "body"),
        case(
            (and_(alert_inbox.c.id == bindparam("b_known"), alert_inbox.c.received_at == bindparam("b_known_at")), b""),
            else_=alert_inbox.c.body,
        ).label("body"),
    )
    .where(alert_inbox.c.id.in_(bindparam("b_ids", expanding=True)))
    .order_by(alert_inbox.c.id)
)
_DONE = delete(alert_inbox).where(alert_inbox.c.id.in_(bindparam("b_ids", expanding=True)))
_OLDEST = select(alert_inbox.c.received_at).where(IS_NEWS).order_by(alert_inbox.c.id).limit(1)


def keep(
    connection: Connection, source: str, content_type: str, body: bytes, now: datetime, *, trouble: str = ""
) -> None:
    """Write it down; once this commits, it is not lost. `trouble`: why it is set aside at once, where it is."""
    _KEEP.run(connection, [_row(source, content_type, body, now, trouble)])


def keep_all(connection: Connection, requests: Iterable[tuple[str, str, bytes, datetime]]) -> None:
    """The same for many: (source, content type, body, when it came)."""
    _KEEP.run(connection, (_row(*request) for request in requests))


def _row(source: str, content_type: str, body: bytes, now: datetime, trouble: str = "") -> tuple[object, ...]:
    return source, content_type[:200], body, microseconds(now), 0, trouble[:200]


def waiting_ids(connection: Connection, limit: int, most_bytes: int) -> list[int]:
    """The oldest that wait, in the order in which they came: so many, with so many bytes together, but one at least."""
    found: list[int] = []
    for row in connection.execute(_FIRST, {"most": limit}):
        most_bytes -= row.size or 0
        if found and most_bytes < 0:
            break
        found.append(row.id)
    return found


def these(connection: Connection, ids: Collection[int], *, known: tuple[int, datetime] | None = None) -> list[Posted]:
    """Those with these ids, in their order. The body of the `known` one is left out: it may be of megabytes.

    `known`: its id, and when it was received; an id may come again after a commit that failed.
    """
    if not ids:
        return []
    known_id, known_at = known or (0, None)
    values = {"b_ids": sorted(ids), "b_known": known_id, "b_known_at": known_at}
    return [_posted(row) for row in connection.execute(_THESE, values)]


def _posted(row: Any) -> Posted:
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
