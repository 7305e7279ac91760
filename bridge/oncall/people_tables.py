"""The tables of people, groups and schedules. What is wrong is kept, and something stands in for it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bridge.domain.phone import NumberProblem, mask, read_number
from bridge.domain.problem_words import explain
from bridge.oncall.records import ONCALL, CalendarSchedule, Group, Person, Quiet, Rotation, Schedule
from bridge.toml.sections import Section, meant, shown

SHORTEST_SHIFT = timedelta(minutes=1)
MOST_TELEGRAM_ID = 2**52  # Telegram: at most 52 significant bits
LONGEST_NAME = 64  # characters of a key

_name = re.compile(rf"\w[\w.-]{{0,{LONGEST_NAME - 1}}}").fullmatch
_quiet = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)", re.ASCII).fullmatch
_SOMETIME = datetime(2026, 1, 5, 9, tzinfo=UTC).replace(tzinfo=None)


def check_name(key: str, section: Section) -> None:
    """Keeps a problem if a name could not be typed as `@name` or stand in an address."""
    if not _name(key):
        section.problem(f"is no name: letters, digits, _, - and . only, at most {LONGEST_NAME}")


def read_people(file: Section, *, region: str, zone: ZoneInfo) -> dict[str, Person]:
    return {key: _person(key, one, region, zone) for key, one in file.table("people").items()}


def read_groups(file: Section, people: Mapping[str, Person]) -> dict[str, Group]:
    groups = {}
    for key, one in file.table("groups").items():
        check_name(key, one)
        groups[key] = Group(key=key, people=_people(one, people))
        one.end()
    return groups


def read_schedules(file: Section, people: Mapping[str, Person], *, zone: ZoneInfo) -> dict[str, Schedule]:
    return {key: _schedule(key, one, people, zone) for key, one in file.table("schedules").items()}


def check_namespace(file: Section) -> None:
    """Keeps a problem for each name that stands for two things, in capitals or not, and for `oncall`."""
    first: dict[str, str] = {}
    for kind in ("people", "groups", "schedules"):
        for key, one in file.table(kind).items():
            other = first.setdefault(key.casefold(), f"{kind}.{shown(key)}")
            if key.casefold() == ONCALL:
                one.problem("cannot have this name: @oncall is whoever is on call")
            elif other != f"{kind}.{shown(key)}":
                one.problem(f"has the name of {other}: people, groups and schedules share their names")


def _person(key: str, section: Section, region: str, zone: ZoneInfo) -> Person:
    check_name(key, section)
    phone, telegram = _phone(section, region), section.integer("telegram")
    if telegram is not None and not 0 < telegram < MOST_TELEGRAM_ID:
        section.problem("must be a numeric id, such as /whoami shows", "telegram")
    if not section.has("phone") and not section.has("telegram"):
        section.problem("can never be reached: neither phone nor telegram is given")
    name = section.text("name") or key
    quiet, own_zone = _read_quiet(section), section.zone("timezone", zone)
    section.end()
    return Person(key=key, name=name, phone=phone, telegram=telegram, quiet=quiet, timezone=own_zone)


def _phone(section: Section, region: str) -> str:
    typed = section.text("phone")
    if not typed:
        return ""
    number = read_number(typed, region=region, allowed_countries=frozenset(), any_rate=True)
    if isinstance(number, NumberProblem):
        # Whole numbers are nobody's business in a log.
        masked = replace(number, item=f"{typed[:4]}…", readings=tuple(map(mask, number.readings)))
        section.problem(f"is no number to send to: {explain(masked)}", "phone")
        return ""
    return number.e164


def _read_quiet(section: Section) -> Quiet | None:
    typed = section.text("quiet")
    if not typed:
        return None
    found = _quiet(typed)
    if found is None or found.group(1, 2) == found.group(3, 4):
        section.problem(f'is "{shown(typed)}": a quiet time is two different times such as "22:00-07:00"', "quiet")
        return None
    hour, minute, end_hour, end_minute = map(int, found.groups())
    return Quiet(start=time(hour, minute), end=time(end_hour, end_minute))


def _people(section: Section, people: Mapping[str, Person]) -> tuple[str, ...]:
    """The keys of a list of people; somebody in it, none twice, nobody unknown."""
    listed = section.required("people", section.texts)
    if section.has("people") and not listed:
        section.problem("is empty: somebody must be in it", "people")
    seen = set()
    for index, key in listed:
        if key not in people:
            section.problem(f'is "{shown(key)}": nobody in [people] has this name{meant(key, people)}', "people", index)
        elif key in seen:
            section.problem(f'is "{shown(key)}" once more', "people", index)
        seen.add(key)
    return tuple(key for _, key in listed)


def _schedule(key: str, section: Section, people: Mapping[str, Person], zone: ZoneInfo) -> Schedule:
    check_name(key, section)
    own_zone = section.zone("timezone", zone)
    calendar, rotation = section.has("ical"), any(map(section.has, ("people", "shift", "start")))
    if calendar and rotation:
        section.problem("must be a rotation (people, shift, start) or a calendar (ical), not both")
    if not calendar and not rotation:
        section.problem("lacks either people, shift and start (a rotation) or ical (a calendar)")
    schedule = _rotation(key, section, people, own_zone) if rotation else _calendar(key, section, own_zone)
    section.end()
    return schedule


def _calendar(key: str, section: Section, zone: ZoneInfo) -> CalendarSchedule:
    source = section.text("ical")
    if "://" in source and not source.lower().startswith("https://"):
        section.problem(f'is "{shown(source)}": a calendar is a file or an https address', "ical")
    return CalendarSchedule(key=key, ical=source, timezone=zone)


def _rotation(key: str, section: Section, people: Mapping[str, Person], zone: ZoneInfo) -> Rotation:
    section.text("ical")  # said already, where it is there
    shift = section.required("shift", section.duration)
    if shift is not None and shift < SHORTEST_SHIFT:
        section.problem("is too short: a shift is a minute at least", "shift")
    start = section.required("start", lambda name: section.local_time(name, zone))
    return Rotation(
        key=key,
        people=_people(section, people),
        shift=shift or timedelta(weeks=1),
        start=start or _SOMETIME,
        timezone=zone,
    )
