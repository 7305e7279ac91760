"""A person of the on-call file takes a schedule for a while, or hands it back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.durations import read_duration, write_duration
from bridge.domain.errors import Refused
from bridge.oncall import who
from bridge.oncall.clocks import named
from bridge.oncall.records import Kind, OnCall, Person, Rotation
from bridge.oncall.who import Duty, Override, Roster
from bridge.services.chat.notices import Notices, post_key
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
    """What `/take` asks for, as of a moment.

    `before`: who else would have been on call in that time, each once. `already`: the turn of their own that they are
    in, None for who is not on call (or not alone). `after`: the turn that they then have; `following`: whoever comes
    next, None where nobody is known to.
    """

    schedule: str
    override: Override
    before: tuple[Person, ...]
    already: Duty | None
    after: Duty
    following: Duty | None

    @property
    def changes(self) -> bool:
        """Whether anything is another than it was, by a minute at least: times are told in minutes."""
        if self.already is None:
            return True
        before, after = self.already.until, self.after.until
        return before != after if before is None or after is None else abs(after - before) >= LEAST


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
    override = Override(schedule=schedule, person=person.key, start=now, end=now + spans[0])
    shifts = who.shifts(roster, schedule, now, override.end)
    keys = dict.fromkeys(key for shift in shifts for key in shift.people if key != person.key)
    current, _ = who.now_and_next(roster, schedule, now)
    # What they took of it before ends: see `take`.
    kept_on = (one for one in roster.overrides if (one.schedule, one.person) != (schedule, person.key))
    after, following = who.now_and_next(replace(roster, overrides=(*kept_on, override)), schedule, now)
    return Taking(
        schedule=schedule,
        override=override,
        before=tuple(roster.oncall.people[key] for key in keys),
        already=current if current.people == (person,) else None,
        after=after,
        following=following,
    )


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
        several = "several of them" if own else "none of them"
        words = f"Which schedule? There is {_listed(schedules)}, and you take turns in {several}"
        raise Refused("which", f"{words}. Name it: /take {next(iter(own or schedules))} 2h.")
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
        words = f"Nobody in the on-call file has your id. An admin can give it to you: telegram = {telegram_id}"
        raise Refused("nobody", words)
    return found


def take(connection: Connection, taking: Taking, *, by: str) -> None:
    """From its start on they have it. What they had taken of it before ends."""
    override = taking.override
    kept.end_overrides(connection, override.person, override.start, override.schedule)
    kept.add_override(connection, override, by=by, now=override.start)


def taken_words(roster: Roster, person: Person, taking: Taking) -> str:
    """What it changed: from when to when, and instead of whom; or why it changed nothing."""
    zone, now = roster.oncall.schedules[taking.schedule].timezone, taking.override.start

    def moment(at: datetime) -> str:
        return roster_words.moment(at, zone, now)

    head, where, end = f"✅ {taking.schedule}: {person.name}", named(zone), taking.override.end
    if taking.already is None:
        return (
            f"{head} is on call from {moment(now)} until {moment(end)} {where}, {_instead(taking)}. /handback ends it."
        )
    known = taking.already.until
    was = f"until {moment(known)}" if known else "for a year at least"
    if not taking.changes:
        span = write_duration(end - now)
        told = f"{was} {where}" if known else was
        return f"{head} is on call already, {told}. {span} from now is within that: nothing changes."
    until = moment(taking.after.until or end)
    if known and (taking.after.until or end) > known:
        words = f"and now until {until} {where}, {_instead(taking)}. /handback takes that back."
    else:
        then = f", then {roster_words.names(taking.following.people)}" if taking.following else ""
        words = f"and now only until {until} {where}{then}. /handback ends it at once."
    return f"{head} was on call already {was}, {words}"


def _instead(taking: Taking) -> str:
    if not taking.before:
        return "where nobody would have been"
    more = f" and {len(taking.before) - OTHERS_SHOWN} more" if len(taking.before) > OTHERS_SHOWN else ""
    return f"instead of {roster_words.names(taking.before[:OTHERS_SHOWN])}{more}"


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


def tell(connection: Connection, notices: Notices, schedule: str, words: str, now: datetime) -> None:
    """Whoever is on call stays so, for longer or shorter: no hand-over tells others of it. Plain `words`."""
    notices.tell(connection, hand_over.key(schedule, now), words, now)


def _or_schedule(oncall: OnCall) -> str:
    return f", or with a schedule: /take {next(iter(oncall.schedules))} 2h" if len(oncall.schedules) > 1 else ""


def _listed(schedules: Iterable[str]) -> str:
    return ", ".join(schedules)
