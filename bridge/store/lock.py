"""One process delivers from a SQLite file: a second one would take live calls for the leavings of a crash."""

import asyncio
import fcntl
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Literal

from bridge.domain.errors import StoreUnusable

log = logging.getLogger(__name__)

SAID_EVERY_S = 60.0

Purpose = Literal["service", "one message"]
"""What the holder delivers: everything, for as long as it runs; or one message of `bridge send --wait`."""
ONE_MESSAGE: Purpose = "one message"


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """Who delivers. Both are empty for the moment between taking the lock and writing down who took it."""

    process: str
    purpose: str

    @property
    def is_service(self) -> bool:
        """Whether it delivers whatever is written into the outbox."""
        return self.purpose == "service"


class DeliveryLock:
    """A lock on a side file of the database. The system lets go of it when the process ends, however it ends."""

    def __init__(self, database: Path, purpose: Purpose = "service") -> None:
        self.path = database.with_name(database.name + ".lock")
        self._database = database
        self._purpose = purpose
        self._file: int | None = None

    def try_take(self) -> bool:
        """Take it; False when another process has it. Raises `StoreUnusable` when the file cannot be written."""
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._trouble("write", error) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()} {self._purpose}\n".encode(), 0)
        except BlockingIOError:
            os.close(file)
            return False
        except OSError as error:
            os.close(file)
            raise self._trouble("lock", error) from error
        self._file = file
        return True

    def check_writable(self) -> None:
        """Raise `StoreUnusable` when it could not be taken even if nobody had it. Takes nothing and makes no file."""
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CLOEXEC))
        except FileNotFoundError:
            return  # it is made beside the database, which has to be written, too
        except OSError as error:
            raise self._trouble("write", error) from error

    def _trouble(self, verb: str, error: OSError) -> StoreUnusable:
        return StoreUnusable(f"BRIDGE_DATABASE_URL: cannot {verb} {self.path}: {error.strerror}")

    def take(self) -> None:
        """Take it. Raises `StoreUnusable` when another process has it, or the file cannot be written."""
        if self.try_take():
            return
        holder = self.holder(self._database) or Holder(process="", purpose="")
        who = ", ".join(part for part in (f"process {holder.process or '?'}", holder.purpose) if part)
        raise StoreUnusable(f"another bridge ({who}) delivers from {self._database}; stop it first")

    async def take_within(self, patience_s: float) -> None:
        """As `take`, but not refused before `patience_s`: whoever only looks (`holder`) is in the way for a moment.

        A `bridge send --wait` is waited for until it is done with its one message, and the log says so every minute.
        """
        until = monotonic() + patience_s
        while not self.try_take():
            holder = self.holder(self._database)
            if monotonic() >= until:
                if not (holder and holder.purpose == ONE_MESSAGE):
                    self.take()
                    return
                log.warning(
                    "not started yet: process %s (bridge send --wait) delivers its one message; end it if it hangs",
                    holder.process,
                    extra={"event": "lock.waits"},
                )
                until += SAID_EVERY_S
            await asyncio.sleep(0.05)

    def release(self) -> None:
        """Let go; harmless when it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @staticmethod
    def holder(database: Path) -> Holder | None:
        """Who delivers from `database` now; None when nobody does. Raises `StoreUnusable` when that cannot be read."""
        lock = DeliveryLock(database)
        try:
            file = os.open(lock.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise lock._trouble("read", error) from error
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: those who look do not see each other
        except BlockingIOError:
            process, _, purpose = os.pread(file, 64, 0).decode(errors="replace").strip().partition(" ")
            return Holder(process=process, purpose=purpose)
        except OSError as error:
            raise lock._trouble("lock", error) from error
        finally:
            os.close(file)
        return None
