"""A clock that another process moves: by a jump, as when the machine's time is set, or by letting time pass sooner."""

import asyncio
import contextlib
import mmap
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_LAYOUT = struct.Struct("dd")
_LOOK_EVERY_S = 0.02


class ClockFile:
    """Two numbers in a file that processes share: by how many seconds the clock was set, and how many were skipped."""

    def __init__(self, path: Path) -> None:
        """Opens the file; makes one that moves nothing where there is none."""
        if not path.exists():
            path.write_bytes(_LAYOUT.pack(0.0, 0.0))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _LAYOUT.size)
        self.path = path

    def read(self) -> tuple[float, float]:
        """(set by, skipped), seconds."""
        set_by, skipped = _LAYOUT.unpack_from(self._shared)
        return set_by, skipped

    def set_by(self, seconds: float) -> None:
        """The clock shows so much more from now on, or less; nobody's wait ends sooner or later for it."""
        set_by, skipped = self.read()
        _LAYOUT.pack_into(self._shared, 0, set_by + seconds, skipped)

    def skip(self, seconds: float) -> None:
        """So many seconds pass at once, for clocks and for whoever waits."""
        set_by, skipped = self.read()
        _LAYOUT.pack_into(self._shared, 0, set_by, skipped + seconds)

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC) + timedelta(seconds=sum(self.read()))

    def close(self) -> None:
        """Give the file free."""
        self._shared.close()


class MovedClock:
    """A `bridge.clock.Clock` that goes by a `ClockFile`."""

    def __init__(self, path: Path) -> None:
        self._file = ClockFile(path)

    def now(self) -> datetime:
        """Aware, UTC."""
        return self._file.now()

    def monotonic(self) -> float:
        """Seconds since some moment, skipped ones included; nothing that is set changes them."""
        return time.monotonic() + self._file.read()[1]

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        """Return when `event` is set or `timeout_s` seconds are over, skipped ones included."""
        end = self.monotonic() + timeout_s
        while not event.is_set() and (left := end - self.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, _LOOK_EVERY_S)):
                    await event.wait()
