"""A database in a file: SQLite."""

from pathlib import Path

from bridge.store import migrate
from bridge.store.database import Database
from bridge.store.home import Home, OnCommit
from bridge.store.lock import DeliveryLock, Holder, Purpose
from bridge.store.sqlite import SqliteDatabase

PATIENCE_S = 0.5
"""How long, in seconds, a start waits for a lock: whoever only looks is in the way for a moment."""


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
