"""Calendars (RFC 5545): who is on call is the summary of each event."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bridge.oncall.shifts import Shift


@dataclass(frozen=True, kw_only=True, slots=True)
class Calendar:
    """What a calendar says from `since` to before `until` (aware, UTC); outside of that it names nobody.

    `shifts`: in order, none over another, each of at least one event. `people` in them are summaries of events, each
    once. Who they are is for `who.person_named`.
    """

    since: datetime
    until: datetime
    shifts: tuple[Shift, ...]

    def named(self, at: datetime) -> tuple[str, ...]:
        """The summaries of the events at that moment."""
        before = bisect_right(self.shifts, at, key=lambda shift: shift.start)
        shift = self.shifts[before - 1] if before else None
        return shift.people if shift and at < shift.end else ()

    def between(self, start: datetime, end: datetime) -> Sequence[Shift]:
        """The shifts that lie there at least in part, whole."""
        first = bisect_right(self.shifts, start, key=lambda shift: shift.end)
        return self.shifts[first : bisect_left(self.shifts, end, key=lambda shift: shift.start)]
