"""`bridge simulate`: who would be paged, when, by what text, for an alert's payload. Sends nothing, writes nothing."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bridge import logs, settings
from bridge.clock import SystemClock
from bridge.commands.check_oncall import not_yet, told
from bridge.commands.roster_now import InForce, kept_by_service, read_file, roster_of
from bridge.domain.alerts import News
from bridge.domain.errors import OperatorError
from bridge.domain.phone import mask
from bridge.domain.segments import split
from bridge.domain.wording import count
from bridge.oncall.clocks import named
from bridge.oncall.file import OnCallFileError, read
from bridge.oncall.records import NO_POLICY, OnCall
from bridge.oncall.who import Roster
from bridge.services.incidents.foresee import Event, Opened, PageRules, foresee, opened
from bridge.services.incidents.policies import FALLBACK_EVERY
from bridge.settings import Settings
from bridge.sources import SOURCES, NotSuchAPayload

MOST_BYTES = 8 << 20
LINES_SHOWN = 30
INCIDENTS_SHOWN = 20
TOKEN_LIKE = "x" * 16
"""As long as the token of an ack link."""


class SimulateError(OperatorError):
    """What was given cannot be simulated; the line names it."""


async def simulate(path: str, source: str | None, at: str | None) -> int:
    """Print what would follow; gives 0. Raises `OperatorError`."""
    found = settings.load()
    logs.set_up("DEBUG" if found.log_level == "DEBUG" else "ERROR", "text", found.secrets())
    name, news = read_news(_body(path), source)
    moment = SystemClock().now()
    oncall, in_force, origin = await _oncall(found, moment)
    if at is not None:
        moment = read_time(at, oncall)
        in_force = await kept_by_service(found, oncall, moment)
    roster, troubles = await roster_of(found, oncall, in_force, moment)
    for schedule, trouble in troubles.items():
        print(f"bridge: calendar of {schedule}: {trouble}", file=sys.stderr)
    _say(found, roster, news, name, origin, moment)
    return 0


def _body(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            body = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise SimulateError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(body) > MOST_BYTES:
        raise SimulateError(f"{path}: is larger than {MOST_BYTES} bytes")
    return body


def read_news(body: bytes, source: str | None) -> tuple[str, News]:
    """(source, its news): of `source`, or of the first one whose payload this is. Raises SimulateError."""
    if source is not None and source not in SOURCES:
        raise SimulateError(f"--source: {source[:40]!r} is none of {', '.join(SOURCES)}")
    refusals = []
    for name in (source,) if source else _likely(body):
        try:
            return name, SOURCES[name](body, "")
        except NotSuchAPayload as error:
            refusals.append(f"{name}: {error}")
    raise SimulateError(f"the payload is that of no source; {'; '.join(refusals)}")


def _likely(body: bytes) -> tuple[str, ...]:
    """The sources in the order to try. Grafana's payload is Alertmanager's and more: orgId tells them apart."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    grafana = isinstance(value, dict) and "orgId" in value
    return ("grafana", *(name for name in SOURCES if name != "grafana")) if grafana else tuple(SOURCES)


async def _oncall(found: Settings, at: datetime) -> tuple[OnCall, InForce, str]:
    """The on-call file, what the service keeps, and where the file is from. Raises OperatorError for none."""
    written = read_file(found)
    if written.oncall is not None:
        in_force = await kept_by_service(found, written.oncall, at)
        return written.oncall, in_force, f"{written.path}{not_yet(written, in_force.file, written.oncall.zone_of())}"
    kept = (await kept_by_service(found, OnCall(), at)).file
    if kept is None and written.problems:
        raise SimulateError(written.trouble)
    if kept is None:
        raise SimulateError(f"there is no on-call file: no {written.path} here, and BRIDGE_ONCALL_FILE is not set")
    try:
        oncall = read(kept.text, region=found.default_region)
    except OnCallFileError as error:
        raise SimulateError(f"the on-call file in force: {'; '.join(error.problems)}") from None
    origin = f"the one in force, which the service accepted at {told(kept.accepted_at, oncall.zone_of())}"
    origin += f"\nNOT USED: {written.trouble}" if written.problems else f" (there is no {written.path} here)"
    return oncall, await kept_by_service(found, oncall, at), origin


def read_time(typed: str, oncall: OnCall) -> datetime:
    """A moment such as `2026-01-05 03:00`, by the zone of the file unless it names an offset. Raises SimulateError."""
    try:
        moment = datetime.fromisoformat(typed)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=oncall.zone_of())
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise SimulateError(f"--at: {typed[:40]!r} is no time such as 2026-01-05T03:00") from None


def _say(found: Settings, roster: Roster, news: News, name: str, origin: str, at: datetime) -> None:
    zone = roster.oncall.zone_of()
    incidents = opened(roster, news.alerts)
    resolved = sum(not alert.firing for alert in news.alerts)
    print(f"{name}: {count(len(news.alerts), 'alert')}, at {at.astimezone(zone):%a %Y-%m-%d %H:%M} {named(zone)}")
    print(f"on-call file: {origin}")
    for warning in news.warnings:
        print(f"CAUTION {warning}")
    for one in incidents[:INCIDENTS_SHOWN]:
        print(f"{one.code} {one.alert.severity.value} “{one.alert.title}”: {_way(roster, one)}")
    if len(incidents) > INCIDENTS_SHOWN:
        print(f"… and {len(incidents) - INCIDENTS_SHOWN} more")
    if resolved:
        print(f"{count(resolved, 'alert is', 'alerts are')} resolved: what is open of that ends, and nobody is paged")
    if news.truncated:
        print(f"{count(news.truncated, 'alert')} more, says the source, were cut off")
    rules = PageRules(
        interval=timedelta(seconds=found.page_interval_s),
        max_age=timedelta(seconds=found.page_max_age_s),
        link=lambda code: f"{found.public_url}/a/{TOKEN_LIKE}" if found.public_url else "",
    )
    lines = timetable(foresee(roster, incidents, at, rules), at, zone)
    print("\nIf nobody answers:" if lines else "\nNobody is paged.")
    for line in lines[:LINES_SHOWN]:
        print(line)
    if len(lines) > LINES_SHOWN:
        print("… and so on, until somebody answers or BRIDGE_PAGE_MAX_AGE_S is over")


def timetable(events: Iterable[Event], at: datetime, zone: ZoneInfo) -> list[str]:
    """A line for each event, in order; all that the fallback gets, half-hour after half-hour, is one line."""
    listed = list(events)
    again = [event for event in listed if event.last_resort]
    shown = [event for event in listed if not event.last_resort or event is again[0]]
    return [_fallback(again, at, zone) if event.last_resort else _line(event, at, zone) for event in shown]


def _fallback(again: Sequence[Event], at: datetime, zone: ZoneInfo) -> str:
    first = again[0]
    people = dict.fromkeys(f"{one.person.name} {mask(one.person.phone)}" for one in again if one.person)
    whom = f"{', '.join(people)}: " if people else ""
    every = int(FALLBACK_EVERY.total_seconds() // 60)
    return f"{_when(first, at, zone)}  then the fallback every {every} minutes: {whom}{_text(first)}"


def _way(roster: Roster, one: Opened) -> str:
    way = one.way
    line = roster.oncall.lines.get(f"routes.{way.route}") if way.route is not None else None
    place = f" (line {line})" if line else ""
    route = "no route matches" if way.route is None else f"route {way.route + 1}{place}"
    policy = "a card only, no SMS" if way.policy == NO_POLICY else f"policy {way.policy}"
    topic = f":{way.chat.topic}" if way.chat and way.chat.topic else ""
    chat = f", card in chat {way.chat.chat_id}{topic}" if way.chat else ""
    return f"{route}; {policy}{chat}"


def _line(event: Event, at: datetime, zone: ZoneInfo) -> str:
    whom = f"{event.person.name} {mask(event.person.phone)}: " if event.person else ""
    return f"{_when(event, at, zone)}  {whom}{_text(event)}"


def _when(event: Event, at: datetime, zone: ZoneInfo) -> str:
    local = event.at.astimezone(zone)
    return f"{local:%a %H:%M:%S}" if event.at - at < timedelta(days=6) else f"{local:%a %Y-%m-%d %H:%M:%S}"


def _text(event: Event) -> str:
    return f"{event.words} [{count(split(event.words).count, 'segment')}]" if event.person else event.words
