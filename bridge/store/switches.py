"""Named values of the whole installation."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select

from bridge.store.tables import switches

PAUSED = "paused"
ALIVE = "alive"
TRIED = "tried"
"""Written to see whether a commit goes through."""


_GET = select(switches).where(switches.c.name == bindparam("wanted"))
_SEVERAL = select(switches.c.name, switches.c.set_at).where(switches.c.name.in_(bindparam("names", expanding=True)))


@dataclass(frozen=True, slots=True)
class Switch:
    """`by`: who set it, "" for the program itself."""

    value: str
    by: str
    at: datetime


def get(connection: Connection, name: str) -> Switch | None:
    """None when it is not set."""
    row = connection.execute(_GET, {"wanted": name}).one_or_none()
    return None if row is None else Switch(row.value, row.set_by, row.set_at)


def several(connection: Connection, names: Collection[str]) -> dict[str, datetime]:
    """Those of the names that are set -> when each was set."""
    return {row.name: row.set_at for row in connection.execute(_SEVERAL, {"names": list(names)})}


def put(connection: Connection, name: str, value: str, *, by: str, now: datetime) -> None:
    """Set it."""
    connection.execute(delete(switches).where(switches.c.name == name))
    connection.execute(insert(switches).values(name=name, value=value, set_by=by, set_at=now))


def drop(connection: Connection, name: str) -> bool:
    """Unset it; False when it was not set."""
    return connection.execute(delete(switches).where(switches.c.name == name)).rowcount > 0
