"""Rotations against the clocks on the wall: a table of changes, and a slow oracle for many zones."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.oncall import clocks, rota
from tests.unit.oncall.team import berlin, rotation, utc

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

# Whole hours and half ones, 45 minutes, half an hour of summer, over the date line, none at all, south and north,
# Ramadan, two hours of summer, a day left out.
ZONES = [
    *("UTC", "Africa/Accra", "Africa/Casablanca", "Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos"),
    *("America/New_York", "America/St_Johns", "America/Sao_Paulo", "America/Santiago", "America/Havana"),
    *("America/Nuuk", "America/Asuncion", "Antarctica/Troll", "Asia/Amman", "Asia/Gaza", "Asia/Kathmandu"),
    *("Asia/Kolkata", "Asia/Tehran", "Asia/Tokyo", "Atlantic/Azores", "Australia/Adelaide", "Australia/Lord_Howe"),
    *("Europe/Berlin", "Europe/Dublin", "Europe/London", "Pacific/Apia", "Pacific/Auckland", "Pacific/Chatham"),
    "Pacific/Kiritimati",
]


YEAR = 2026
MIDSUMMER = datetime(YEAR, 6, 21, tzinfo=UTC)
SHIFTS = [timedelta(minutes=45), HOUR, 5 * HOUR, 12 * HOUR, 24 * HOUR, timedelta(days=7)]
TIMES = ["00:00", "02:30", "09:00"]


def changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """The hours before the clocks there are moved; a day in summer where they never are."""
    hours = [datetime(year, 1, 1, tzinfo=UTC) + count * HOUR for count in range(366 * 24)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    moved = [hour for hour, (before, after) in zip(hours, pairwise(offsets), strict=False) if before != after]
    return moved or [MIDSUMMER]


def watched(zone: ZoneInfo, around: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The slow oracle watches the clocks there for four days, minute by minute: (when, the latest time seen so far)."""
    at, seen = around - timedelta(days=2), datetime.min  # noqa: DTZ901
    while at < around + timedelta(days=2):
        seen = max(seen, at.astimezone(zone).replace(tzinfo=None))
        yield at, seen
        at += MINUTE


def check_zone(name: str, year: int) -> int:
    """Asks around each change of the clocks in a year whose turn it is, and compares; how often it asked."""
    zone, asked = ZoneInfo(name), 0
    people = tuple("abcdefg")
    for change in changes(zone, year):
        start = (change - timedelta(days=40)).replace(tzinfo=None)
        rotations = [
            rotation(name, people=people, shift=shift, start=f"{start:%Y-%m-%d}T{SHIFTS_START[shift]}:00")
            for shift in SHIFTS
        ]
        for at, seen in watched(zone, change):
            if at.minute % (5 if abs(at - change) < 4 * HOUR else 60) == 0:
                for one in rotations:
                    asked += 1
                    turn = (seen - one.start) // one.shift
                    assert rota.on_call(one, at) == people[turn % len(people)], (name, at, one)
    return asked


SHIFTS_START = dict(zip(SHIFTS, TIMES * 2, strict=True))


@pytest.mark.parametrize("zone", ZONES)
def test_whose_turn_it_is_by_the_clocks_of_a_place_as_somebody_there_would_see_it(zone: str) -> None:
    assert check_zone(zone, YEAR) > 1000


@pytest.mark.soak
@pytest.mark.parametrize("year", [2011, 2026])
@pytest.mark.parametrize("zone", sorted(available_timezones() - {"localtime", "Factory"}))
def test_whose_turn_it_is_in_every_zone(zone: str, year: int) -> None:
    assert check_zone(zone, year) > 1000


def handovers(shift: timedelta, start: str, first: str, last: str, zone: str = "Europe/Berlin") -> list[str]:
    """The hand-overs of a rotation between two moments, in UTC."""
    one = rotation(zone, shift=shift, start=start)
    return [f"{found.start:%m-%d %H:%M}" for found in rota.shifts(one, utc(first), utc(last))]


@pytest.mark.parametrize(
    ("shift", "start", "first", "last", "expected"),
    [
        # weeks and days: the same time of day before and after; 23 and 25 hours between
        (
            timedelta(weeks=1),
            "2026-03-16T09:00:00",
            "2026-03-16T08:00",
            "2026-04-01T00:00",
            ["03-16 08:00", "03-23 08:00", "03-30 07:00"],
        ),
        (24 * HOUR, "2026-10-24T09:00:00", "2026-10-24T07:00", "2026-10-26T08:00", ["10-24 07:00", "10-25 08:00"]),
        # half days: 11 or 13 hours over the change
        (
            12 * HOUR,
            "2026-03-28T09:00:00",
            "2026-03-28T08:00",
            "2026-03-29T19:00",
            ["03-28 08:00", "03-28 20:00", "03-29 07:00"],
        ),
        # 02:30 does not exist on 29 March: at 03:00, when the gap ends
        (24 * HOUR, "2026-03-28T02:30:00", "2026-03-28T01:30", "2026-03-30T00:30", ["03-28 01:30", "03-29 01:00"]),
        # 02:30 comes twice on 25 October: the first one
        (24 * HOUR, "2026-10-24T02:30:00", "2026-10-24T00:30", "2026-10-26T01:30", ["10-24 00:30", "10-25 00:30"]),
        # half hours: the two turns that lie in the gap are left out, the one before the hour that comes twice is long
        (
            HOUR / 2,
            "2026-03-29T01:30:00",
            "2026-03-29T00:30",
            "2026-03-29T02:00",
            ["03-29 00:30", "03-29 01:00", "03-29 01:30"],
        ),
        (
            HOUR / 2,
            "2026-10-25T02:00:00",
            "2026-10-25T00:00",
            "2026-10-25T02:30",
            ["10-25 00:00", "10-25 00:30", "10-25 02:00"],
        ),
    ],
)
def test_handovers_keep_to_the_clocks_on_the_wall(
    shift: timedelta, start: str, first: str, last: str, expected: list[str]
) -> None:
    assert handovers(shift, start, first, last) == expected


def test_a_day_that_the_date_line_took_away_is_left_out() -> None:
    found = handovers(24 * HOUR, "2011-12-28T09:00:00", "2011-12-28T19:00", "2011-12-31T23:00", "Pacific/Apia")
    assert found == ["12-28 19:00", "12-29 19:00", "12-30 10:00", "12-30 19:00", "12-31 19:00"]


def test_nobody_is_on_call_before_the_start() -> None:
    one = rotation(start="2026-01-05T09:00:00")
    assert rota.on_call(one, berlin("2026-01-05T08:59:59")) is None
    assert rota.on_call(one, berlin("2026-01-05T09:00:00")) == "ama"
    assert rota.on_call(one, utc("1999-01-01T00:00")) is None
    assert [found.start for found in rota.shifts(one, utc("2025-01-01T00:00"), utc("2026-01-10T00:00"))] == [
        utc("2026-01-05T08:00")
    ]


def test_people_take_turns_in_their_order_and_begin_again() -> None:
    one = rotation(people=("ama", "kofi", "esi"))
    week = timedelta(weeks=1)
    turns = [rota.on_call(one, berlin("2026-01-06T00:00") + count * week) for count in range(5)]
    assert turns == ["ama", "kofi", "esi", "ama", "kofi"]


def test_the_next_century_is_as_near_as_tomorrow() -> None:
    one = rotation(shift=MINUTE)
    assert rota.on_call(one, utc("2126-01-01T00:00")) in ("ama", "kofi")
    assert len(list(rota.shifts(one, utc("2126-01-01T00:00"), utc("2126-01-01T00:03")))) == 3


moments = st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(at=moments, zone=st.sampled_from(ZONES), minutes=st.integers(1, 20000), length=st.integers(0, 3000))
def test_shifts_follow_each_other_without_a_hole_and_agree_with_who_is_on_call(
    at: datetime, zone: str, minutes: int, length: int
) -> None:
    one = rotation(zone, shift=minutes * MINUTE, people=("ama", "kofi", "esi"))
    end = at + length * max(MINUTE, one.shift // 100)
    found = list(rota.shifts(one, at, end))
    assert all(before.end == after.start for before, after in pairwise(found))
    assert all(shift.start < shift.end for shift in found)
    if found and found[0].start > at:
        assert rota.on_call(one, at) is None
    for shift in found:
        assert (rota.on_call(one, shift.start),) == shift.people
        assert (rota.on_call(one, shift.end - timedelta(seconds=1)),) == shift.people


@given(
    shown=st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1)),  # noqa: DTZ001
    zone=st.sampled_from(ZONES),
    later=st.integers(0, 100_000),
)
def test_a_later_time_on_the_wall_never_comes_earlier(shown: datetime, zone: str, later: int) -> None:
    shown, place = shown.replace(microsecond=0), ZoneInfo(zone)
    first = clocks.moment(shown, place)
    assert clocks.wall(first, place) >= shown
    assert clocks.wall(first - timedelta(seconds=1), place) < shown
    assert first <= clocks.moment(shown + timedelta(seconds=later), place)
