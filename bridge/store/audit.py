"""Who did what, when, through which door, with the outcome. Rows are added, and nothing else is ever done to them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from sqlalchemy import Connection, bindparam, func, insert, or_, select

from bridge.store.many import Many
from bridge.store.tables import audit, microseconds

DONE = "done"
PAGE = 500
"""Rows that are read at once."""
ONCE_IN = timedelta(minutes=1)
"""Somebody without access has one row in this time, however often they knock: nobody can fill the disk."""

_LENGTHS = {column.name: column.type.length for column in audit.columns if hasattr(column.type, "length")}


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """`who`: `tg:<user id>`, `api:<token>`, `alerts:<token>`, `link:<person>`, `cli:<os user>`.

    `name`: as people know them. `about`: the code of a message, incident or page, or a schedule. `outcome`: `done`, or
    why not, in a stable word. `detail`: counts. No text and no phone number may stand in any of them.
    """

    who: str
    door: str
    act: str
    name: str = ""
    place: str = ""
    about: str = ""
    outcome: str = DONE
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A row, and when that was."""

    at: datetime
    entry: AuditEntry
    id: int = 0


_NAMES = tuple(_LENGTHS)
_values_of = attrgetter(*_NAMES)
_ADD = Many(insert(audit), *_NAMES, "at")
_LAST = select(audit.c.at).where(audit.c.who == bindparam("b_who")).order_by(audit.c.id.desc()).limit(1)


def write(connection: Connection, entry: AuditEntry, now: datetime) -> None:
    """Note it, in the transaction of what it tells of."""
    write_all(connection, [(entry, now)])


def write_all(connection: Connection, entries: Iterable[tuple[AuditEntry, datetime]]) -> None:
    """Note many, in the transaction of what they tell of."""
    _ADD.run(connection, (_row(entry, now) for entry, now in entries))


def _row(entry: AuditEntry, now: datetime) -> tuple[object, ...]:
    values = zip(_values_of(entry), _LENGTHS.values(), strict=True)
    return *(value[:length] for value, length in values), microseconds(now)


def write_now_and_then(connection: Connection, entry: AuditEntry, now: datetime) -> None:
    """Note somebody without access, unless they have a row of less than a minute ago."""
    last = connection.execute(_LAST, {"b_who": entry.who[: _LENGTHS["who"]]}).scalar()
    if last is None or not timedelta(0) <= now - last < ONCE_IN:
        write(connection, entry, now)


def read(connection: Connection, *, since: datetime | None = None, who: str = "", after: int = 0) -> list[Kept]:
    """The first `PAGE` rows after that id, oldest first; from a time on, and of one `who` or name (in capitals or not),
    where these are given."""
    if since is not None and not after:
        # From the first row of that time, and not through all that came before it; + 0: of a bare id that is the same.
        first = connection.execute(select(func.min(audit.c.id + 0)).where(audit.c.at >= since)).scalar()
        after = 0 if first is None else first - 1
    query = select(audit).where(audit.c.id > after).order_by(audit.c.id).limit(PAGE)
    if since is not None:
        query = query.where(audit.c.at >= since)
    if who:
        query = query.where(or_(audit.c.who == who, func.lower(audit.c.name) == who.lower()))
    return [
        Kept(id=row.id, at=row.at, entry=AuditEntry(**{name: row._mapping[name] for name in _LENGTHS}))
        for row in connection.execute(query)
    ]
