"""The processes that deliver: each says again and again that it is there, and the leader counts how often it did not.

Counted, and not timed: while the server is away nobody is counted, and no clock that is set lets anybody seem gone.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Connection, bindparam, delete, insert, select, text, update

from bridge.store.dialect import server_now, server_session
from bridge.store.leading import LEADER, LOCKS
from bridge.store.tables import processes


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """One that was seen. `process`: its id and host. `session`: the server's process that serves it."""

    name: str
    process: str
    version: str
    session: int
    leads: bool
    missed: int
    started_at: datetime
    seen_at: datetime


def enter(connection: Connection, name: str, *, process: str, version: str, leads: bool) -> None:
    """It is there from now on, under this name."""
    now = server_now(connection)
    connection.execute(
        insert(processes).values(
            name=name,
            process=process[:80],
            version=version[:40],
            session=server_session(connection),
            leads=int(leads),
            missed=0,
            started_at=now,
            seen_at=now,
        )
    )


def beat(connection: Connection, name: str, *, leads: bool) -> bool:
    """It is there still; False when it was taken for gone: nobody of that name may claim any more."""
    values = {
        "seen_at": server_now(connection),
        "missed": 0,
        "session": server_session(connection),
        "leads": int(leads),
    }
    return connection.execute(update(processes).where(processes.c.name == name).values(**values)).rowcount > 0


def count_missing(connection: Connection, leader: str, limit: int) -> list[str]:
    """The leader is there, once more: the others are to say so, too. Gives those who did not for so many times.

    They are gone: their rows are.
    """
    connection.execute(
        update(processes).where(processes.c.name != leader).values(missed=processes.c.missed + 1, leads=0)
    )
    gone = list(connection.execute(select(processes.c.name).where(processes.c.missed >= limit)).scalars())
    if gone:
        connection.execute(delete(processes).where(processes.c.name.in_(gone)))
    return gone


def leave(connection: Connection, name: str) -> None:
    """It goes: what it has claimed and not settled has nobody who sends it."""
    connection.execute(delete(processes).where(processes.c.name == name))


def forget_others(connection: Connection, name: str) -> None:
    """Nobody else is there."""
    connection.execute(delete(processes).where(processes.c.name != name))


_IS_THERE = select(processes.c.name).where(processes.c.name == bindparam("wanted"))


def is_there(connection: Connection, name: str) -> bool:
    """Whether it may claim."""
    return connection.execute(_IS_THERE, {"wanted": name}).first() is not None


def names(connection: Connection) -> list[str]:
    """Of all who are there."""
    return list(connection.execute(select(processes.c.name)).scalars())


def everybody(connection: Connection) -> list[Process]:
    """Who is there, the oldest first."""
    rows = connection.execute(select(processes).order_by(processes.c.started_at, processes.c.name))
    return [
        Process(
            name=row.name,
            process=row.process,
            version=row.version,
            session=row.session,
            leads=bool(row.leads),
            missed=row.missed,
            started_at=row.started_at,
            seen_at=row.seen_at,
        )
        for row in rows
    ]


_END = text(
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = :session "
    "AND classid = :ours AND objid = :leader "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
).bindparams(bindparam("ours", LOCKS, BigInteger), bindparam("leader", LEADER, BigInteger))


def end_session(connection: Connection, session: int) -> bool:
    """End the session that this leader writes by, if it leads still: it hangs, and so does all that waits for it."""
    return bool(connection.execute(_END, {"session": session}).scalar())


def schema(connection: Connection) -> str:
    """The version that the database is of."""
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
