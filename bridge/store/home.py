"""Where a database is, by BRIDGE_DATABASE_URL: a file (SQLite) or on a server (PostgreSQL). Nobody else chooses."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from bridge.domain.errors import StoreUnusable
from bridge.store import migrate
from bridge.store.bell import Bell
from bridge.store.database import Database
from bridge.store.lock import DeliveryLock, Holder, Purpose
from bridge.store.sqlite import SqliteDatabase

OnCommit = Callable[[float], None]
"""Is told the seconds of each commit."""


PATIENCE_S = 0.5
"""How long, in seconds, a start waits for a lock: whoever only looks is in the way for a moment."""


class Home(ABC):
    """A database that may be there or not. `str()` names it to people, and shows no password."""

    shared = False
    """Whether several processes may deliver from it at a time, of which one leads."""

    @abstractmethod
    async def current(self) -> str | None:
        """Its version; None when there is none yet. Writes nothing. Raises `StoreUnusable` when it cannot be read."""

    @abstractmethod
    async def check_start(self, version: str | None) -> None:
        """Raise `StoreUnusable` when `migrate` could not write it, where `version` was found. Leaves no trace."""

    @abstractmethod
    async def migrate(self) -> bool:
        """Bring it to this version; True when that changed something.

        Raises `StoreUnusable` when it is newer than this program, or cannot be written.
        """

    @abstractmethod
    def open(self, on_commit: OnCommit = lambda seconds: None) -> Database:
        """Open it, in the running event loop. Raises `StoreError`."""

    def bell(self) -> Bell:
        """What tells the other processes that something was written."""
        return Bell()

    @abstractmethod
    async def holder(self) -> Holder | None:
        """Who delivers from it now, of several the one who leads; None when nobody does.

        Raises `StoreUnusable` when that cannot be read.
        """

    @abstractmethod
    async def check_lock(self) -> None:
        """Raise `StoreUnusable` when this process could not deliver from it even if nobody did."""

    @abstractmethod
    async def try_take(self, purpose: Purpose) -> bool:
        """Begin to deliver from it; False where another process does, and is to do this as well.

        Raises `StoreUnusable`.
        """

    @abstractmethod
    async def take(self) -> None:
        """Become a service that delivers from it: of a file the one, or `StoreUnusable` is raised.

        Of a file, a `bridge send --wait` is waited for until it is done with its one message.
        """

    @abstractmethod
    async def release(self) -> None:
        """Deliver no more; harmless when this process does not."""

    async def version_to_read(self) -> None:
        """Raise `StoreUnusable` unless a database of just this version is there, for whoever only reads."""
        version = await self.current()
        migrate.refuse_newer(self, version)
        if version is None:
            raise StoreUnusable(f"BRIDGE_DATABASE_URL: there is no database {self}")
        if version != migrate.HEAD:
            raise StoreUnusable(f"BRIDGE_DATABASE_URL: {self} is of version {version}: run `bridge migrate`")


class SqliteHome(Home):
    """A file, and the lock beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: DeliveryLock | None = None

    def __str__(self) -> str:
        return str(self.path)

    async def current(self) -> str | None:
        return migrate.current(self.path)

    async def check_start(self, version: str | None) -> None:
        migrate.check_start(self.path, version)

    async def migrate(self) -> bool:
        return migrate.migrate(self.path)

    def open(self, on_commit: OnCommit = lambda seconds: None) -> Database:
        return SqliteDatabase(self.path, on_commit=on_commit)

    async def holder(self) -> Holder | None:
        return DeliveryLock.holder(self.path)

    async def check_lock(self) -> None:
        DeliveryLock(self.path).check_writable()

    async def try_take(self, purpose: Purpose) -> bool:
        self._lock = DeliveryLock(self.path, purpose)
        return self._lock.try_take()

    async def take(self) -> None:
        self._lock = DeliveryLock(self.path)
        await self._lock.take_within(PATIENCE_S)

    async def release(self) -> None:
        if self._lock is not None:
            self._lock.release()


def home_of(url: str) -> Home:
    """The home of `BRIDGE_DATABASE_URL`. Raises `StoreUnusable` for an address that this version does not know."""
    if url.partition(":")[0].partition("+")[0] in ("postgres", "postgresql"):
        # Its driver takes a tenth of a second to import, and most never need it.
        from bridge.store.postgres_home import PostgresHome

        return PostgresHome(url)
    return SqliteHome(migrate.database_file(url))
