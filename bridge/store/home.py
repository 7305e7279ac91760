"""Where a database is: a file (`sqlite_home`) or on a server (`postgres_home`); `homes` chooses."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from bridge.domain.errors import StoreUnusable
from bridge.store import migrate
from bridge.store.bell import Bell
from bridge.store.database import Database
from bridge.store.lock import Holder, Purpose

OnCommit = Callable[[float], None]
"""Is told the seconds of each commit."""


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
            raise StoreUnusable(f"BRIDGE_DATABASE_URL: nothing of bridge is in {self} yet: run `bridge migrate`")
        if version != migrate.HEAD:
            raise StoreUnusable(f"BRIDGE_DATABASE_URL: {self} is of version {version}: run `bridge migrate`")
