"""Who is on call: the file, its calendars and the overrides taken together, at a moment that is handed in."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from types import MappingProxyType

from bridge.oncall import rota
from bridge.oncall.calendar import Calendar
from bridge.oncall.records import CalendarSchedule, Kind, OnCall, Person, Rotation, Target
from bridge.oncall.shifts import Shift

HORIZON = timedelta(days=366)
"""How far ahead a change is looked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """`person` takes `schedule` from `start` to before `end` (aware), whatever it says."""

    schedule: str
    person: str
    start: datetime
    end: datetime


def _no_calendars() -> Mapping[str, Calendar | None]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Roster:
    """All that decides who is on call.

    `calendars`: schedule -> what was read last, None (or no entry) for one that was never read. `overrides`: the oldest
    first; of those that hold at the same time the newest counts. One of a person or schedule that the file no longer
    has counts for nothing.
    """

    oncall: OnCall
    calendars: Mapping[str, Calendar | None] = field(default_factory=_no_calendars)
    overrides: tuple[Override, ...] = ()


def on_call(roster: Roster, schedule: str, at: datetime) -> tuple[Person, ...]:
    """Who has the schedule then, each once; nobody in a gap."""
    taken = _override(_overrides(roster, schedule), at)
    keys = (taken.person,) if taken else _by_itself(roster, schedule, at)
    return _people(roster, keys)


def people(roster: Roster, targets: Iterable[Target], at: datetime) -> tuple[Person, ...]:
    """Whom these targets mean then: in their order, nobody twice."""
    found: dict[str, Person] = {}
    for target in targets:
        found |= {person.key: person for person in _meant(roster, target, at) if person.key not in found}
    return tuple(found.values())


def shifts(roster: Roster, schedule: str, start: datetime, end: datetime) -> Iterator[Shift]:
    """Who has the schedule from `start` to `end`, without a hole: a gap is a shift of nobody. Neighbours differ."""
    for keys, pieces in groupby(_pieces(roster, schedule, start, end), key=lambda piece: piece.people):
        whole = list(pieces)
        yield Shift(start=whole[0].start, end=whole[-1].end, people=keys)


def gaps(roster: Roster, schedule: str, start: datetime, end: datetime) -> tuple[Shift, ...]:
    """When nobody has the schedule."""
    return tuple(shift for shift in shifts(roster, schedule, start, end) if not shift.people)


@dataclass(frozen=True, kw_only=True, slots=True)
class Duty:
    """Who is on call `until` then; None: for a year at least. Nobody in a gap."""

    people: tuple[Person, ...]
    until: datetime | None


def now_and_next(roster: Roster, schedule: str, at: datetime) -> tuple[Duty, Duty | None]:
    """Who has the schedule now, and who takes it when that ends (a gap is nobody); no next where it never ends."""
    change = next_change(roster, schedule, at)
    now = Duty(people=on_call(roster, schedule, at), until=change)
    if change is None:
        return now, None
    then = Duty(people=on_call(roster, schedule, change), until=next_change(roster, schedule, change))
    return now, then


def next_change(roster: Roster, schedule: str, at: datetime) -> datetime | None:
    """When others than now have the schedule for the first time, within a year; None if there is no such time.

    Where a calendar is laid out no further, nobody knows: that is no change.
    """
    calendar = _calendar(roster, schedule)
    for ahead in (timedelta(days=8), timedelta(days=60), HORIZON):
        end = min(at + ahead, calendar.until) if calendar else at + ahead
        first = next(shifts(roster, schedule, at, end), None)
        if first and first.end < end:
            return first.end
    return None


def person_named(oncall: OnCall, summary: str) -> str | None:
    """The key of the person that an event's summary names, by key or by name, in capitals or not; None for nobody."""
    wanted = " ".join(summary.split()).casefold()
    by_key = (key for key in oncall.people if key.casefold() == wanted)
    by_name = (key for key, person in oncall.people.items() if " ".join(person.name.split()).casefold() == wanted)
    return next(by_key, None) or next(by_name, None)


def _meant(roster: Roster, target: Target, at: datetime) -> tuple[Person, ...]:
    if target.kind is Kind.SCHEDULE:
        return on_call(roster, target.key, at)
    if target.kind is Kind.GROUP:
        group = roster.oncall.groups.get(target.key)
        return _people(roster, group.people if group else ())
    return _people(roster, (target.key,))


def _people(roster: Roster, keys: Iterable[str]) -> tuple[Person, ...]:
    return tuple(roster.oncall.people[key] for key in keys if key in roster.oncall.people)


def _overrides(roster: Roster, schedule: str) -> list[Override]:
    """Those of the schedule that count, the newest first."""
    known = roster.oncall.people
    return [one for one in reversed(roster.overrides) if one.schedule == schedule and one.person in known]


def _override(overrides: list[Override], at: datetime) -> Override | None:
    return next((one for one in overrides if one.start <= at < one.end), None)


def _calendar(roster: Roster, schedule: str) -> Calendar | None:
    """What the schedule's calendar says, if it has one that was read."""
    found = roster.oncall.schedules.get(schedule)
    return roster.calendars.get(schedule) if isinstance(found, CalendarSchedule) else None


def _by_itself(roster: Roster, schedule: str, at: datetime) -> tuple[str, ...]:
    """Whom the schedule itself names then, by key."""
    found = roster.oncall.schedules.get(schedule)
    if isinstance(found, Rotation):
        person = rota.on_call(found, at)
        return (person,) if person else ()
    calendar = _calendar(roster, schedule)
    return _known(roster, calendar.named(at)) if calendar else ()


def _shifts_by_itself(roster: Roster, schedule: str, start: datetime, end: datetime) -> list[Shift]:
    found = roster.oncall.schedules.get(schedule)
    if isinstance(found, Rotation):
        return list(rota.shifts(found, start, end))
    calendar = _calendar(roster, schedule)
    named = calendar.between(start, end) if calendar else ()
    return [Shift(start=one.start, end=one.end, people=_known(roster, one.people)) for one in named]


def _known(roster: Roster, summaries: Iterable[str]) -> tuple[str, ...]:
    keys = (person_named(roster.oncall, summary) for summary in summaries)
    return tuple(dict.fromkeys(key for key in keys if key))


def _pieces(roster: Roster, schedule: str, start: datetime, end: datetime) -> Iterator[Shift]:
    """The time from `start` to `end`, cut wherever others could take over."""
    overrides = _overrides(roster, schedule)
    own = _shifts_by_itself(roster, schedule, start, end)
    cuts = {one.start for one in own} | {one.end for one in own}
    cuts |= {one.start for one in overrides} | {one.end for one in overrides}
    inside = sorted(cut for cut in cuts if start < cut < end)
    for left, right in pairwise((start, *inside, end) if start < end else ()):
        taken = _override(overrides, left)
        yield Shift(start=left, end=right, people=(taken.person,) if taken else _on(own, left))


def _on(shifts: list[Shift], at: datetime) -> tuple[str, ...]:
    """Who has the one of these shifts that holds then."""
    before = bisect_right(shifts, at, key=lambda shift: shift.start)
    return shifts[before - 1].people if before and at < shifts[before - 1].end else ()
