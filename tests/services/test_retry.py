from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.services.sms.retry import (
    FIRST_WAIT_S,
    LONGEST_PAGE_WAIT_S,
    LONGEST_RETRY_AFTER_S,
    LONGEST_WAIT_S,
    RetryPolicy,
)

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
FAILED = NotSent(reason=Reason.GATEWAY_FAILED)
repeatable = settings(derandomize=True, deadline=None)

seconds = st.floats(min_value=0, max_value=86400, allow_nan=False)
tries = st.integers(min_value=1, max_value=10_000)


def wait_s(policy: RetryPolicy, outcome: Outcome = FAILED, *, tries: int = 1, after_s: float = 0) -> float | None:
    """Seconds from now until the next attempt; None: there is none."""
    now = START + timedelta(seconds=after_s)
    due = policy.next_due(outcome, tries=tries, started_at=START, now=now)
    return None if due is None else (due - now).total_seconds()


@repeatable
@given(tries=tries)
def test_waits_double_up_to_the_longest_and_jitter_stays_within_its_bounds(tries: int) -> None:
    found = wait_s(RetryPolicy(86400), tries=tries)
    least = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(tries - 1, 60))
    assert found is not None
    assert least <= found + 1e-6
    assert found <= min(LONGEST_WAIT_S, least + FIRST_WAIT_S) + 1e-6


def test_waits_of_two_deliveries_are_not_alike() -> None:
    policy = RetryPolicy(120)
    assert len({wait_s(policy) for _ in range(20)}) > 1


@repeatable
@given(
    told=st.floats(min_value=0, max_value=1e9),
    tries=tries,
    longest_s=st.sampled_from([LONGEST_RETRY_AFTER_S, LONGEST_PAGE_WAIT_S]),
)
def test_what_the_gateway_asks_for_is_honoured_and_capped(told: float, tries: int, longest_s: float) -> None:
    policy = RetryPolicy(86400, longest_told_s=longest_s)
    found = wait_s(policy, NotSent(reason=Reason.BUSY, retry_after_s=told), tries=tries)
    assert found is not None
    assert found >= min(told, longest_s) - 1e-6
    assert found <= max(min(told, longest_s), LONGEST_WAIT_S) + 1e-6


@repeatable
@given(retry_for_s=seconds, after_s=seconds, tries=tries, told=st.none() | seconds)
def test_no_attempt_begins_after_its_time(retry_for_s: float, after_s: float, tries: int, told: float | None) -> None:
    outcome = NotSent(reason=Reason.BUSY, retry_after_s=told)
    found = wait_s(RetryPolicy(retry_for_s), outcome, tries=tries, after_s=after_s)
    assert found is None or after_s + found <= retry_for_s + 1e-3


@repeatable
@given(after_s=seconds, tries=tries)
def test_zero_means_never(after_s: float, tries: int) -> None:
    assert wait_s(RetryPolicy(0), tries=tries, after_s=after_s) is None


@repeatable
@given(seed=st.randoms(use_true_random=False))
def test_a_gateway_that_always_fails_is_asked_a_few_times_and_then_given_up(seed: object) -> None:
    policy, after_s, attempts = RetryPolicy(120), 0.0, 1
    while (found := wait_s(policy, tries=attempts, after_s=after_s)) is not None:
        assert found > 0
        after_s, attempts = after_s + found, attempts + 1
    assert 7 <= attempts <= 12
    assert after_s <= 120


@pytest.mark.parametrize(
    "outcome",
    [
        Accepted(),
        Rejected(reason=Reason.BAD_NUMBER),
        Rejected(reason=Reason.BAD_NUMBER, split=True),
        NotSent(reason=Reason.NO_BALANCE, out_of_service=True),
        NotSent(reason=Reason.BAD_KEY, out_of_service=True, retry_after_s=1),
        Unknown(reason=Reason.NO_ANSWER),
    ],
    ids=repr,
)
def test_only_what_was_certainly_not_sent_and_may_pass_is_tried_again(outcome: Outcome) -> None:
    assert wait_s(RetryPolicy(120), outcome) is None


@pytest.mark.parametrize("outcome", [NotSent(reason=Reason.NO_BALANCE, out_of_service=True)], ids=repr)
def test_a_page_waits_for_a_gateway_that_is_out_to_be_mended(outcome: Outcome) -> None:
    assert wait_s(RetryPolicy(120, through_outages=True), outcome) is not None
    assert wait_s(RetryPolicy(120, through_outages=True), Rejected(reason=Reason.BAD_NUMBER)) is None


def test_a_clock_that_went_back_makes_no_trouble() -> None:
    assert wait_s(RetryPolicy(120), after_s=-3600) is not None
