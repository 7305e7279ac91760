from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.durations import LONGEST, read_duration, write_duration


@pytest.mark.parametrize(
    ("written", "span"),
    [
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("12h", timedelta(hours=12)),
        ("1d", timedelta(days=1)),
        ("2w", timedelta(weeks=2)),
        (" 90m ", timedelta(minutes=90)),
        ("366d", LONGEST),
    ],
)
def test_a_duration_is_a_number_and_a_unit(written: str, span: timedelta) -> None:
    assert read_duration(written) == span


@pytest.mark.parametrize(
    "written", ["", "5", "m", "0s", "-5m", "5 m", "1.5h", "5M", "5min", "٥m", "367d", "999999999w"]
)
def test_anything_else_is_none(written: str) -> None:
    assert read_duration(written) is None


@pytest.mark.parametrize(("written", "shortest"), [("90s", "90s"), ("60s", "1m"), ("24h", "1d"), ("14d", "2w")])
def test_a_span_is_written_as_short_as_can_be(written: str, shortest: str) -> None:
    assert write_duration(read_duration(written) or timedelta()) == shortest


@given(st.integers(1, int(LONGEST.total_seconds())))
def test_what_is_written_reads_back(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    assert read_duration(write_duration(span)) == span


@given(st.text(max_size=20))
def test_any_text_gives_a_span_or_none(written: str) -> None:
    span = read_duration(written)
    assert span is None or timedelta() < span <= LONGEST
