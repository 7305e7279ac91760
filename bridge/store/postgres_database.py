"""PostgreSQL, written by one session of this process, many operations to a commit, and read by others.

Whoever writes holds the writer's lock, of which there is one a database: between processes it is as it is within one.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import ConnectionPoolEntry

from bridge.domain.errors import StoreInDoubt, StoreUnavailable
from bridge.store.database import GROUP_LIMIT, Database, Job, Operation, T, hand_back
from bridge.store.leading import LOCKS, WRITER
from bridge.store.postgres import (
    Connect,
    explain,
    is_lost,
    may_work_again,
    postgres_engine,
    unavailable,
)

READERS = 3
TRIES = 3
"""How often an operation is run, at most, when a session is lost or others are in its way."""
DOUBT_FOR_S = 30.0
"""How long, in seconds, the server is asked what became of a commit whose answer was lost."""
DOUBT_EVERY_S = 0.25

_MADE_AT = "bridge_writer_sessions"

_LOCK = f"SELECT pg_advisory_xact_lock({LOCKS}, {WRITER})"

# The lock first: what is read after it is what the writer before has committed. With it goes a mark by which the
# transaction is known afterwards, if the answer to its commit is lost.
_BEGIN = text(
    f"WITH locked AS MATERIALIZED ({_LOCK}) INSERT INTO commits (writer, last, at) "  # noqa: S608 - of our own numbers
    "SELECT CAST(:writer AS text), CAST(:number AS bigint), CAST(extract(epoch FROM now()) * 1000000 AS bigint) "
    "FROM locked ON CONFLICT (writer) DO UPDATE SET last = excluded.last, at = excluded.at"
)
_LOCKED = text(_LOCK)
# A write, though it changes nothing: a server that only reads may not have heard of the transaction.
_BECAME = text("UPDATE commits SET at = at WHERE writer = :writer RETURNING last")
_FORGET = text(
    "DELETE FROM commits WHERE writer <> :writer "
    "AND at < CAST(extract(epoch FROM now() - interval '1 day') * 1000000 AS bigint)"
)


class Writer:
    """The session that writes, made by `connect`. `name`: that no other writer of this database has."""

    def __init__(self, connect: Connect, name: str) -> None:
        self.connect = connect
        self.name = name
        self.number = 0
        """Of its last transaction: each has the next one."""
        self.sessions = 0
        """How many were made so far."""
        self._engine = postgres_engine(lambda: self.connect())
        self._session: AsyncConnection | None = None
        self.turn = asyncio.Lock()
        """Whoever uses the session has it."""

    async def session(self) -> AsyncConnection:
        """The session, made anew if it is lost."""
        if self._session is None:
            self._session = await self._engine.connect()
            self.sessions += 1
            await self._session.execute(_FORGET, {"writer": self.name})
            await self._session.commit()
        return self._session

    async def begin(self, session: AsyncConnection) -> int:
        """Nobody else writes from here to the end of the transaction; gives its number."""
        self.number += 1
        await session.execute(_BEGIN, {"writer": self.name, "number": self.number})
        return self.number

    async def last(self, session: AsyncConnection) -> int:
        """The number of its last transaction that was committed, once none of them is under way; 0: none was."""
        await session.execute(_LOCKED)
        return int((await session.execute(_BECAME, {"writer": self.name})).scalar() or 0)

    async def drop(self) -> None:
        """Give the session up: the server rolls back, and lets go of its locks."""
        session, self._session = self._session, None
        if session is not None:
            await session.invalidate()
            await session.close()

    async def rollback(self) -> None:
        """Leave nothing of the transaction; harmless when there is no session."""
        if self._session is not None:
            try:
                await self._session.rollback()
            except Exception:  # noqa: BLE001 - it is of no use any more
                await self.drop()

    async def aclose(self) -> None:
        """Close it. It may be used again, and is a new one then."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        await self._engine.dispose()


class PostgresDatabase(Database):
    """A database of a server."""

    def __init__(
        self, writer: Writer, connect: Connect, on_commit: Callable[[float], None], *, doubt_for_s: float = DOUBT_FOR_S
    ) -> None:
        """`connect` makes the sessions that read. `doubt_for_s`: how long a commit in doubt is asked after."""
        self._doubt_for_s = doubt_for_s
        self._writer = writer
        self._reading = postgres_engine(connect, READERS)
        event.listen(self._reading.sync_engine, "checkout", self._is_as_new)
        self._on_commit = on_commit
        self._loop = asyncio.get_running_loop()
        self._jobs: deque[Job] = deque()
        self._news = asyncio.Event()
        self._closed = False
        self._writing = self._loop.create_task(self._write_on(), name="store-writer")

    @property
    def is_open(self) -> bool:
        """Whether it was not closed."""
        return not self._closed

    async def write(self, operation: Operation[T]) -> T:
        if self._closed:
            raise StoreUnavailable("database: closed")
        job = Job(operation, self._loop.create_future())
        self._jobs.append(job)
        self._news.set()
        # Shielded: a caller that is cancelled does not take back what the writer may have committed.
        return await asyncio.shield(job.future)

    async def read(self, operation: Operation[T]) -> T:
        if self._closed:
            raise StoreUnavailable("database: closed")
        tried = 0
        while True:
            tried += 1
            try:
                return await self._read(operation)
            except Exception as error:
                trouble = unavailable(error)
                if trouble is error:
                    raise
                if tried == TRIES or not may_work_again(error):
                    raise trouble from error

    async def _read(self, operation: Operation[T]) -> T:
        async with self._reading.connect() as session:
            # All of its statements see the same moment.
            await session.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            try:
                return await session.run_sync(operation)
            except Exception as error:
                if is_lost(error):
                    await session.invalidate()
                raise

    def _is_as_new(self, _session: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        """A session of before the writer's is made anew: after a failover it may be one of the server of before."""
        if record.info.setdefault(_MADE_AT, self._writer.sessions) < self._writer.sessions:
            raise DisconnectionError

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._news.set()
        await self._writing
        async with self._writer.turn:
            await self._writer.aclose()
        await self._reading.dispose()

    async def _write_on(self) -> None:
        while self._jobs or not self._closed:
            if not self._jobs:
                self._news.clear()
                await self._news.wait()
                continue
            group = [self._jobs.popleft() for _ in range(min(GROUP_LIMIT, len(self._jobs)))]
            async with self._writer.turn:
                await self._commit(group)
            hand_back(group)

    async def _commit(self, group: list[Job]) -> None:
        """One transaction for all; when one of them fails and there are several, one for each."""
        for left in reversed(range(TRIES)):
            try:
                await self._try(group)
            except Exception as error:  # noqa: BLE001 - each job's owner gets it
                cause = _cause(error)
                if may_work_again(cause) and left:
                    continue
                trouble = unavailable(cause)
                if trouble is cause and cause is not error and len(group) > 1:
                    for job in group:
                        await self._commit([job])
                    return
                # Where the server is in trouble nobody is to blame: asking again for each would wait for each.
                for job in group:
                    job.error = trouble
            return

    async def _try(self, group: list[Job]) -> None:
        """Raises what goes wrong; then nothing of it is kept, or `StoreUnavailable` says that nobody knows."""
        started = perf_counter()
        try:
            session = await self._writer.session()
            number = await self._writer.begin(session)
            await session.run_sync(_run, group)
        except BaseException as error:
            await self._undo(_cause(error))
            raise
        try:
            await session.commit()
        except BaseException as error:
            await self._writer.drop()
            if not await self._was_committed(number, error):
                raise
        self._on_commit(perf_counter() - started)

    async def _undo(self, error: BaseException) -> None:
        if is_lost(error):
            await self._writer.drop()
        else:
            await self._writer.rollback()

    async def _was_committed(self, number: int, error: BaseException) -> bool:
        """What became of the commit whose answer did not come: its mark is there, or it is not and never will be.

        A server that was put in the other's place, or crashed, tells what it has kept: the transaction with its mark.
        """
        until = self._loop.time() + self._doubt_for_s
        while self._loop.time() < until:
            try:
                session = await self._writer.session()
                last = await self._writer.last(session)
                await session.commit()
                return last == number
            except Exception:  # noqa: BLE001 - a server that is away, or only reads, or on which the commit still runs
                await self._writer.drop()
            self._refuse_waiting(error)
            await asyncio.sleep(DOUBT_EVERY_S)
        raise StoreInDoubt(f"database: {explain(error)}; nobody knows whether the last commit was kept") from error

    def _refuse_waiting(self, error: BaseException) -> None:
        """Whoever waits behind a commit in doubt is told at once: they can ask again."""
        waiting = list(self._jobs)
        self._jobs.clear()
        for job in waiting:
            job.error = StoreUnavailable(f"database: {explain(error)}")
        hand_back(waiting)


class _OfAnOperation(Exception):
    """An operation raised `error`."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def _cause(error: BaseException) -> BaseException:
    return error.error if isinstance(error, _OfAnOperation) else error


def _run(connection: Connection, group: list[Job]) -> None:
    try:
        for job in group:
            job.result = job.operation(connection)
    except Exception as error:
        raise _OfAnOperation(error) from error
