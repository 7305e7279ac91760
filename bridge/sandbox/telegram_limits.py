"""Telegram's flood limits: about 30 messages a second overall, 1 a second a chat, 20 a minute a group.

Source: core.telegram.org/bots/faq.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """`burst` at once, then `per_s`."""

    per_s: float
    burst: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Telegram publishes the rates, not the bursts: those are guesses on the strict side."""

    overall: Rate | None = Rate(per_s=30, burst=30)
    chat: Rate | None = Rate(per_s=1, burst=5)
    group: Rate | None = Rate(per_s=20 / 60, burst=20)


NO_LIMITS = Limits(overall=None, chat=None, group=None)


class FloodGate:
    """Counts messages and edits. `clock` gives monotonic seconds."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self._clock = clock
        self._levels: dict[tuple[str, int], tuple[float, float]] = {}

    def wait_s(self, chat_id: int, *, group: bool) -> int:
        """0 and the message counts, or the whole seconds until it would be taken."""
        now = self._clock()
        rules = [(("overall", 0), self.limits.overall), (("chat", chat_id), self.limits.chat)]
        if group:
            rules.append((("group", chat_id), self.limits.group))
        levels: dict[tuple[str, int], float] = {}
        wait = 0.0
        for key, rate in rules:
            if rate is None:
                continue
            level, at = self._levels.get(key, (0.0, now))
            levels[key] = max(level - (now - at) * rate.per_s, 0.0) + 1
            wait = max(wait, (levels[key] - rate.burst) / rate.per_s)
        if wait > 1e-9:
            return math.ceil(wait)
        self._levels |= {key: (level, now) for key, level in levels.items()}
        return 0
