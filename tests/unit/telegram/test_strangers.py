"""How often strangers are told anything."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.telegram.strangers import MOST, Strangers
from tests.support.manual_clock import ManualClock


def test_each_is_told_once_in_sixty_seconds_whatever_the_clock_s_minute() -> None:
    clock = ManualClock()
    strangers = Strangers(clock)
    clock.advance(59)
    assert strangers.may_be_told(1)
    for seconds in (1, 30, 28):
        clock.advance(seconds)
        assert not strangers.may_be_told(1)
    clock.advance(1)
    assert strangers.may_be_told(1)


def test_all_of_them_together_are_told_a_bounded_number_of_times() -> None:
    clock = ManualClock()
    strangers = Strangers(clock)
    assert [strangers.may_be_told(one) for one in range(MOST + 5)] == [True] * MOST + [False] * 5
    clock.advance(60)
    assert strangers.may_be_told(MOST + 1)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), max_size=200))
def test_in_no_minute_is_more_said_than_that(asked: list[tuple[int, int]]) -> None:
    """(seconds since the last, who asks)"""
    clock = ManualClock()
    strangers = Strangers(clock)
    at, told = 0, []
    for seconds, who in asked:
        clock.advance(seconds)
        at += seconds
        if strangers.may_be_told(who):
            told.append((at, who))
    for start, _ in told:
        within = [who for when, who in told if start <= when < start + 60]
        assert len(within) == len(set(within)) <= MOST
