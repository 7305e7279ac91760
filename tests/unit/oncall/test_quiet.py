from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.oncall.quiet import quiet_until
from bridge.oncall.records import Person, Quiet
from tests.unit.oncall.test_rota import ZONES


def person(quiet: str, zone: str = "Europe/Berlin") -> Person:
    start, _, end = quiet.partition("-")
    times = Quiet(start=time.fromisoformat(start), end=time.fromisoformat(end)) if quiet else None
    return Person(key="ama", name="Ama", phone="+233241109433", quiet=times, timezone=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("quiet", "at", "until"),
    [
        # Berlin is UTC+1 in winter, UTC+2 in summer
        ("", "2026-02-01T23:00", None),
        ("22:00-07:00", "2026-02-01T20:59", None),
        ("22:00-07:00", "2026-02-01T21:00", "2026-02-02T06:00"),
        ("22:00-07:00", "2026-02-02T00:30", "2026-02-02T06:00"),
        ("22:00-07:00", "2026-02-02T05:59", "2026-02-02T06:00"),
        ("22:00-07:00", "2026-02-02T06:00", None),
        ("12:00-13:30", "2026-02-02T11:00", "2026-02-02T12:30"),
        ("12:00-13:30", "2026-02-02T12:30", None),
        ("12:00-13:30", "2026-02-02T10:59", None),
        ("00:00-06:00", "2026-02-01T23:00", "2026-02-02T05:00"),
        ("22:00-00:00", "2026-02-02T22:59", "2026-02-02T23:00"),
        # over the changes: the night is an hour shorter, or longer
        ("22:00-07:00", "2026-03-28T21:00", "2026-03-29T05:00"),
        ("22:00-07:00", "2026-10-24T20:00", "2026-10-25T06:00"),
        # its end does not exist: when the gap ends; it comes twice: the first one
        ("22:00-02:30", "2026-03-29T00:59", "2026-03-29T01:00"),
        ("22:00-02:30", "2026-03-29T01:00", None),
        ("22:00-02:30", "2026-10-25T00:29", "2026-10-25T00:30"),
        ("22:00-02:30", "2026-10-25T01:15", None),
        # its beginning comes twice
        ("02:30-07:00", "2026-10-25T01:15", "2026-10-25T06:00"),
        ("02:30-07:00", "2026-10-25T00:15", None),
        # it lies in the gap as a whole
        ("02:00-02:30", "2026-03-29T01:00", None),
    ],
)
def test_quiet_is_by_the_persons_own_clocks(quiet: str, at: str, until: str | None) -> None:
    expected = datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None
    assert quiet_until(person(quiet), datetime.fromisoformat(at).replace(tzinfo=UTC)) == expected


def test_two_nights_that_touch_at_the_date_line_are_one() -> None:
    # 30 December 2011 does not exist in Apia.
    found = quiet_until(person("22:00-07:00", "Pacific/Apia"), datetime(2011, 12, 30, 9, tzinfo=UTC))
    assert found == datetime(2011, 12, 30, 17, tzinfo=UTC)


@given(
    at=st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    zone=st.sampled_from(ZONES),
    minutes=st.tuples(st.integers(0, 1439), st.integers(0, 1439)).filter(lambda pair: pair[0] != pair[1]),
)
def test_the_end_of_quiet_is_near_and_no_quiet_time(at: datetime, zone: str, minutes: tuple[int, int]) -> None:
    start, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in minutes)
    one = person(f"{start}-{end}", zone)
    until = quiet_until(one, at)
    if until is not None:
        assert at < until < at + timedelta(days=3)
        assert quiet_until(one, until) is None
        assert quiet_until(one, until - timedelta(seconds=1)) == until
