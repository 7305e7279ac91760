"""Calendars are read every 15 minutes; what cannot be read leaves the last good one in force."""

import asyncio
import hashlib
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from bridge.clock import Clock
from bridge.oncall import ical
from bridge.oncall.ical import CalendarError
from bridge.oncall.records import CalendarSchedule, OnCall
from bridge.services.chat.notices import Notices
from bridge.services.oncall.calendar_text import CalendarTexts
from bridge.store import oncall as kept
from bridge.store.database import Database

log = logging.getLogger(__name__)

READ_EVERY = timedelta(minutes=15)
SAID_AFTER = timedelta(hours=1)
"""So long a calendar may be unread before somebody is told: servers are restarted now and then. One that was never
read is told of at once, because nobody is on call by it."""

NOBODY = "It was never read, so nobody is on call by it"

Text = tuple[str, str]
"""A calendar's text, and why there is none; one of them is empty."""


class Calendars:
    """Reads what is due."""

    def __init__(self, *, database: Database, texts: CalendarTexts, notices: Notices, clock: Clock) -> None:
        self._database = database
        self._texts = texts
        self._notices = notices
        self._clock = clock
        self._read_at: dict[tuple[str, str], datetime] = {}

    def forget(self) -> None:
        """All of them are due."""
        self._read_at.clear()

    async def read_due(self, oncall: OnCall) -> bool:
        """Read each calendar of the file that is new to us, or was read 15 minutes ago; False when none was due.

        Raises StoreUnavailable.
        """
        now = self._clock.now()
        due = [one for one in oncall.calendars if self._is_due(one, now)]
        texts = await read_all(self._texts, due, now)
        for schedule in due:
            # A clock that is put back must not keep it from being read.
            self._read_at[schedule.key, schedule.ical] = now
            await self._database.write(partial(self._write, schedule.key, texts[schedule.key], now))
        return bool(due)

    def _is_due(self, schedule: CalendarSchedule, now: datetime) -> bool:
        last = self._read_at.get((schedule.key, schedule.ical))
        return last is None or not timedelta(0) <= now - last < READ_EVERY

    def _write(self, schedule: str, read: Text, now: datetime, connection: Connection) -> None:
        text, trouble = read
        before = kept.kept_calendar(connection, schedule)
        if trouble:
            log.warning("calendar of %s: %s", schedule, trouble, extra={"event": "calendar.failed"})
            kept.calendar_failed(connection, schedule, trouble, now)
            if _is_told(before, now):
                since = before.read_at if before else now
                means = f"What was read at {since:%Y-%m-%d %H:%M} UTC holds" if before and before.hash else NOBODY
                words = f"⚠️ Calendar of {schedule}: {trouble}. {means}."
                self._notices.tell(connection, f"calendar:{schedule}:{since.isoformat()}", words, now)
            return
        kept.keep_calendar(connection, schedule, text, hashlib.sha256(text.encode()).hexdigest(), now)
        if before is not None and before.trouble and _is_told(before, now):
            words = f"✅ Calendar of {schedule}: it is read again."
            self._notices.tell(connection, f"calendar:{schedule}:{now.isoformat()}:again", words, now)


def _is_told(before: kept.KeptCalendar | None, now: datetime) -> bool:
    return before is None or not before.hash or now - before.read_at >= SAID_AFTER


async def read_all(texts: CalendarTexts, schedules: Iterable[CalendarSchedule], at: datetime) -> dict[str, Text]:
    """The text of each calendar that is good as of `at`, or why there is none, all at once. By schedule."""
    listed = list(schedules)
    found = await asyncio.gather(*(_read_good(texts, one, at) for one in listed))
    return {one.key: text for one, text in zip(listed, found, strict=True)}


async def _read_good(texts: CalendarTexts, schedule: CalendarSchedule, at: datetime) -> Text:
    try:
        raw = await texts.read(schedule.ical)
        await asyncio.to_thread(ical.read, raw, timezone=schedule.timezone, at=at)
    except CalendarError as error:
        return "", str(error)
    return raw.decode("utf-8-sig", errors="replace"), ""
