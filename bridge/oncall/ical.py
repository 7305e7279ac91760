"""Reading a calendar (RFC 5545) into who it names when.

All that is laborious or can go wrong happens here, once: what comes out is a plain list. Times without a zone, and
whole days, are meant by the clocks of the schedule's place. Events that are cancelled name nobody.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events  # type: ignore[import-untyped]
from icalendar import Calendar
from icalendar.parser import Contentlines

from bridge.domain.errors import OperatorError
from bridge.oncall import calendar
from bridge.oncall.recurrence import MOST_STEPS, TooMuch, check_zone_rule, steps
from bridge.oncall.shifts import Shift

LONGEST_CALENDAR = 1_000_000  # bytes: some 3 s of reading
MOST_EVENTS = 20_000  # that lie in the time looked at
MOST_OVERLAPS = 100_000  # names in all shifts together
MOST_ZONE_RULES = 100
LONGEST_SUMMARY = 200  # characters that are kept

BEHIND = timedelta(days=31)
AHEAD = timedelta(days=400)
"""How far around the moment of reading a calendar is laid out: read it again long before that is over."""

_SLACK = timedelta(days=2)  # whole days and offsets at the edges


class CalendarError(OperatorError):
    """The text is no calendar that can be taken; `str()` says why in one line."""


def read(text: bytes | str, *, timezone: ZoneInfo, at: datetime) -> calendar.Calendar:
    """What the calendar says from 31 days before `at` (aware) to 400 days after it.

    Raises CalendarError, and nothing else, whatever the text. May take seconds for the largest: not for an event loop.
    """
    if len(text) > LONGEST_CALENDAR:
        raise CalendarError(f"is larger than {LONGEST_CALENDAR} bytes")
    since, until = at.astimezone(UTC) - BEHIND, at.astimezone(UTC) + AHEAD
    try:
        shifts = tuple(_shifts(_events(_written(text), since, until, timezone)))
    except TooMuch as error:
        raise CalendarError(str(error)) from error
    except Exception as error:
        # The libraries raise what comes up: KeyError, AttributeError, OverflowError ... Its text may hold any text.
        raise CalendarError(f"is no calendar that can be read ({type(error).__name__})") from error
    return calendar.Calendar(since=since, until=until, shifts=shifts)


def _written(text: bytes | str) -> Any:
    """The calendar as it is written, if the rules for time zones in it can be worked through."""
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig", errors="replace")
    unfold: Callable[[str], list[str]] = Contentlines.from_ical
    _check_zones(line.strip().upper() for line in unfold(text))
    written = Calendar.from_ical(text)
    if written.name != "VCALENDAR":
        raise TooMuch("is something else than a calendar")
    return written


def _check_zones(lines: Iterable[str]) -> None:
    """Time zones are worked out while the calendar is read, so their rules are looked at before."""
    inside, count = False, 0
    for line in lines:
        if line.endswith(":VTIMEZONE"):
            inside = line.startswith("BEGIN")
        elif inside and line.startswith(("RRULE", "EXRULE")):
            count += 1
            check_zone_rule(line.partition(":")[2])
    if count > MOST_ZONE_RULES:
        raise TooMuch(f"has more than {MOST_ZONE_RULES} rules for time zones")


Event = tuple[datetime, datetime, str]
"""Start, end (UTC) and summary."""


def _events(written: Any, since: datetime, until: datetime, zone: ZoneInfo) -> list[Event]:
    """The events that lie in that time at least in part, cut to it, in order."""
    _check_rules(written, until)
    found = []
    for event in recurring_ical_events.of(written).between(since - _SLACK, until + _SLACK):
        start = max(_instant(event["DTSTART"].dt, zone), since)
        end = min(_instant(event["DTEND"].dt, zone), until)
        if start < end and str(event.get("STATUS", "")).upper() != "CANCELLED":
            found.append((start, end, " ".join(str(event.get("SUMMARY", "")).split())[:LONGEST_SUMMARY]))
    if len(found) > MOST_EVENTS:
        raise TooMuch(f"has more than {MOST_EVENTS} events in {(until - since).days} days")
    return sorted(found)


def _check_rules(written: Any, until: datetime) -> None:
    """Raises TooMuch if it would take too long to find all events."""
    last = until.replace(tzinfo=None)
    total = 0
    for event in written.walk("VEVENT"):
        rules = event.get("RRULE", [])
        for rule in rules if isinstance(rules, list) else [rules]:
            start = event["DTSTART"].dt
            first = datetime(start.year, start.month, start.day)  # noqa: DTZ001 - a day is enough
            if not 1970 <= first.year < 2200:
                raise TooMuch("has repeated events that begin before 1970 or after 2199")
            total += steps(rule.to_ical().decode(), first, last)
            if total > MOST_STEPS:
                raise TooMuch("has too many repeated events, or too old ones")


def _instant(shown: date | datetime, zone: tzinfo) -> datetime:
    if not isinstance(shown, datetime):
        shown = datetime(shown.year, shown.month, shown.day, tzinfo=zone)
    return (shown if shown.tzinfo else shown.replace(tzinfo=zone)).astimezone(UTC)


def _shifts(events: list[Event]) -> Iterator[Shift]:
    """Who is named when: stretches in which the same events hold, without those of none."""
    changes = sorted(
        [(start, 1, summary) for start, _, summary in events] + [(end, -1, name) for _, end, name in events]
    )
    holding: Counter[str] = Counter()
    left = MOST_OVERLAPS
    for (moment, change, summary), (following, *_) in pairwise(changes):
        holding[summary] += change
        if not holding[summary]:
            del holding[summary]
        if holding and moment < following:
            left -= len(holding)
            if left < 0:
                raise TooMuch("has too many events at the same time")
            yield Shift(start=moment, end=following, people=tuple(holding))
