"""Who is on call, in plain words. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bridge.domain.wording import count
from bridge.oncall.clocks import named
from bridge.oncall.records import OnCall, Person
from bridge.oncall.who import Duty, Roster, now_and_next

NO_LINK = (
    "can acknowledge only through somebody else, or by a Telegram account that the on-call file does not know: the SMS "
    "has no link, and says /ack"
)
"""Of somebody with a phone and without a telegram id, where there is no public address."""

_THIS_WEEK = timedelta(days=6)
_THIS_YEAR = timedelta(days=300)


def moment(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """`Mon 09:00` for what is near; else with its date, and its year where that is not plain.

    Without its zone: whoever shows it to people names that, beside it or above.
    """
    ahead = abs(at - now)
    form = "%a %H:%M" if ahead < _THIS_WEEK else "%a %d %b %H:%M" if ahead < _THIS_YEAR else "%a %d %b %Y %H:%M"
    return at.astimezone(zone).strftime(form)


def names(people: Sequence[Person]) -> str:
    """`Ama Mensah, Kofi`, or `nobody`."""
    return ", ".join(person.name for person in people) or "nobody"


def duty(found: Duty, zone: ZoneInfo, now: datetime) -> str:
    """`Ama Mensah until Mon 09:00`."""
    until = f" until {moment(found.until, zone, now)}" if found.until else ""
    return f"{names(found.people)}{until}"


def now_and_then(roster: Roster, schedule: str, at: datetime, zone: ZoneInfo | None = None) -> str:
    """`primary: Ama Mensah until Mon 09:00 (Africa/Accra), then Kofi Boateng`. `zone`: None for the schedule's own."""
    zone = zone or roster.oncall.schedules[schedule].timezone
    current, following = now_and_next(roster, schedule, at)
    where = f" {named(zone)}" if current.until else ""
    then = f", then {names(following.people)}" if following else ""
    return f"{schedule}: {duty(current, zone, at)}{where}{then}"


def contents(oncall: OnCall) -> str:
    """`2 people, 1 group, 2 schedules, 1 policy, 2 routes, 1 heartbeat`; what there is none of is left out."""
    sizes = (
        (len(oncall.people), "person", "people"),
        (len(oncall.groups), "group", ""),
        (len(oncall.schedules), "schedule", ""),
        (len(oncall.policies), "policy", "policies"),
        (len(oncall.routes), "route", ""),
        (len(oncall.heartbeats), "heartbeat", ""),
    )
    return ", ".join(count(number, one, many) for number, one, many in sizes if number) or "nothing in it"
