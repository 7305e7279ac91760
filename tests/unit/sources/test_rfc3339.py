from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sources.rfc3339 import utc_time

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("decimals", range(10))
def test_a_second_has_up_to_nine_decimals_of_which_six_are_kept(decimals: int) -> None:
    fraction = f".{'123456789'[:decimals]}" if decimals else ""
    microseconds = int("123456789"[:decimals][:6].ljust(6, "0"))
    assert utc_time(f"2026-11-22T12:00:00{fraction}Z") == NOON + timedelta(microseconds=microseconds)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T12:00:00Z",
        "2026-11-22T12:00:00+00:00",
        "2026-11-22T17:45:00+05:45",
        "2026-11-22T04:00:00-08:00",
        "2026-11-22 12:00:00.000",
        "2026-11-22T11:59:00-00:01",
    ],
)
def test_any_offset_becomes_utc_and_none_is_utc(text: str) -> None:
    found = utc_time(text)
    assert found == NOON
    assert found is not None
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59-23:59",
        "2026-13-01T00:00:00Z",
        "",
        "noon",
        None,
        0,
        1795348800,
        True,
        [],
        "2026-11-22T12:00:00Z\ud800",
        "9" * 10000,
    ],
)
def test_what_is_no_time_is_none(value: object) -> None:
    assert utc_time(value) is None


OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(time=st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1), timezones=OFFSETS))  # noqa: DTZ001 - zoned above
def test_a_time_in_any_zone_comes_back(time: datetime) -> None:
    assert utc_time(time.isoformat()) == time


@given(st.text())
def test_any_text_gives_a_time_or_none(text: str) -> None:
    assert utc_time(text) is None or utc_time(text).tzinfo is UTC  # type: ignore[union-attr]
