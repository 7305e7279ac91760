"""The file and the calendars in force, in every process the newest that the database keeps."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from bridge.clock import Clock
from bridge.oncall import ical
from bridge.oncall.calendar import Calendar
from bridge.oncall.file import OnCallFileError, read
from bridge.oncall.records import CalendarSchedule, OnCall, Person
from bridge.oncall.who import Roster
from bridge.store import oncall as kept
from bridge.store.database import Database

log = logging.getLogger(__name__)

NOBODY = OnCall()
"""Without a file: alerts become cards, and nobody is paged."""

LAID_OUT_FOR = timedelta(days=7)
"""After that a calendar is laid out again, though its text is the same: it reaches some 400 days ahead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    """What was read of the file with this hash; "" for none. Not `good`: what was in force before stays."""

    hash: str
    oncall: OnCall
    good: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Laid:
    """A calendar as it was laid out `at` that time; None for a text that cannot be taken any more."""

    hash: str
    timezone: ZoneInfo
    at: datetime
    calendar: Calendar | None


class RosterInForce:
    """Reads what was accepted, once for each version of it.

    `roster` may be asked in any thread: what was read is replaced as a whole, and read twice at worst.
    """

    def __init__(self, *, region: str, clock: Clock) -> None:
        """`region`: how national numbers of the file are read."""
        self._region = region
        self._clock = clock
        self._file = _File(hash="", oncall=NOBODY, good=False)
        self._laid: dict[str, _Laid] = {}

    @property
    def oncall(self) -> OnCall:
        """The file in force, as it was looked at last."""
        return self._file.oncall

    @property
    def is_readable(self) -> bool:
        """Whether there is a file in force that can be read."""
        return self._file.good

    @property
    def has_file(self) -> bool:
        """Whether a file was ever accepted."""
        return bool(self._file.hash)

    @property
    def telegram_ids(self) -> frozenset[int]:
        """The people of the file in force who have a Telegram id, by that."""
        return frozenset(one.telegram for one in self._file.oncall.people.values() if one.telegram is not None)

    def roster(self, connection: Connection) -> Roster:
        """Who is on call, as of now. What another process has accepted a moment ago is read here."""
        self._look(connection)
        return Roster(
            oncall=self._file.oncall,
            calendars=self._calendars(connection, self._file.oncall),
            overrides=kept.overrides_after(connection, self._clock.now()),
        )

    def people(self, connection: Connection) -> Mapping[str, Person] | None:
        """The people of the file in force by their keys, as of now; None where it cannot be read."""
        self._look(connection)
        return self._file.oncall.people if self._file.good else None

    async def refresh(self, database: Database) -> bool:
        """Read what is new without keeping the store waiting; True when the people on call may be others for it."""
        before = self._file.hash, dict(self._laid)
        file = await database.read(self._unread)
        if file is not None:
            await asyncio.to_thread(self._read, file.text, file.hash)
        for schedule, calendar in await database.read(self._to_lay_out):
            self._laid[schedule.key] = await asyncio.to_thread(self._lay_out, schedule, calendar)
        return before != (self._file.hash, self._laid)

    def _unread(self, connection: Connection) -> kept.KeptFile | None:
        newest = kept.newest_file_hash(connection)
        return None if newest is None or newest == self._file.hash else kept.newest_file(connection)

    def _to_lay_out(self, connection: Connection) -> list[tuple[CalendarSchedule, kept.KeptCalendar]]:
        """Calendars whose text, time zone or time of reading is another than when they were laid out."""
        hashes = kept.calendar_hashes(connection)
        latest = self._clock.now() - LAID_OUT_FOR
        found = []
        for schedule in self._file.oncall.calendars:
            laid = self._laid.get(schedule.key)
            known = laid is not None and (laid.hash, laid.timezone) == (hashes.get(schedule.key), schedule.timezone)
            if schedule.key not in hashes or (known and laid is not None and laid.at > latest):
                continue
            calendar = kept.kept_calendar(connection, schedule.key)
            found += [] if calendar is None else [(schedule, calendar)]
        return found

    def _look(self, connection: Connection) -> None:
        newest = kept.newest_file_hash(connection)
        if newest is not None and newest != self._file.hash:
            file = kept.newest_file(connection)
            if file is not None:
                self._read(file.text, file.hash)

    def _read(self, text: str, hash_: str) -> None:
        try:
            self._file = _File(hash=hash_, oncall=read(text, region=self._region), good=True)
        except OnCallFileError as error:
            # It was good when it was accepted: by another version, or with another BRIDGE_DEFAULT_REGION.
            log.error("the file in force cannot be read any more: %s", error, extra={"event": "oncall.unreadable"})
            self._file = _File(hash=hash_, oncall=self._file.oncall, good=False)

    def _calendars(self, connection: Connection, oncall: OnCall) -> dict[str, Calendar | None]:
        """What is known of each calendar; an older version of it until `refresh` has laid out the newest."""
        schedules = oncall.calendars
        if not schedules:
            return {}
        hashes = kept.calendar_hashes(connection)
        found: dict[str, Calendar | None] = {}
        for schedule in schedules:
            laid = self._laid.get(schedule.key)
            if schedule.key in hashes and (laid is None or laid.timezone != schedule.timezone):
                calendar = kept.kept_calendar(connection, schedule.key)
                if calendar is not None:
                    laid = self._laid[schedule.key] = self._lay_out(schedule, calendar)
            if schedule.key in hashes and laid is not None:
                found[schedule.key] = laid.calendar
        return found

    def _lay_out(self, schedule: CalendarSchedule, calendar: kept.KeptCalendar) -> _Laid:
        now = self._clock.now()
        try:
            found = ical.read(calendar.text, timezone=schedule.timezone, at=now)
        except ical.CalendarError as error:
            words = "the calendar of %s cannot be read any more: %s"
            log.error(words, schedule.key, error, extra={"event": "oncall.unreadable"})
            found = None
        return _Laid(hash=calendar.hash, timezone=schedule.timezone, at=now, calendar=found)
