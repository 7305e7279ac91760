"""Raw Telegram updates: kept before they are confirmed, open until a handler has committed its work."""

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, select, update

from bridge.store.dialect import insert_new
from bridge.store.tables import IS_OPEN_UPDATE, inbox

LARGEST_ID = 2**63 - 1


def as_kept(update: object) -> tuple[int, str]:
    """(update id, raw JSON) of an update as Telegram shows it. Raises `ValueError` for what has no such id.

    One that cannot be read must not block the others, so nothing else of it is looked at. The JSON is ASCII: half a
    surrogate pair could not be stored, and would hold up all that come with it.
    """
    number = update.get("update_id") if isinstance(update, dict) else None
    if not isinstance(number, int) or not 0 <= number <= LARGEST_ID:
        raise ValueError("no update")
    return int(number), json.dumps(update)


def keep(connection: Connection, updates: Sequence[tuple[int, str]], now: datetime) -> int:
    """Keep (update id, raw JSON) pairs; those there already are left alone. Gives how many are new."""
    return sum(
        insert_new(connection, inbox, {"update_id": update_id, "raw": raw, "received_at": now})
        for update_id, raw in updates
    )


_OPEN = (
    select(inbox.c.update_id, inbox.c.raw, inbox.c.tries)
    .where(IS_OPEN_UPDATE)
    .order_by(inbox.c.update_id)
    .limit(bindparam("room"))
)


_NEWEST = select(func.max(inbox.c.update_id))


def newest(connection: Connection) -> int | None:
    """The largest update id that is there; None where there is none."""
    return connection.execute(_NEWEST).scalar()


def open_updates(connection: Connection, limit: int) -> list[tuple[int, str, int]]:
    """(update id, raw JSON, earlier tries) of what no handler has finished, oldest first."""
    rows = connection.execute(_OPEN, {"room": limit})
    return [(row.update_id, row.raw, row.tries) for row in rows]


_OLDEST = select(inbox.c.received_at).where(IS_OPEN_UPDATE).order_by(inbox.c.update_id).limit(1)


def oldest(connection: Connection) -> datetime | None:
    """Since when the first one waits that no handler has finished; None when none does."""
    return connection.execute(_OLDEST).scalar()


_DONE = (
    update(inbox)
    .where(inbox.c.update_id == bindparam("b_id"), inbox.c.done_at.is_(None))
    .values(done_at=bindparam("b_now"), raw="")
)


def done(connection: Connection, update_id: int, now: datetime) -> bool:
    """Mark an update as finished and forget what it said; False when it was finished before (or never kept)."""
    return connection.execute(_DONE, {"b_id": update_id, "b_now": now}).rowcount > 0


def put_aside(connection: Connection, update_id: int, now: datetime) -> None:
    """Nobody can handle it: it is in nobody's way any more, and what it said stays until it is forgotten."""
    connection.execute(update(inbox).where(inbox.c.update_id == update_id).values(done_at=now))


def failed(connection: Connection, update_id: int) -> None:
    """Count a try that ended in an error."""
    connection.execute(update(inbox).where(inbox.c.update_id == update_id).values(tries=inbox.c.tries + 1))


def forget(connection: Connection, before: datetime) -> int:
    """Drop finished updates from before that time; Telegram itself keeps them 24 hours."""
    return connection.execute(delete(inbox).where(inbox.c.done_at < before)).rowcount
