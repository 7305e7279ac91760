"""Tells the other processes that something was written, so that they look at once. Their polls find it without, too."""

from collections.abc import Callable, Collection
from enum import StrEnum


class Work(StrEnum):
    """What there is to look at."""

    INBOX = "inbox"  # updates that were kept
    ALERTS = "alerts"  # requests that were kept
    STEPS = "steps"  # of escalations, which may be due
    DELIVERY = "delivery"  # messages that are queued
    CHAT = "chat"  # posts that are out of date
    OUTCOMES = "outcomes"  # of attempts
    GONE = "gone"  # processes: what they were sending has nobody who sends it
    ROSTER = "roster"  # who is on call
    LEAD = "lead"  # nobody leads


OnRing = Callable[[Collection[Work]], None]


class Bell:
    """One that nobody hears: of a file there is one process."""

    def start(self, on_ring: OnRing) -> None:
        """Listen: `on_ring` is told what other processes have written; after a time of deafness, everything."""

    def ring(self, *news: Work) -> None:
        """Soon, the other processes hear of it. Costs the caller nothing, and may be lost."""

    async def aclose(self) -> None:
        """Tell what is still to be told, and listen no more."""
