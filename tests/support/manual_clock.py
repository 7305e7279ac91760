"""A clock that stands still until a test moves it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

MONDAY_MORNING = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class ManualClock:
    """A `bridge.clock.Clock`: whoever waits goes on when the event is set, or `advance` reaches the end of the wait.

    Use it within one event loop.
    """

    def __init__(self, start: datetime = MONDAY_MORNING) -> None:
        self._now = start
        self._running_s = 0.0
        self._sleepers: dict[asyncio.Future[None], datetime] = {}

    def now(self) -> datetime:
        """Aware, UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that passed, whoever set the clock."""
        return self._running_s

    def is_set(self, seconds: float) -> None:
        """Somebody sets it, by so many seconds ahead or (negative) back: no time passes."""
        self._now += timedelta(seconds=seconds)

    def timestamp(self) -> float:
        """The same as Unix seconds."""
        return self._now.timestamp()

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        """Return when `event` is set or `timeout_s` seconds of this clock are over."""
        if event.is_set() or timeout_s <= 0:
            return
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers[over] = self._now + timedelta(seconds=timeout_s)
        told = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait((told, over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._sleepers[over]
            told.cancel()
            await asyncio.gather(told, return_exceptions=True)

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass at once; negative: somebody sets the clock back."""
        self._now += timedelta(seconds=seconds)
        self._running_s += max(0.0, seconds)
        for over, at in self._sleepers.items():
            if at <= self._now and not over.done():
                over.set_result(None)

    @property
    def next_wake_s(self) -> float | None:
        """Seconds until the first of those who wait would go on by time alone; None when nobody waits."""
        return min(((at - self._now).total_seconds() for at in self._sleepers.values()), default=None)


def later(clock: ManualClock, condition: Callable[[], bool]) -> Callable[[], bool]:
    """`condition`, a second after each look: a loop that read the clock just before it was moved comes round again."""

    def looked() -> bool:
        clock.advance(1)
        return condition()

    return looked
