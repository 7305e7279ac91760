"""The clock of the campaign: what is set changes the time and no wait, what is skipped ends waits as well."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.eventually import until
from tests.support.moved_clock import ClockFile, MovedClock

LONG_S = 3600.0


@pytest.fixture
def file(tmp_path: Path) -> ClockFile:
    return ClockFile(tmp_path / "clock")


def ahead(clock: MovedClock) -> timedelta:
    """Of the machine, to the second."""
    return timedelta(seconds=round((clock.now() - datetime.now(UTC)).total_seconds()))


def test_it_shows_what_was_set_and_what_was_skipped(file: ClockFile) -> None:
    clock = MovedClock(file.path)
    assert ahead(clock) == timedelta(0)
    file.set_by(-LONG_S)
    file.skip(60)
    assert ahead(clock) == timedelta(minutes=-59)


async def test_skipped_time_ends_a_wait(file: ClockFile) -> None:
    waits = asyncio.create_task(MovedClock(file.path).wait(asyncio.Event(), LONG_S))
    await asyncio.sleep(0)  # it begins
    file.skip(LONG_S)
    await until(waits.done)


async def test_a_clock_that_is_set_ends_no_wait(file: ClockFile) -> None:
    first = asyncio.create_task(MovedClock(file.path).wait(asyncio.Event(), LONG_S))
    file.set_by(2 * LONG_S)
    await MovedClock(file.path).wait(asyncio.Event(), 0.1)  # so long that the first one has looked again
    assert not first.done()
    file.skip(LONG_S)
    await until(first.done)


async def test_an_event_ends_a_wait(file: ClockFile) -> None:
    event = asyncio.Event()
    waits = asyncio.create_task(MovedClock(file.path).wait(event, LONG_S))
    event.set()
    await until(waits.done)
