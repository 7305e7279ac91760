"""Loops in this process: each does one thing, again and again, woken by news or by the next due time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from bridge.clock import Clock
from bridge.domain.errors import StoreUnavailable

log = logging.getLogger(__name__)

Step = Callable[[], Awaitable[float | None]]
"""Does what is to be done now. Gives the seconds until the next time, unless woken; None: no sooner than usual."""

TROUBLE_PAUSE_S = 1.0


class WorkLoop:
    """Calls `step` until it is stopped. A step that fails is called again after a pause: no error ends the loop."""

    def __init__(self, name: str, step: Step, clock: Clock, *, every_s: float, gather_s: float = 0.0) -> None:
        """`every_s`: the poll under all wake-ups, in seconds. `gather_s`: how long after a wake-up the step begins, so
        that many become one, and more urgent loops go first.
        """
        self.name = name
        self._step = step
        self._clock = clock
        self._every_s = every_s
        self._gather_s = gather_s
        self._event = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._trouble = ""
        self.turned_at = clock.now()
        """When a step last ended well."""

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._task is not None

    def start(self) -> None:
        """Begin to turn."""
        self.turned_at = self._clock.now()
        self._task = asyncio.create_task(self._turn(), name=self.name)

    def wake(self) -> None:
        """There is news: call the step as soon as it is not running."""
        self._event.set()

    async def stop(self) -> None:
        """Let a running step end, then stop; returns when it has."""
        self._stopping = True
        self._event.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def is_turning(self, now: datetime, within: timedelta) -> bool:
        """Whether a step ended well within that time (or the loop was never asked to turn)."""
        return self._task is None or (now - self.turned_at <= within and not self._task.done())

    async def _turn(self) -> None:
        while not self._stopping:
            if self._gather_s:
                await asyncio.sleep(self._gather_s)  # decides nothing: no matter of the clock's
            self._event.clear()
            pause_s = await self._once()
            if self._stopping:
                break
            await self._clock.wait(self._event, pause_s)

    async def _once(self) -> float:
        try:
            due_s = await self._step()
        except StoreUnavailable as error:
            self._say(str(error))
            # Woken or not, a store in trouble is not asked more often than this.
            await self._clock.wait(asyncio.Event(), TROUBLE_PAUSE_S)
            return 0.0
        except Exception:
            log.exception("the %s loop met an error of ours and goes on", self.name, extra={"event": "loop.error"})
            await self._clock.wait(asyncio.Event(), TROUBLE_PAUSE_S)
            return 0.0
        if self._trouble:
            log.warning("the %s loop works again", self.name, extra={"event": "loop.recovered"})
            self._trouble = ""
        self.turned_at = self._clock.now()
        return self._every_s if due_s is None else max(0.0, min(due_s, self._every_s))

    def _say(self, trouble: str) -> None:
        """Once for each new trouble, not once a second."""
        if trouble != self._trouble:
            log.error("the %s loop waits: %s", self.name, trouble, extra={"event": "store.unavailable"})
            self._trouble = trouble
