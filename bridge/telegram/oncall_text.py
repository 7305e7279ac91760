"""Who is on call, as the chat shows it (Telegram HTML). Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from bridge.oncall import who
from bridge.oncall.clocks import named
from bridge.oncall.findings import LOOKED_AHEAD, answer_by_link_alone
from bridge.oncall.naming import people_named
from bridge.oncall.records import DEFAULT_POLICY, ONCALL
from bridge.oncall.who import Roster
from bridge.services.oncall.roster_words import NO_LINK, duty, moment, names

NO_FILE = "There is no on-call file, so nobody is on call. An admin writes one and says /reload."
GAPS_SHOWN = 3
SCHEDULES_SHOWN = 15
PEOPLE_SHOWN = 15


def on_call(
    roster: Roster,
    schedules: Sequence[str],
    troubles: Mapping[str, tuple[str, ...]],
    now: datetime,
    *,
    sms_has_link: bool = True,
) -> str:
    """Now and next of these schedules, who has taken them, gaps of 30 days, who could not be reached or not answer.

    `troubles`: person -> why they could not be. Takes a moment for very short shifts.
    """
    lines = []
    if DEFAULT_POLICY in roster.oncall.policies:
        lines.append(f"A page goes first to: <b>{escape(names(people_named(roster, ONCALL, now) or ()))}</b>")
    zone = roster.oncall.zone_of(schedules)
    for schedule in schedules[:SCHEDULES_SHOWN]:
        lines += _schedule(roster, schedule, zone, now)
    if len(schedules) > SCHEDULES_SHOWN:
        lines.append(f"… and {len(schedules) - SCHEDULES_SHOWN} more: /oncall SCHEDULE shows one.")
    for key, why in list(troubles.items())[:PEOPLE_SHOWN]:
        lines.append(f"⚠️ {escape(roster.oncall.people[key].name)} could not be reached: {'; '.join(why)}.")
    if mute := () if sms_has_link else answer_by_link_alone(roster):
        more = f" and {len(mute) - PEOPLE_SHOWN} more" if len(mute) > PEOPLE_SHOWN else ""
        lines.append(f"⚠️ {escape(names(mute[:PEOPLE_SHOWN]))}{more} {NO_LINK}.")
    return "\n".join(lines) or "The on-call file has neither schedules nor a policy default: nobody is on call."


def _schedule(roster: Roster, schedule: str, zone: ZoneInfo, now: datetime) -> Iterator[str]:
    current, following = who.now_and_next(roster, schedule, now)
    yield ""
    yield f"<b>{escape(schedule)}</b> {named(zone)}"
    yield f"now: <b>{escape(duty(current, zone, now))}</b>"
    if following is not None:
        yield f"next: {escape(duty(following, zone, now))}"
    for override in roster.overrides:
        person = roster.oncall.people.get(override.person)
        if override.schedule == schedule and person is not None and override.end > now:
            since, until = moment(override.start, zone, now), moment(override.end, zone, now)
            yield f"taken by {escape(person.name)} from {since} until {until}"
    yield from _gaps(roster, schedule, zone, now)


def _gaps(roster: Roster, schedule: str, zone: ZoneInfo, now: datetime) -> Iterator[str]:
    gaps = who.gaps(roster, schedule, now, now + LOOKED_AHEAD)
    for gap in gaps[:GAPS_SHOWN]:
        yield f"⚠️ nobody from {moment(gap.start, zone, now)} until {moment(gap.end, zone, now)}"
    if len(gaps) > GAPS_SHOWN:
        yield f"⚠️ and {len(gaps) - GAPS_SHOWN} more gaps in 30 days"
