from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.breaker import FAILURES, FIRST_PROBE, LONGEST_PROBE, Breaker
from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NEW = Breaker(gateway="one")
FAILS = NotSent(reason=Reason.UNREACHABLE)
BROKE = NotSent(reason=Reason.NO_BALANCE, out_of_service=True)
SILENT = Unknown(reason=Reason.NO_ANSWER)


def after(*outcomes: Outcome, breaker: Breaker = NEW, every: timedelta = SECOND) -> Breaker:
    """One a second, each call begun when it ended."""
    for index, outcome in enumerate(outcomes):
        at = NOW + index * every
        breaker = breaker.heard(outcome, at, at)
    return breaker


@pytest.mark.parametrize("outcome", [FAILS, SILENT, NotSent(reason=Reason.BUSY)])
def test_it_is_out_after_so_many_failures_in_a_row(outcome: Outcome) -> None:
    assert after(*[outcome] * (FAILURES - 1)).out_since is None
    out = after(*[outcome] * FAILURES)
    assert (out.out_since, out.reason) == (NOW + (FAILURES - 1) * SECOND, outcome.reason)


def test_what_a_person_must_mend_puts_it_out_at_once() -> None:
    assert after(BROKE).out_since == NOW


@pytest.mark.parametrize(
    "good", [Accepted(), *(Rejected(reason=one) for one in (Reason.BAD_NUMBER, Reason.EMPTY_TEXT, Reason.REFUSED))]
)
def test_a_call_that_was_taken_or_refused_for_its_own_sake_ends_the_row(good: Outcome) -> None:
    assert after(FAILS, FAILS, good) == NEW
    assert after(FAILS, FAILS, good, FAILS, FAILS).out_since is None


@pytest.mark.parametrize(
    "outcome", [Unknown(reason=Reason.INTERRUPTED), Unknown(reason=Reason.REPEATED_ID), Rejected(reason=Reason.BUSY)]
)
def test_what_says_nothing_about_it_changes_nothing(outcome: Outcome) -> None:
    assert after(FAILS, FAILS, outcome) == after(FAILS, FAILS)


def test_what_was_under_way_when_it_went_out_does_not_bring_it_back_and_a_later_call_does() -> None:
    out = after(BROKE)
    assert out.heard(Accepted(), NOW - SECOND, NOW + SECOND) == out
    assert out.heard(Accepted(), NOW + SECOND, NOW + 2 * SECOND) == NEW


def test_while_it_is_out_one_call_a_while_goes_first_to_it() -> None:
    out = after(BROKE)
    assert out.rank(NOW) == 1
    assert out.probed(NOW) == out
    due = NOW + FIRST_PROBE
    assert out.rank(due) == 0
    assert out.probed(due).rank(due) == 1
    assert out.probed(due).rank(due + FIRST_PROBE) == 0


def test_a_probe_that_fails_doubles_the_wait_up_to_a_limit() -> None:
    out, waits = after(BROKE), []
    for _ in range(8):
        assert out.probe_at is not None
        at = out.probe_at
        out = out.heard(FAILS, at, at)
        assert out.probe_at is not None
        waits.append(out.probe_at - at)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (2 * FIRST_PROBE, LONGEST_PROBE)
    assert out.out_since == NOW


def test_one_that_asked_for_rest_comes_last_until_then() -> None:
    resting = NEW.heard(NotSent(reason=Reason.BUSY, retry_after_s=60), NOW, NOW)
    assert resting.rank(NOW + 59 * SECOND) == 2
    assert resting.rank(NOW + 60 * SECOND) == 0


def test_one_that_is_in_is_not_probed() -> None:
    assert NEW.probed(NOW) == NEW
    assert NEW.rank(NOW) == 0


@given(st.lists(st.sampled_from([Accepted(), FAILS, BROKE, SILENT, Rejected(reason=Reason.BAD_NUMBER)]), max_size=30))
def test_out_of_any_history_one_acceptance_brings_it_back(outcomes: list[Outcome]) -> None:
    breaker = after(*outcomes)
    at = NOW + timedelta(hours=1)
    assert breaker.heard(Accepted(), at, at) == NEW
    assert (breaker.out_since is None) == (breaker.probe_at is None)


def test_a_clock_that_was_ahead_and_was_put_right_keeps_no_gateway_out() -> None:
    ahead = NOW + timedelta(days=300)
    out = NEW.heard(BROKE, ahead, ahead)
    assert out.rank(NOW) == 0
    assert out.probed(NOW).rank(NOW) == 1
    resting = NEW.heard(NotSent(reason=Reason.BUSY, retry_after_s=60), ahead, ahead)
    assert resting.rank(NOW) == 0


def test_what_is_accepted_now_brings_back_one_that_went_out_by_a_clock_that_was_ahead() -> None:
    ahead = NOW + timedelta(days=1)
    out = NEW.heard(BROKE, ahead, ahead)
    assert out.heard(Accepted(), NOW, NOW + SECOND) == NEW


def test_a_clock_that_differs_a_little_makes_no_news_of_what_was_under_way() -> None:
    out = NEW.heard(BROKE, NOW, NOW + SECOND)  # by a process whose clock is a second ahead
    assert out.heard(Accepted(), NOW - SECOND, NOW) == out


def test_a_gateway_that_asks_for_days_of_rest_gets_an_hour() -> None:
    resting = NEW.heard(NotSent(reason=Reason.BUSY, retry_after_s=1e6), NOW, NOW)
    assert resting.rank(NOW + timedelta(minutes=59)) == 2
    assert resting.rank(NOW + timedelta(minutes=61)) == 0


def test_calls_that_were_under_way_when_it_went_out_do_not_put_off_the_next_probe() -> None:
    out = after(BROKE)
    late = out.heard(SILENT, NOW - SECOND, NOW + 5 * SECOND)
    assert (late.probe_at, late.probe_every) == (out.probe_at, out.probe_every)
