"""How often those without a role are told anything. In memory, and bounded by what it lets through."""

from collections import deque
from datetime import datetime, timedelta

from bridge.clock import Clock

WITHIN = timedelta(minutes=1)

MOST = 20
"""Answers to all strangers together in that time: what they ask for shall not use up what Telegram lets us say."""


class Strangers:
    """Each is told something once a minute at most, and all of them together a bounded number of times."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: deque[tuple[datetime, int]] = deque()  # when, whom; the oldest first

    def may_be_told(self, user_id: int) -> bool:
        """Whether this one may be told something now, which then counts as done."""
        now = self._clock.now()
        while self._told and not timedelta(0) <= now - self._told[0][0] < WITHIN:
            self._told.popleft()
        if len(self._told) >= MOST or any(one == user_id for _, one in self._told):
            return False
        self._told.append((now, user_id))
        return True
