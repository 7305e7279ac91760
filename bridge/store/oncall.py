"""What the database knows of who is on call: files that were accepted, calendars as last read, overrides."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from bridge.oncall.who import Override, Roster
from bridge.store.dialect import insert_new
from bridge.store.tables import calendars, oncall_files, overrides

RosterOf = Callable[[Connection], Roster]
"""Who is on call, as the database and the file in force have it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptFile:
    """An on-call file that was accepted. `hash`: SHA-256 of its text, hex."""

    id: int
    hash: str
    text: str
    accepted_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptCalendar:
    """A calendar's last good text, of `read_at`; "" where there was none yet, and `read_at` is the first failure.

    `trouble`: why the last reading failed; empty: it did not.
    """

    schedule: str
    hash: str
    text: str
    read_at: datetime
    trouble: str


def newest_file_hash(connection: Connection) -> str | None:
    """Which file is in force; None when none was ever accepted."""
    return connection.execute(select(oncall_files.c.hash).order_by(oncall_files.c.id.desc()).limit(1)).scalar()


def newest_file(connection: Connection) -> KeptFile | None:
    """The file in force."""
    row = connection.execute(select(oncall_files).order_by(oncall_files.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else KeptFile(id=row.id, hash=row.hash, text=row.text, accepted_at=row.accepted_at)


def keep_file(connection: Connection, text: str, hash_: str, now: datetime) -> bool:
    """This text is in force from now on; False when it is already."""
    if newest_file_hash(connection) == hash_:
        return False
    connection.execute(insert(oncall_files).values(hash=hash_, text=text, accepted_at=now))
    return True


def calendar_hashes(connection: Connection) -> dict[str, str]:
    """Schedule -> hash of its calendar's last good text, of those that were read once."""
    rows = connection.execute(select(calendars.c.schedule, calendars.c.hash).where(calendars.c.hash != ""))
    return {row.schedule: row.hash for row in rows}


def kept_calendar(connection: Connection, schedule: str) -> KeptCalendar | None:
    """The calendar of this schedule; None when nobody tried to read it."""
    row = connection.execute(select(calendars).where(calendars.c.schedule == schedule)).one_or_none()
    if row is None:
        return None
    return KeptCalendar(schedule=row.schedule, hash=row.hash, text=row.text, read_at=row.read_at, trouble=row.trouble)


def keep_calendar(connection: Connection, schedule: str, text: str, hash_: str, now: datetime) -> None:
    """A calendar was read, and is good. `hash_`: SHA-256 of the text, hex."""
    connection.execute(delete(calendars).where(calendars.c.schedule == schedule))
    connection.execute(insert(calendars).values(schedule=schedule, text=text, hash=hash_, read_at=now, trouble=""))


def calendar_failed(connection: Connection, schedule: str, trouble: str, now: datetime) -> None:
    """A calendar could not be read: what was read before stays."""
    insert_new(
        connection, calendars, {"schedule": schedule, "text": "", "hash": "", "read_at": now, "trouble": trouble[:200]}
    )
    connection.execute(update(calendars).where(calendars.c.schedule == schedule).values(trouble=trouble[:200]))


def overrides_after(connection: Connection, at: datetime) -> tuple[Override, ...]:
    """Overrides that have not ended by then, the oldest first."""
    rows = connection.execute(select(overrides).where(overrides.c.end_at > at).order_by(overrides.c.id))
    return tuple(Override(schedule=row.schedule, person=row.person, start=row.start_at, end=row.end_at) for row in rows)


def add_override(connection: Connection, override: Override, *, by: str, now: datetime) -> None:
    """Somebody takes a schedule."""
    connection.execute(
        insert(overrides).values(
            schedule=override.schedule,
            person=override.person,
            start_at=override.start,
            end_at=override.end,
            set_by=by[:200],
            set_at=now,
        )
    )


def end_overrides(connection: Connection, person: str, now: datetime, schedule: str | None = None) -> int:
    """This person hands back what they have taken (of one schedule, or all); gives how many overrides ended."""
    query = update(overrides).where(overrides.c.person == person, overrides.c.end_at > now).values(end_at=now)
    if schedule is not None:
        query = query.where(overrides.c.schedule == schedule)
    return connection.execute(query).rowcount
