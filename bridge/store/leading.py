"""Which of several processes leads, and that nobody else writes what only the leader may.

On PostgreSQL the leader holds a lock of the very session that writes: the lock cannot be lost without the session, nor
a write be made without both. So whether this process leads is known without asking, and is so until the commit.
A file is written by one process (`store/lock.py`), which leads.
"""

from functools import partial

from sqlalchemy import Connection, text

from bridge.domain.errors import NotLeading
from bridge.store.database import Database, Operation, T

LOCKS = 0x62726467  # "brdg"
"""Our locks, on one database of a server: the first number is ours alone."""
WRITER, LEADER = 1, 2

_LEADS = "bridge_leads"
_TRY = text(f"SELECT pg_try_advisory_lock({LOCKS}, {LEADER})")
_LET_GO = text(f"SELECT pg_advisory_unlock({LOCKS}, {LEADER})")


def take(connection: Connection) -> bool:
    """Whether this process leads, from now on if nobody did. `connection` must be of the session that writes."""
    if connection.dialect.name != "postgresql":
        return True
    if not connection.info.get(_LEADS):
        connection.info[_LEADS] = bool(connection.execute(_TRY).scalar())
    return bool(connection.info[_LEADS])


def give_up(connection: Connection) -> None:
    """Lead no more; harmless where this process does not."""
    if connection.info.pop(_LEADS, False):
        connection.execute(_LET_GO)


class Led(Database):
    """A database as the leader has it: who leads no more writes nothing there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, operation: Operation[T]) -> T:
        """As the database's. Raises `NotLeading` when another process leads, and nothing is written."""
        return await self._database.write(partial(_as_leader, operation))

    async def read(self, operation: Operation[T]) -> T:
        """As the database's: anybody may look."""
        return await self._database.read(operation)

    async def aclose(self) -> None:
        """Nothing: it is everybody's."""


def _as_leader(operation: Operation[T], connection: Connection) -> T:
    # A session that was lost is made anew by whoever writes first: if nobody else took the lead meanwhile, it stays.
    if not take(connection):
        raise NotLeading("database: another bridge leads now")
    return operation(connection)
