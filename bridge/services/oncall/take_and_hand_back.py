"""A person of the on-call file takes a schedule for a while, or hands it back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.errors import Refused
from bridge.oncall import who
from bridge.oncall.durations import read_duration, write_duration
from bridge.oncall.records import Kind, OnCall, Person, Rotation
from bridge.oncall.who import Override, Roster
from bridge.services.chat.notices import post_key
from bridge.services.oncall import hand_over, roster_words
from bridge.store import oncall as kept
from bridge.store import posts
from bridge.store.posts import Place

LONGEST = timedelta(weeks=4)
LEAST = timedelta(minutes=1)

HOW = "Write /take and for how long, such as /take 2h (30m, 12h, 1d, 1w)"
OTHERS_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Taking:
    """What `/take` asks for. `before`: who would have been on call in that time, each once."""

    schedule: str
    span: timedelta
    before: tuple[Person, ...]


def asked(roster: Roster, person: Person, words: Sequence[str], now: datetime) -> Taking:
    """What `/take WORDS` of this person means. Raises Refused. Takes a moment for very short shifts."""
    spans = [found for word in words if (found := read_duration(word)) is not None]
    others = [word for word in words if read_duration(word) is None]
    if len(spans) != 1 or len(others) > 1:
        raise Refused("how", f"{HOW}{_or_schedule(roster.oncall)}.")
    if not LEAST <= spans[0] <= LONGEST:
        raise Refused("how_long", f"From {write_duration(LEAST)} to {write_duration(LONGEST)}. {HOW}.")
    if not person.phone:
        raise Refused("no_phone", "You have no phone in the on-call file: no page could reach you.")
    schedule = schedule_meant(roster, person, others[0] if others else "", now)
    shifts = who.shifts(roster, schedule, now, now + spans[0])
    keys = dict.fromkeys(key for shift in shifts for key in shift.people if key != person.key)
    return Taking(schedule=schedule, span=spans[0], before=tuple(roster.oncall.people[key] for key in keys))


def schedule_meant(roster: Roster, person: Person, typed: str, now: datetime) -> str:
    """The schedule of that name; without one the only one there is, or the only one this person takes turns in.

    Raises Refused, and names those that there are.
    """
    schedules = roster.oncall.schedules
    if typed:
        return schedule_named(roster.oncall, typed)
    own = [key for key in schedules if len(schedules) == 1 or _takes_turns(roster, key, person, now)]
    if not schedules:
        raise Refused("no_schedules", "The on-call file has no schedules.")
    if len(own) != 1:
        raise Refused("which", f"Which one? There is {_listed(schedules)}: /take {next(iter(schedules))} 2h.")
    return own[0]


def schedule_named(oncall: OnCall, typed: str) -> str:
    """The schedule of that name, in capitals or not. Raises Refused, and names those that there are."""
    wanted = typed.removeprefix(f"{Kind.SCHEDULE}:").removeprefix("@").casefold()
    found = next((key for key in oncall.schedules if key.casefold() == wanted), None)
    if found is None:
        there = f"there is {_listed(oncall.schedules)}" if oncall.schedules else "there is none at all"
        raise Refused("unknown_schedule", f"There is no schedule “{typed[:40]}”: {there}.")
    return found


def _takes_turns(roster: Roster, schedule: str, person: Person, now: datetime) -> bool:
    found = roster.oncall.schedules[schedule]
    if isinstance(found, Rotation):
        return person.key in found.people
    calendar = roster.calendars.get(schedule)
    shifts = calendar.shifts if calendar else ()
    return any(who.person_named(roster.oncall, name) == person.key for shift in shifts for name in shift.people)


def person_of(oncall: OnCall, telegram_id: int) -> Person:
    """The person of the file with this id. Raises Refused for anybody else."""
    found = next((one for one in oncall.people.values() if one.telegram == telegram_id), None)
    if found is None:
        words = f"Nobody in the on-call file has your id ({telegram_id}): it stands there as telegram = {telegram_id}."
        raise Refused("nobody", words)
    return found


def take(connection: Connection, person: Person, taking: Taking, *, by: str, now: datetime) -> None:
    """From now on they have it. What they had taken of it before ends."""
    kept.end_overrides(connection, person.key, now, taking.schedule)
    override = Override(schedule=taking.schedule, person=person.key, start=now, end=now + taking.span)
    kept.add_override(connection, override, by=by, now=now)


def taken_words(roster: Roster, person: Person, taking: Taking, now: datetime) -> str:
    """From when to when, and instead of whom."""
    zone = roster.oncall.schedules[taking.schedule].timezone
    since, until = (roster_words.moment(at, zone, now) for at in (now, now + taking.span))
    shown = roster_words.names(taking.before[:OTHERS_SHOWN])
    more = f" and {len(taking.before) - OTHERS_SHOWN} more" if len(taking.before) > OTHERS_SHOWN else ""
    instead = f"instead of {shown}{more}" if taking.before else "as nobody else would have been"
    return (
        f"✅ {taking.schedule}: {person.name} is on call from {since} until {until} ({zone.key}), {instead}. "
        "/handback ends it."
    )


def hand_back(connection: Connection, roster: Roster, person: Person, typed: str, now: datetime) -> list[str]:
    """What they have taken (of one schedule, or all) goes back; gives the schedules. Raises Refused for nothing."""
    schedule = schedule_meant(roster, person, typed, now) if typed else None
    taken = {one.schedule for one in roster.overrides if one.person == person.key and one.end > now}
    if not kept.end_overrides(connection, person.key, now, schedule):
        raise Refused("nothing_taken", "You have taken nothing that could be handed back.")
    return sorted(one for one in taken if schedule in (None, one))


def answer(connection: Connection, schedule: str, place: Place, words: str, now: datetime) -> None:
    """Post the answer (Telegram HTML). It stands for the notice of this hand-over where both would stand."""
    posts.say(connection, post_key(hand_over.key(schedule, now), place), place, words, now)


def _or_schedule(oncall: OnCall) -> str:
    return f", or with a schedule: /take {next(iter(oncall.schedules))} 2h" if len(oncall.schedules) > 1 else ""


def _listed(schedules: Iterable[str]) -> str:
    return ", ".join(schedules)
