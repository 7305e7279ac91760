"""What time alone brings about, for every subject."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bridge.app.housekeeping import SURE_AFTER, HousekeepingDesk
from bridge.services.sms.claims import Claims
from bridge.services.sms.pages_port import NO_PAGES
from bridge.store import alert_ends, idempotency, inbox, posts, queue, switches
from bridge.store.database import Database
from bridge.store.posts import Place
from bridge.store.sqlite import SqliteDatabase
from tests.support.databases import new_database
from tests.support.manual_clock import MONDAY_MORNING as NOW
from tests.support.manual_clock import ManualClock
from tests.support.outbox import add_message

DAY = timedelta(days=1)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = SqliteDatabase(new_database(tmp_path))
    yield database
    await database.aclose()


def desk(database: Database, clock: ManualClock, retention: timedelta = 90 * DAY) -> HousekeepingDesk:
    return HousekeepingDesk(
        database,
        clock,
        absence=5 * DAY,
        notice_places=(),
        pages=NO_PAGES,
        retention=retention,
        claims=Claims(lambda: "this process"),
    )


async def forgets(database: Database, retention: timedelta = 90 * DAY) -> None:
    """What a process forgets that has been running for long enough."""
    clock = ManualClock(NOW - SURE_AFTER)
    sure = desk(database, clock, retention)
    clock.advance(SURE_AFTER.total_seconds())
    await sure.step()


@pytest.mark.parametrize("days", [8, 100])
async def test_a_clock_that_is_ahead_for_a_while_makes_nobody_forget(database: Database, days: int) -> None:
    clock = ManualClock()
    await database.write(lambda c: alert_ends.note(c, "generic", "disk full", NOW - DAY, NOW))
    message = await database.write(lambda c: add_message(c, now=NOW))
    await database.write(lambda c: idempotency.keep(c, "token ci", "key", "hash", message, NOW))

    async def known() -> list[bool]:
        ends = await database.read(lambda c: alert_ends.of(c, "generic", ["disk full"]))
        return [bool(ends), await database.read(lambda c: idempotency.find(c, "token ci", "key")) is not None]

    ours = desk(database, clock)
    clock.advance(2 * SURE_AFTER.total_seconds())
    await ours.step()
    clock.is_set(days * DAY.total_seconds())
    for one in (ours, desk(database, clock)):  # a restart meanwhile knows no better
        for _ in range(5):
            clock.advance(60)
            await one.step()
    assert await known() == [True, True]
    clock.advance(SURE_AFTER.total_seconds())
    await ours.step()
    assert await known() == [days < 90, False]  # it is the time, for all we know


@pytest.mark.parametrize(("retention", "kept"), [(90 * DAY, {"old", "new"}), (2 * DAY, {"new"})])
async def test_ends_of_alerts_go_after_the_retention(database: Database, retention: timedelta, kept: set[str]) -> None:
    def ended(connection: Connection) -> None:
        alert_ends.note(connection, "generic", "ancient", NOW - 91 * DAY, NOW)
        alert_ends.note(connection, "generic", "old", NOW - 3 * DAY, NOW)
        alert_ends.note(connection, "generic", "new", NOW, NOW)

    await database.write(ended)
    await forgets(database, retention)
    found = await database.read(lambda c: alert_ends.of(c, "generic", ["ancient", "old", "new"]))
    assert set(found) == kept


async def test_updates_that_were_handled_go_after_two_days(database: Database) -> None:
    def handled(connection: Connection) -> None:
        for number, at in ((1, NOW - 3 * DAY), (2, NOW - DAY)):
            inbox.keep(connection, [(number, "{}")], at)
            inbox.done(connection, number, at)

    await database.write(handled)
    await forgets(database)
    rows = await database.read(lambda c: c.exec_driver_sql("SELECT update_id FROM inbox").scalars().all())
    assert rows == [2]


async def test_what_a_clock_that_was_ahead_wrote_is_due(database: Database) -> None:
    later = NOW + DAY

    def wait(connection: Connection) -> None:
        add_message(connection, now=later)
        posts.say(connection, "a post", Place(chat_id=1), "hello", later)

    await database.write(wait)
    await desk(database, ManualClock()).step()
    assert await database.read(queue.next_due) == NOW
    assert [post.text for post in await database.read(lambda c: posts.due(c, NOW, 10))] == ["hello"]


async def test_it_signs_that_somebody_is_there_each_half_minute(database: Database) -> None:
    clock = ManualClock()
    housekeeping = desk(database, clock)
    signed = []
    for _ in range(4):
        await housekeeping.step()
        signed.append((await database.read(lambda c: switches.get(c, switches.ALIVE))).at)  # type: ignore[union-attr]
        clock.advance(16)
    assert signed == [NOW, NOW, NOW + timedelta(seconds=32), NOW + timedelta(seconds=32)]
