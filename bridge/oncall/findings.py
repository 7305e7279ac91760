"""What a look at the whole roster brings to light before an alert does: for `bridge check` and `/oncall`.

Nothing here makes the file wrong. Only what the roster itself shows: who never pressed Start or whose number was
rejected lately is known elsewhere.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from zoneinfo import ZoneInfo

from bridge.domain.phone import Tariff
from bridge.oncall import who
from bridge.oncall.clocks import named
from bridge.oncall.naming import number_of
from bridge.oncall.records import DEFAULT_POLICY, NO_POLICY, CalendarSchedule, Kind, OnCall, Person, Policy
from bridge.oncall.who import Roster

LOOKED_AHEAD = timedelta(days=30)
MOST_SHOWN = 5  # of gaps, overlaps or unknown names of one schedule


NO_DEFAULT, ROUTE_SILENT = "no_default", "route_silent"
"""Codes of what matters only where alerts are let in."""


GUESSED_BELOW = 16
"""Characters of a heartbeat's own token; as of the tokens of the settings."""


class Weight(StrEnum):
    WRONG = "wrong"  # an alert wakes nobody
    CAUTION = "caution"  # meant so, or it may wake nobody one day
    NOTE = "note"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """`code`: a stable word. `subject`: dotted path of what it is about, or "". `line`: of the file, 0 for none.

    `words`: one sentence that names the thing and its line; times are those of `OnCall.zone_of`. It holds no phone
    number.
    """

    weight: Weight
    code: str
    subject: str
    line: int
    words: str


def findings(roster: Roster, at: datetime) -> tuple[Finding, ...]:
    """All there is to say at that moment (aware) and for the 30 days from then; what is wrong first, then by line."""
    looks = (_schedules, _people, _policies, _routes, _heartbeats)
    found = (finding for look in looks for finding in look(roster, at))
    return tuple(sorted(found, key=lambda one: (list(Weight).index(one.weight), one.line)))


def answer_by_link_alone(roster: Roster) -> tuple[Person, ...]:
    """Those who are paged by SMS and have no Telegram id: without a link in it they have nothing to press."""
    used = _used_people(roster)
    people = roster.oncall.people.values()
    return tuple(one for one in people if one.key in used and one.phone and one.telegram is None)


def _finding(oncall: OnCall, weight: Weight, code: str, subject: str, words: str) -> Finding:
    line = oncall.lines.get(subject, 0)
    place = f"line {line}: " if line else ""
    name = re.sub(r"^routes\.(\d+)$", lambda found: f"routes[{int(found[1]) + 1}]", subject)  # as people count
    return Finding(weight=weight, code=code, subject=subject, line=line, words=f"{place}{name} {words}".strip())


def _schedules(roster: Roster, at: datetime) -> Iterator[Finding]:
    oncall, zone = roster.oncall, roster.oncall.zone_of()
    used = _paged(oncall, Kind.SCHEDULE)
    for key, schedule in oncall.schedules.items():
        subject = f"schedules.{key}"
        if key not in used:
            yield _finding(oncall, Weight.NOTE, "schedule_unused", subject, "is in no policy: alerts never ask it")
        if isinstance(schedule, CalendarSchedule):
            yield from _calendar(roster, schedule, at)
            if roster.calendars.get(key) is None:
                continue  # one line is enough: all its time is a gap
        weight = Weight.WRONG if key in used else Weight.NOTE
        gaps = who.gaps(roster, key, at, at + LOOKED_AHEAD)
        spans = (f"{_local(gap.start, zone)} to {_local(gap.end, zone)} {named(zone)}" for gap in gaps)
        for span in _first(spans, "gaps"):
            yield _finding(oncall, weight, "gap", subject, f"has nobody on call: {span}")


def _calendar(roster: Roster, schedule: CalendarSchedule, at: datetime) -> Iterator[Finding]:
    oncall, subject = roster.oncall, f"schedules.{schedule.key}"
    calendar = roster.calendars.get(schedule.key)
    if calendar is None:
        yield _finding(oncall, Weight.WRONG, "calendar_unread", subject, "has a calendar that was never read")
        return
    zone = oncall.zone_of()
    shifts = calendar.between(at, at + LOOKED_AHEAD)
    strangers = {name for shift in shifts for name in shift.people if who.person_named(oncall, name) is None}
    for name in _first((f"“{name[:40]}”" for name in sorted(strangers)), "names"):
        yield _finding(oncall, Weight.WRONG, "stranger", subject, f"names nobody of [people] in an event: {name}")
    shared = [shift for shift in who.shifts(roster, schedule.key, at, at + LOOKED_AHEAD) if len(shift.people) > 1]
    spans = (f"{', '.join(shift.people)} from {_local(shift.start, zone)} {named(zone)}" for shift in shared)
    for span in _first(spans, "overlaps"):
        yield _finding(oncall, Weight.NOTE, "overlap", subject, f"has more than one person on call: {span}")


def _people(roster: Roster, at: datetime) -> Iterator[Finding]:
    oncall, used = roster.oncall, _used_people(roster)
    phones: dict[str, str] = {}
    telegrams: dict[int, str] = {}
    for key, person in oncall.people.items():
        subject, number = f"people.{key}", number_of(person)
        if person.telegram is not None and (other := telegrams.setdefault(person.telegram, key)) != key:
            words = f"has the telegram id of people.{other}, and is taken for that person in the chat"
            yield _finding(oncall, Weight.WRONG, "telegram_shared", subject, words)
        if key not in used:
            yield _finding(oncall, Weight.NOTE, "person_unused", subject, "is in no schedule, group or policy")
        if number is None:
            # With a telegram id the card comes privately: that may be all that is wanted.
            weight = Weight.NOTE if key not in used else Weight.CAUTION if person.telegram else Weight.WRONG
            yield _finding(oncall, weight, "no_phone", subject, "has no phone: no SMS can reach this person")
            continue
        if not number.valid:
            words = "has a number of an unknown range: try it with bridge check --send-test"
            yield _finding(oncall, Weight.NOTE, "phone_unverified", subject, words)
        if number.rate is not Tariff.ORDINARY:
            words = f"has a {number.rate} number: each page may be charged, and typed as a number it would be refused"
            yield _finding(oncall, Weight.CAUTION, "phone_rate", subject, words)
        other = phones.setdefault(number.e164, key)
        if other != key:
            yield _finding(oncall, Weight.NOTE, "phone_shared", subject, f"has the same number as people.{other}")


def _used_people(roster: Roster) -> set[str]:
    """The keys of those who may be paged some day."""
    oncall = roster.oncall
    used = _paged(oncall, Kind.PERSON)
    used |= {person for schedule in oncall.schedules.values() for person in getattr(schedule, "people", ())}
    used |= {person for group in oncall.groups.values() for person in group.people}
    for calendar in filter(None, roster.calendars.values()):
        named = {name for shift in calendar.shifts for name in shift.people}
        used |= {key for name in named if (key := who.person_named(oncall, name))}
    return used


def _policies(roster: Roster, at: datetime) -> Iterator[Finding]:
    oncall = roster.oncall
    used = {DEFAULT_POLICY}
    used |= {route.policy for route in oncall.routes} | {beat.policy for beat in oncall.heartbeats.values()}
    if DEFAULT_POLICY not in oncall.policies:
        near = get_close_matches(DEFAULT_POLICY, oncall.policies.keys() - used, n=1)
        meant = f" (is policies.{near[0]} meant?)" if near else ""
        words = f"There is no policy default{meant}: an alert that no route matches pages nobody; /page cannot work."
        weight = Weight.NOTE if any(not route.match for route in oncall.routes) else Weight.CAUTION
        yield _finding(oncall, weight, NO_DEFAULT, "", words)
    for key, policy in oncall.policies.items():
        subject = f"policies.{key}"
        if key not in used:
            yield _finding(oncall, Weight.NOTE, "policy_unused", subject, "is named by no route and no heartbeat")
        if not policy.fallback:
            words = "has no fallback: after its last round nobody is paged any more"
            yield _finding(oncall, Weight.NOTE, "no_fallback", subject, words)
        yield from _steps(roster, policy, at)


def _steps(roster: Roster, policy: Policy, at: datetime) -> Iterator[Finding]:
    oncall, subject = roster.oncall, f"policies.{policy.key}"
    empty = [index for index, step in enumerate(policy.steps, 1) if not who.people(roster, step.targets, at)]
    if len(empty) == len(policy.steps) and not who.people(roster, policy.fallback, at):
        yield _finding(oncall, Weight.WRONG, "nobody", subject, "would page nobody now")
        return
    for index in empty:
        targets = ", ".join(map(str, policy.steps[index - 1].targets))
        words = f"would page nobody in step {index} now ({targets})"
        yield _finding(oncall, Weight.WRONG, "step_empty", subject, words)


def _routes(roster: Roster, at: datetime) -> Iterator[Finding]:
    everything = [index for index, route in enumerate(roster.oncall.routes) if not route.match]
    if everything and roster.oncall.routes[everything[0]].policy == NO_POLICY:
        words = "matches every alert that no route before it took, and pages nobody about it, however severe it is"
        yield _finding(roster.oncall, Weight.CAUTION, ROUTE_SILENT, f"routes.{everything[0]}", words)
    for index in range(everything[0] + 1, len(roster.oncall.routes)) if everything else ():
        words = f"is never reached: routes[{everything[0] + 1}] matches every alert"
        yield _finding(roster.oncall, Weight.NOTE, "route_unreached", f"routes.{index}", words)


def _paged(oncall: OnCall, kind: Kind) -> set[str]:
    """The keys of that kind that a policy pages."""
    policies = oncall.policies.values()
    targets = (
        target for one in policies for part in (one.fallback, *(s.targets for s in one.steps)) for target in part
    )
    return {target.key for target in targets if target.kind is kind}


def _first(words: Iterable[str], things: str) -> Iterator[str]:
    """The first few; and how many more there are."""
    listed = list(words)
    yield from listed[:MOST_SHOWN]
    if len(listed) > MOST_SHOWN:
        yield f"{len(listed) - MOST_SHOWN} more {things}"


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}"


def _heartbeats(roster: Roster, at: datetime) -> Iterator[Finding]:
    for name, rule in roster.oncall.heartbeats.items():
        if rule.token and len(rule.token) < GUESSED_BELOW:
            words = (
                f"has a token of fewer than {GUESSED_BELOW} characters: whoever guesses it can keep the heartbeat from "
                "being missed"
            )
            yield _finding(roster.oncall, Weight.CAUTION, "token_short", f"heartbeats.{name}", words)
