"""The time, handed in: whoever decides by time gets a `Clock`, so that a test moves it by hand."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

LEAP = timedelta(seconds=10)
"""A clock that is off by more was set, or the machine slept; by less, it is only being kept right."""


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment, whoever sets the clock. They may stand still while the machine sleeps."""
        ...

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        """Return when `event` is set or `timeout_s` seconds of this clock are over."""
        ...


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment, whoever sets the clock. They may stand still while the machine sleeps."""
        return time.monotonic()

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        """Return when `event` is set or `timeout_s` seconds are over."""
        if event.is_set() or timeout_s <= 0:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await event.wait()


class Stopwatch:
    """How long ago it was made, by whichever clock tells more: one may stand still while the machine sleeps, the other
    may be set back.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_at, self._began_s = clock.now(), clock.monotonic()

    def passed_s(self) -> float:
        """Seconds; too many where the time was set ahead."""
        by_time_s = (self._clock.now() - self._began_at).total_seconds()
        return max(by_time_s, self._clock.monotonic() - self._began_s)


class Leaps:
    """Sees a clock being set, by the time that passed since."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_at = self._beginning()

    def _beginning(self) -> datetime:
        """When the seconds that passed began, by what the clock shows now."""
        return self._clock.now() - timedelta(seconds=self._clock.monotonic())

    def seen(self) -> timedelta:
        """By how much it is ahead (negative: behind) of what it would show; nothing where that is no leap."""
        leap = self._beginning() - self._began_at
        return leap if abs(leap) > LEAP else timedelta(0)

    def settle(self, leap: timedelta) -> None:
        """What was seen is seen to."""
        self._began_at += leap
