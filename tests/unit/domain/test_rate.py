from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.rate import AHEAD, Rate
from tests.support.manual_clock import MONDAY_MORNING as NOW

MS = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)
RATES = st.sampled_from([0.2, 0.5, 1, 2, 5, 7.5, 10, 33, 100, 1000])


@given(
    per_second=RATES,
    looks=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 50)), max_size=60),
)
def test_no_second_has_more_calls_than_the_rate_allows(per_second: float, looks: list[tuple[int, int]]) -> None:
    """`looks`: after how many milliseconds somebody looks, and how many calls they would make."""
    rate, next_at, now = Rate(per_second=per_second), None, NOW
    begun = []
    for pause, wanted in looks:
        now += pause * MS
        calls = min(wanted, rate.allowed(next_at, now))
        if calls:
            next_at = rate.after(next_at, now, calls)
            begun += [now] * calls
    most = max(1, per_second)
    for first in begun:
        assert sum(first <= one < first + SECOND for one in begun) <= most


@given(per_second=RATES, late=st.integers(0, 19))
def test_who_looks_a_little_late_each_time_loses_two_percent_at_most(per_second: float, late: int) -> None:
    rate, next_at, now, calls = Rate(per_second=per_second), None, NOW, 0
    for _ in range(200):
        allowed = rate.allowed(next_at, now)
        assert allowed >= 1
        calls += allowed
        next_at = rate.after(next_at, now, allowed)
        now = next_at + late * MS
    assert calls >= 0.97 * per_second * (now - NOW).total_seconds() - 1


@pytest.mark.parametrize("pause", [1, 60, 86_400])
def test_a_gateway_that_was_left_alone_takes_no_more_for_it(pause: int) -> None:
    rate = Rate(per_second=10)
    assert rate.allowed(rate.after(None, NOW, 1), NOW + pause * SECOND) == 1


def test_a_clock_that_was_set_back_stops_nothing() -> None:
    rate = Rate(per_second=2)
    next_at = rate.after(None, NOW, 1)
    assert rate.allowed(next_at, NOW - timedelta(hours=1)) == 1
    assert rate.after(next_at, NOW - timedelta(hours=1), 1) < NOW


def test_a_process_whose_clock_is_behind_waits_and_does_not_think_so() -> None:
    rate = Rate(per_second=2)
    assert rate.allowed(rate.after(None, NOW, 1), NOW - AHEAD + MS) == 0
