"""SQLite, written by one thread that commits many operations at once, and read by another."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from bridge.domain.errors import StoreUnavailable
from bridge.store.database import BUSY_TIMEOUT_S, GROUP_LIMIT, TROUBLE_OF, Database, Job, Operation, T, hand_back


def sqlite_engine(path: Path, *, readonly: bool = False) -> Engine:
    """An engine for the file at `path`: WAL, synchronous FULL (an answered commit survives a power cut)."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),  # as a string, a "?" in the name would begin parameters
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
        hide_parameters=True,  # they are texts and numbers, and errors end up in logs
        execution_options={TROUBLE_OF: unavailable},
    )

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: the driver's own comes too late
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA cache_size = -16384")
        if readonly:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        # A writer takes the lock at once: a reader that turns writer in the middle fails without waiting.
        connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")

    return engine


_TROUBLE = (
    ("database or disk is full", "the disk is full"),
    ("database is locked", "another program holds a lock on it"),
    ("readonly", "it is read-only"),
    ("unable to open", "it cannot be opened"),
    ("disk I/O error", "the disk fails (I/O error)"),
    ("malformed", "it is damaged"),
    ("not a database", "the file is not a database"),
    ("no such table", "it has no tables of bridge"),
)


def explain(error: BaseException) -> str:
    """Why the database refused, in a few words for an operator; holds no SQL and no values."""
    text = str(getattr(error, "orig", error))
    return next((words for mark, words in _TROUBLE if mark.lower() in text.lower()), type(error).__name__)


def unavailable(error: BaseException) -> BaseException:
    """`StoreUnavailable` for a database that cannot serve just now; its cause stays attached.

    Anything else comes back as it is: a broken constraint or wrong SQL is a bug of ours, and does not pass.
    """
    # A damaged file is a plain DatabaseError; its subclasses have meanings of their own.
    if not (isinstance(error, OperationalError) or type(error) is DatabaseError):
        return error
    trouble = StoreUnavailable(f"database: {explain(error)}")
    trouble.__cause__ = error
    return trouble


class SqliteDatabase(Database):
    """A file."""

    def __init__(self, path: Path, *, on_commit: Callable[[float], None] = lambda seconds: None) -> None:
        """`on_commit` is told the seconds of each commit, from the writer's thread."""
        self.path = path
        self._engine = sqlite_engine(path)
        self._reading = sqlite_engine(path, readonly=True)
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._on_commit = on_commit
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._loop = asyncio.get_running_loop()
        self._closed = False
        with self._engine.connect():
            self._file = _identity(path)
        self._writer = threading.Thread(target=self._write_on, name="store-writer", daemon=True)
        self._writer.start()

    async def write(self, operation: Operation[T]) -> T:
        if self._closed:
            raise StoreUnavailable("database: closed")
        job = Job(operation, self._loop.create_future())
        self._jobs.put(job)
        # Shielded: a caller that is cancelled does not take back what the writer may have committed.
        return await asyncio.shield(job.future)

    async def read(self, operation: Operation[T]) -> T:
        if self._closed:
            raise StoreUnavailable("database: closed")

        def run() -> T:
            try:
                with self._reading.begin() as connection:
                    return operation(connection)
            except DBAPIError as error:
                trouble = unavailable(error)
                if trouble is error:
                    raise
                raise trouble from error

        return await self._loop.run_in_executor(self._reader, run)

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._writer.join)
        self._reader.shutdown()
        self._engine.dispose()
        self._reading.dispose()

    def _write_on(self) -> None:
        while (job := self._jobs.get()) is not None:
            group = [job]
            last = False
            while len(group) < GROUP_LIMIT and not self._jobs.empty():
                more = self._jobs.get()
                if more is None:
                    last = True
                    break
                group.append(more)
            self._commit(group)
            self._loop.call_soon_threadsafe(hand_back, group)
            if last:
                return

    def _commit(self, group: list[Job]) -> None:
        """One transaction for all; when it fails and there are several, one for each."""
        started = perf_counter()
        if _identity(self.path) != self._file:
            # SQLite would go on writing into a file that has no name any more, and all of it would be lost.
            for job in group:
                job.error = StoreUnavailable(f"database: {self.path} was removed or replaced; restart bridge")
            return
        begun = False
        try:
            with self._engine.begin() as connection:
                begun = True
                for job in group:
                    job.result = job.operation(connection)
        except BaseException as error:  # noqa: BLE001 - each job's owner gets it
            if begun and len(group) > 1:
                for job in group:
                    self._commit([job])
                return
            # Where not even BEGIN passed (a lock, say), nobody is to blame: asking again for each would wait for each.
            for job in group:
                job.error = unavailable(error)
        else:
            self._on_commit(perf_counter() - started)


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells the file at `path` from another that has its name."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
