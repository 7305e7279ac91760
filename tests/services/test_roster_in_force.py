"""The on-call file in force and the calendars behind it, over a real store."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from bridge.oncall import who
from bridge.services.chat.notices import Notices
from bridge.services.oncall.calendar_text import CalendarTexts
from bridge.services.oncall.calendars import READ_EVERY, SAID_AFTER, Calendars
from bridge.services.oncall.roster_in_force import LAID_OUT_FOR, RosterInForce
from bridge.store import oncall as kept
from bridge.store.posts import Place
from bridge.store.sqlite import SqliteDatabase
from bridge.store.tables import posts
from tests.support.databases import new_database
from tests.support.manual_clock import ManualClock

PEOPLE = """
[people.ama]
phone = "0241109433"
telegram = 111111111
[people.kofi]
phone = "0551234567"
"""
CALENDAR = '[schedules.primary]\nical = "primary.ics"\n'
DAILY = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test
BEGIN:VEVENT
UID:1
DTSTART:20260101T000000Z
DTEND:20260102T000000Z
RRULE:FREQ=DAILY
SUMMARY:{}
END:VEVENT
END:VCALENDAR
"""


class Desk:
    """The file in force over a store, with a calendar reader beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.database = SqliteDatabase(new_database(folder))
        self.rosters = RosterInForce(region="GH", clock=self.clock)
        texts = CalendarTexts(folder, httpx.AsyncClient)
        notices = Notices(places=[Place(chat_id=7)], admins=[])
        self.calendars = Calendars(database=self.database, texts=texts, notices=notices, clock=self.clock)

    async def accept(self, text: str) -> None:
        """As any process may."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        await self.database.write(lambda c: kept.keep_file(c, text, digest, self.clock.now()))

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    async def read_calendars(self) -> None:
        """What is due, and what follows for the file in force."""
        await self.rosters.refresh(self.database)
        await self.calendars.read_due(self.rosters.oncall)
        await self.rosters.refresh(self.database)

    async def on_call(self) -> list[str]:
        roster = await self.database.read(self.rosters.roster)
        return [person.key for person in who.on_call(roster, "primary", self.clock.now())]

    async def said(self) -> list[str]:
        return await self.database.read(lambda c: list(c.execute(select(posts.c.text).order_by(posts.c.id)).scalars()))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    await desk.database.aclose()


async def test_without_a_file_nobody_is_on_call(desk: Desk) -> None:
    roster = await desk.database.read(desk.rosters.roster)
    assert roster.oncall.people == {}
    assert (desk.rosters.has_file, desk.rosters.is_readable, desk.rosters.telegram_ids) == (False, False, frozenset())


async def test_the_newest_file_counts_whoever_accepted_it(desk: Desk) -> None:
    await desk.accept(PEOPLE)
    await desk.database.read(desk.rosters.roster)
    assert desk.rosters.telegram_ids == {111111111}
    await desk.accept(PEOPLE.replace("111111111", "5"))
    assert await desk.rosters.refresh(desk.database)
    assert desk.rosters.telegram_ids == {5}
    assert not await desk.rosters.refresh(desk.database)


async def test_a_file_that_an_earlier_version_took_leaves_the_one_before_and_is_no_good(desk: Desk) -> None:
    await desk.accept(PEOPLE)
    await desk.rosters.refresh(desk.database)
    await desk.accept("[people.ama]\nfax = 1\n")
    roster = await desk.database.read(desk.rosters.roster)
    assert set(roster.oncall.people) == {"ama", "kofi"}
    assert (desk.rosters.has_file, desk.rosters.is_readable) == (True, False)


async def test_the_same_text_is_accepted_once_until_another_was(desk: Desk) -> None:
    now = desk.clock.now()
    kept_it = [
        await desk.database.write(lambda c, text=text: kept.keep_file(c, text, text, now))
        for text in ("a", "a", "b", "a")
    ]
    assert kept_it == [True, False, True, True]


async def test_a_roster_that_is_asked_by_many_threads_is_the_same(desk: Desk) -> None:
    await desk.accept(PEOPLE + CALENDAR)
    rosters = await asyncio.gather(
        *(desk.database.read(desk.rosters.roster) for _ in range(20)),
        *(desk.database.write(desk.rosters.roster) for _ in range(20)),
    )
    assert {frozenset(roster.oncall.people) for roster in rosters} == {frozenset({"ama", "kofi"})}


# calendars


async def test_a_calendar_says_who_is_on_call_from_when_it_is_read(desk: Desk) -> None:
    await desk.accept(PEOPLE + CALENDAR)
    assert await desk.on_call() == []
    desk.write("primary.ics", DAILY.format("Kofi"))
    await desk.read_calendars()
    assert await desk.on_call() == ["kofi"]


async def test_it_is_read_again_every_15_minutes_and_not_before(desk: Desk) -> None:
    await desk.accept(PEOPLE + CALENDAR)
    desk.write("primary.ics", DAILY.format("Kofi"))
    await desk.read_calendars()
    desk.write("primary.ics", DAILY.format("Ama"))
    desk.clock.advance(READ_EVERY.total_seconds() - 1)
    await desk.read_calendars()
    assert await desk.on_call() == ["kofi"]
    desk.clock.advance(1)
    await desk.read_calendars()
    assert await desk.on_call() == ["ama"]


async def test_what_cannot_be_read_leaves_the_last_good_one_and_is_said_once_after_an_hour(desk: Desk) -> None:
    await desk.accept(PEOPLE + CALENDAR)
    desk.write("primary.ics", DAILY.format("Kofi"))
    await desk.read_calendars()
    desk.write("primary.ics", "nonsense")
    for _ in range(3):
        desk.clock.advance(READ_EVERY.total_seconds())
        await desk.read_calendars()
    assert await desk.said() == []
    for _ in range(8):
        desk.clock.advance(READ_EVERY.total_seconds())
        await desk.read_calendars()
    (line,) = await desk.said()
    assert line.startswith("⚠️ Calendar of primary: ")
    assert line.endswith("What was read at 2026-01-05 09:00 UTC holds.")
    assert await desk.on_call() == ["kofi"]
    desk.write("primary.ics", DAILY.format("Ama"))
    desk.clock.advance(READ_EVERY.total_seconds())
    await desk.read_calendars()
    assert (await desk.said())[1:] == ["✅ Calendar of primary: it is read again."]
    assert await desk.on_call() == ["ama"]


async def test_a_short_trouble_is_not_said(desk: Desk) -> None:
    await desk.accept(PEOPLE + CALENDAR)
    for text in (DAILY.format("Kofi"), "nonsense", DAILY.format("Kofi")):
        desk.write("primary.ics", text)
        await desk.read_calendars()
        desk.clock.advance(READ_EVERY.total_seconds())
    assert await desk.said() == []
    assert SAID_AFTER > READ_EVERY


async def test_one_that_was_never_read_is_said_at_once_and_once(desk: Desk) -> None:
    await desk.accept(PEOPLE + CALENDAR)
    for _ in range(3):
        await desk.read_calendars()
        desk.clock.advance(READ_EVERY.total_seconds())
    (line,) = await desk.said()
    assert "primary.ics cannot be read" in line
    assert line.endswith("It was never read, so nobody is on call by it.")


async def test_another_process_goes_by_what_was_read_last(desk: Desk) -> None:
    await desk.accept(PEOPLE + CALENDAR)
    desk.write("primary.ics", DAILY.format("Kofi"))
    await desk.read_calendars()
    other = RosterInForce(region="GH", clock=desk.clock)
    roster = await desk.database.read(other.roster)
    assert [one.key for one in who.on_call(roster, "primary", desk.clock.now())] == ["kofi"]


async def test_a_service_that_runs_for_years_lays_a_calendar_out_again(desk: Desk) -> None:
    await desk.accept(PEOPLE + CALENDAR)
    desk.write("primary.ics", DAILY.format("Kofi"))
    await desk.read_calendars()
    desk.clock.advance(timedelta(days=800).total_seconds())
    assert await desk.on_call() == []
    await desk.read_calendars()
    assert await desk.on_call() == ["kofi"]
    assert timedelta(days=400) > LAID_OUT_FOR


async def test_another_time_zone_is_another_reading(desk: Desk) -> None:
    floating = DAILY.format("Kofi").replace("Z\n", "\n").replace("DTEND:20260102T000000", "DTEND:20260101T093000")
    desk.write("primary.ics", floating)
    await desk.accept(PEOPLE + CALENDAR)
    await desk.read_calendars()
    assert await desk.on_call() == ["kofi"]  # it is 09:00 in UTC
    await desk.accept(PEOPLE + CALENDAR + 'timezone = "Asia/Tokyo"\n')
    assert await desk.on_call() == []
