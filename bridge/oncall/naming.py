"""Who is meant by `@ama`, `@db-team`, `@primary` and `@oncall`."""

from datetime import datetime

from bridge.domain.phone import Number, read_number
from bridge.oncall.records import DEFAULT_POLICY, ONCALL, Kind, OnCall, Person, Target
from bridge.oncall.who import Roster, people


def target_named(oncall: OnCall, name: str) -> Target | None:
    """The person, group or schedule of that name, in capitals or not; None for nobody, and for `oncall`."""
    wanted = name.casefold()
    tables = ((Kind.PERSON, oncall.people), (Kind.GROUP, oncall.groups), (Kind.SCHEDULE, oncall.schedules))
    found = (Target(kind=kind, key=key) for kind, table in tables for key in table if key.casefold() == wanted)
    return next(found, None)


def targets_named(oncall: OnCall, name: str) -> tuple[Target, ...] | None:
    """What `@name` stands for (without the `@`); `oncall` is the first step of the policy `default`. None: unknown."""
    if name.casefold() == ONCALL and DEFAULT_POLICY in oncall.policies:
        return oncall.policies[DEFAULT_POLICY].steps[0].targets
    target = target_named(oncall, name)
    return (target,) if target else None


def people_named(roster: Roster, name: str, at: datetime) -> tuple[Person, ...] | None:
    """Who `@name` is at that moment, each once: nobody for a schedule in a gap. None: no such name."""
    targets = targets_named(roster.oncall, name)
    return None if targets is None else people(roster, targets, at)


def number_of(person: Person) -> Number | None:
    """The person's phone, to send to."""
    number = read_number(person.phone, region="", allowed_countries=frozenset(), any_rate=True)
    return number if isinstance(number, Number) else None
