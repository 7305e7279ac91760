"""One process delivers from a SQLite file: a second one would take live calls for the leavings of a crash."""

import fcntl
import os
from pathlib import Path
from time import monotonic, sleep

from bridge.domain.errors import StoreUnusable


class DeliveryLock:
    """A lock on a side file of the database. The system lets go of it when the process ends, however it ends."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".lock")
        self._file: int | None = None

    def take(self, patience_s: float = 0.0) -> None:
        """Take it. Raises `StoreUnusable` when another process has it, or the file cannot be written.

        `patience_s`: whoever looks whether a service runs (`is_held`) has it for a moment; wait so long.
        """
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnusable(f"cannot write {self.path}: {error.strerror}") from error
        until = monotonic() + patience_s
        while not _locked(file):
            if monotonic() < until:
                sleep(0.05)
                continue
            holder = os.read(file, 32).decode(errors="replace").strip() or "?"
            os.close(file)
            raise StoreUnusable(
                f"another bridge (process {holder}) delivers from {self.path.with_suffix('')}; stop it first"
            )
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        self._file = file

    def release(self) -> None:
        """Let go; harmless when it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @staticmethod
    def is_held(database: Path) -> bool:
        """Whether some process delivers from `database` now. Does not disturb it."""
        probe = DeliveryLock(database)
        if not probe.path.exists():
            return False
        try:
            probe.take()
        except StoreUnusable:
            return True
        probe.release()
        return False


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
