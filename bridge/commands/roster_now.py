"""Who is on call, for commands that run beside the service: by the file on the disk, or by what the database keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from bridge.app import calendar_texts, oncall_file
from bridge.clock import SystemClock
from bridge.domain.errors import BridgeError
from bridge.oncall import ical
from bridge.oncall.calendar import Calendar
from bridge.oncall.records import CalendarSchedule, OnCall
from bridge.oncall.who import Override, Roster
from bridge.services.oncall import reachable
from bridge.services.oncall.by_name import ByName, names_in_force
from bridge.services.oncall.calendars import read_all
from bridge.services.oncall.oncall_file import Written
from bridge.services.oncall.roster_in_force import RosterInForce
from bridge.settings import Settings
from bridge.store import oncall as kept
from bridge.store.home import Home
from bridge.store.homes import home_of
from bridge.store.migrate import HEAD


@dataclass(frozen=True, kw_only=True, slots=True)
class InForce:
    """What the database keeps: nothing at all where it is not there, or of another version."""

    file: kept.KeptFile | None = None
    overrides: tuple[Override, ...] = ()
    calendars: Mapping[str, kept.KeptCalendar] = field(default_factory=dict)
    troubles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


async def names_of_service(home: Home, region: str) -> ByName:
    """Who is meant by which name now, by the newest file in the database at `home`. Raises StoreError."""
    now = SystemClock().now()
    if await home.current() is None:
        return ByName(None, now)
    await home.migrate()
    database = home.open()
    try:
        rosters = RosterInForce(region=region, clock=SystemClock())
        return await database.read(partial(names_in_force, rosters=rosters, at=now))
    finally:
        await database.aclose()


async def kept_by_service(settings: Settings, oncall: OnCall, at: datetime) -> InForce:
    """What the service's database knows as of `at` of the people and schedules of that file."""
    try:
        home = home_of(settings.database_url)
        if await home.current() != HEAD:
            return InForce()
        database = home.open()
    except BridgeError:
        return InForce()  # `bridge check` names it
    try:
        return await database.read(partial(_look, oncall=oncall, at=at))
    except BridgeError:
        return InForce()
    finally:
        await database.aclose()


def _look(connection: Connection, oncall: OnCall, at: datetime) -> InForce:
    calendars = {one.key: kept.kept_calendar(connection, one.key) for one in oncall.calendars}
    return InForce(
        file=kept.newest_file(connection),
        overrides=kept.overrides_after(connection, at),
        calendars={key: found for key, found in calendars.items() if found is not None and found.hash},
        troubles=reachable.troubles(connection, oncall.people.values(), at),
    )


def read_file(settings: Settings) -> Written:
    """The on-call file on the disk."""
    return oncall_file(settings).read()


async def roster_of(
    settings: Settings, oncall: OnCall, in_force: InForce, at: datetime
) -> tuple[Roster, dict[str, str]]:
    """The roster, each calendar read now or else as the service read it last; and by schedule why it was not now."""
    texts = await read_all(calendar_texts(settings), oncall.calendars, at)
    troubles = {key: trouble for key, (_, trouble) in texts.items() if trouble}
    calendars = {
        one.key: _laid_out(one, texts[one.key][0], in_force.calendars.get(one.key), at) for one in oncall.calendars
    }
    return Roster(oncall=oncall, calendars=calendars, overrides=in_force.overrides), troubles


def _laid_out(schedule: CalendarSchedule, text: str, before: kept.KeptCalendar | None, at: datetime) -> Calendar | None:
    found = text or (before.text if before else "")
    try:
        return ical.read(found, timezone=schedule.timezone, at=at) if found else None
    except ical.CalendarError:
        return None
