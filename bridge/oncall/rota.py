"""Rotations: whose turn it is.

A shift is a span *by the clocks of the schedule's place*: hand-over k is when they first show start + k × shift, or a
later time. So a turn of a day or a week ends at the same time of day all year round, and is an hour longer or shorter
over a change; shifts of 12 hours from 09:00 hand over at 09:00 and 21:00. The same holds for shifts of no whole number
of days: 5 hours by the clocks are 4 or 6 over a change. A hand-over that the clocks leave out is when the gap ends; of
one that comes twice it is the first. A turn that lies in a gap as a whole is nobody's.
"""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta

from bridge.oncall.clocks import moment, wall
from bridge.oncall.records import Rotation
from bridge.oncall.shifts import Shift

# No place ever moved its clocks by more: the date line.
_FURTHEST = timedelta(days=2)


def on_call(rotation: Rotation, at: datetime) -> str | None:
    """Whose turn it is; None before the rotation starts."""
    turn = _turn(rotation, at)
    return None if turn < 0 else _person(rotation, turn)


def shifts(rotation: Rotation, start: datetime, end: datetime) -> Iterator[Shift]:
    """The turns that lie between the two moments at least in part, whole, in order. Before the start there are none."""
    turn = max(0, _turn(rotation, start))
    began = _handover(rotation, turn)
    while began < end:
        ends = _handover(rotation, turn + 1)
        if began < ends:
            yield Shift(start=began, end=ends, people=(_person(rotation, turn),))
        began, turn = ends, turn + 1


def _handover(rotation: Rotation, turn: int) -> datetime:
    return moment(rotation.start + turn * rotation.shift, rotation.timezone)


def _person(rotation: Rotation, turn: int) -> str:
    return rotation.people[turn % len(rotation.people)]


def _turn(rotation: Rotation, at: datetime) -> int:
    """The last turn that began by then, counted from 0; below 0 before the start."""
    guess = (wall(at, rotation.timezone) - rotation.start) // rotation.shift
    slack = _FURTHEST // rotation.shift + 1
    turns = range(guess - slack, guess + slack + 1)
    return turns[bisect_right(turns, at, key=lambda turn: _handover(rotation, turn)) - 1]
