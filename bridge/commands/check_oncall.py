"""The on-call part of `bridge check`: the file, its calendars, who is on call, gaps, and who could not be reached."""

from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

from bridge.clock import SystemClock
from bridge.commands.report import Report
from bridge.commands.roster_now import kept_by_service, read_file, roster_of
from bridge.oncall.clocks import named
from bridge.oncall.file import OnCallFileError, read
from bridge.oncall.findings import NO_DEFAULT, ROUTE_SILENT, Weight, answer_by_link_alone, findings
from bridge.oncall.records import DEFAULT_POLICY, UTC, OnCall
from bridge.services.oncall import roster_words
from bridge.services.oncall.oncall_file import DEFAULT_FILE, Written
from bridge.settings import Settings, variable
from bridge.store import oncall as kept

SCHEDULES_SHOWN = 50

ALERT_DOORS = ("alert_tokens", "api_tokens", "grafana_secret")
"""Fields: with any of them set, alerts are let in."""


def file_of(settings: Settings, report: Report) -> Written:
    """The on-call file; every problem of it is said."""
    written = read_file(settings)
    for problem in written.problems:
        report.wrong(f"on-call file {written.path}: {problem}")
    return written


async def check_oncall(settings: Settings, written: Written, report: Report) -> None:
    """What there is to say of a good file, or of none."""
    now = SystemClock().now()
    oncall = written.oncall or OnCall()
    in_force = await kept_by_service(settings, oncall, now)
    if written.oncall is None:
        _without(settings, written, in_force.file, report)
        return
    report.ok(f"on-call file {written.path}: {roster_words.contents(oncall)}{not_yet(written, in_force.file)}")
    nobody = _pages_nobody(settings, oncall, f"the on-call file {written.path}", report)
    roster, troubles = await roster_of(settings, oncall, in_force, now)
    for schedule, trouble in troubles.items():
        before = in_force.calendars.get(schedule)
        holds = f"; what was read at {told(before.read_at)} holds" if before else ""
        report.wrong(f"on-call: calendar of {schedule}: {trouble}{holds}")
    for schedule in list(oncall.schedules)[:SCHEDULES_SHOWN]:
        report.ok(f"on-call: {roster_words.now_and_then(roster, schedule, now, oncall.zone_of())}")
    for found in findings(roster, now):
        of_alerts = found.code in (NO_DEFAULT, ROUTE_SILENT)
        if not (nobody and of_alerts):
            weight = Weight.NOTE if of_alerts and not _doors(settings) else found.weight
            _SAYS[weight](report, f"on-call: {found.words}")
    for person in () if settings.public_url else answer_by_link_alone(roster):
        report.caution(
            f"on-call: {person.name} (people.{person.key}) {roster_words.NO_LINK}. Give a telegram id, or set "
            "BRIDGE_PUBLIC_URL: then the SMS has a link"
        )
    for key, why in in_force.troubles.items():
        other = [words for words in why if oncall.people[key].phone]  # without a phone is among the findings
        if other:
            report.wrong(f"on-call: {oncall.people[key].name} (people.{key}) could not be reached: {'; '.join(other)}")


_SAYS = {Weight.WRONG: Report.wrong, Weight.CAUTION: Report.caution, Weight.NOTE: Report.note}


def _without(settings: Settings, written: Written, in_force: kept.KeptFile | None, report: Report) -> None:
    if in_force is not None:
        report.note(f"on-call: the file that the service accepted at {told(in_force.accepted_at)} stays in force")
        with suppress(OnCallFileError):  # one of another version of bridge: `bridge run` names it
            _pages_nobody(settings, read(in_force.text, region=settings.default_region), "that file", report)
    elif not written.problems:
        report.note(
            f"on-call file: none (no {DEFAULT_FILE} here, and BRIDGE_ONCALL_FILE is not set): alerts page nobody"
        )
        _pages_nobody(settings, OnCall(), "", report)


def _doors(settings: Settings) -> list[str]:
    """The variables by which alerts are let in."""
    return [variable(field) for field in ALERT_DOORS if getattr(settings, field)]


def _pages_nobody(settings: Settings, oncall: OnCall, file: str, report: Report) -> bool:
    """A caution where alerts are let in, and not one of them could page anybody; whether so. `file`: "" for none."""
    doors = _doors(settings)
    routed = {DEFAULT_POLICY, *(route.policy for route in oncall.routes)}
    if not doors or routed & oncall.policies.keys():
        return False
    empty = roster_words.contents(oncall) == roster_words.contents(OnCall())
    lacks = f"{file} is empty" if empty else f"{file} has neither a policy default nor a route to a policy"
    why = lacks if file else "there is no on-call file"
    report.caution(
        f"on-call: alerts page nobody: {doors[0]} is set, and {why}. Each alert is a card in the chat and no SMS; "
        "docs/oncall.md has a file to begin with"
    )
    return True


def not_yet(written: Written, in_force: kept.KeptFile | None, zone: ZoneInfo = UTC) -> str:
    """What to say behind the path of a good file that the service goes by another than; "" for none."""
    if in_force is None or in_force.hash == written.hash:
        return ""
    return f"; not in force yet: the service has that of {told(in_force.accepted_at, zone)} until /reload or SIGHUP"


def told(at: datetime, zone: ZoneInfo = UTC) -> str:
    """`2026-01-05 09:00 UTC`."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {named(zone)}"


def people_with_telegram(oncall: OnCall | None) -> dict[int, str]:
    """Telegram id -> who that is, as the on-call file has it."""
    people = oncall.people.items() if oncall else ()
    return {one.telegram: f"people.{key} of the on-call file" for key, one in people if one.telegram is not None}
