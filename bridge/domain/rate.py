"""How many calls a gateway may be asked for now, where it takes so many a second. Pure.

Calls are spaced evenly (the virtual scheduling of ITU-T I.371): one value is remembered, the time of the next.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

CATCH_UP = timedelta(milliseconds=20)
"""What comes later than planned by no more than this is made up for: a timer is never on time. Calls are spaced so much
wider that even then no second has more of them than the rate allows."""

FASTEST = 1000
"""Calls a second, at most, that a rate may be."""

AHEAD = timedelta(seconds=1)
"""By so much the clocks of two processes may differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """`per_second`: calls that may begin in any one second, more than 0; less than 1 means one in several seconds."""

    per_second: float

    @property
    def apart(self) -> timedelta:
        """Between two calls."""
        return (timedelta(seconds=1) + CATCH_UP) / self.per_second

    def allowed(self, next_at: datetime | None, now: datetime) -> int:
        """How many may begin now, where `next_at` was the time of the next one (None: there was none before)."""
        start = self._start(next_at, now)
        return 0 if start > now else (now - start) // self.apart + 1

    def after(self, next_at: datetime | None, now: datetime, calls: int) -> datetime:
        """The time of the next one, when so many `calls` begin now."""
        return self._start(next_at, now) + calls * self.apart

    def _start(self, next_at: datetime | None, now: datetime) -> datetime:
        # None can be planned further ahead than one call after now: then the clock was set back.
        if next_at is None or next_at > now + self.apart + AHEAD:
            return now
        return max(next_at, now - CATCH_UP)
