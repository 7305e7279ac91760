"""The one retry policy: tenacity's wait and stop objects, asked about a history that the database keeps.

tenacity's own loop would sleep inside the process, hold a slot meanwhile and forget its count in a crash. So the same
objects decide, and the answer becomes a due time in the row: a restart in the middle of a wait changes nothing.
"""

from datetime import datetime, timedelta

from tenacity import AsyncRetrying, RetryCallState, stop_after_delay, wait_exponential_jitter
from tenacity.wait import wait_base

from bridge.domain.outcome import NotSent, Outcome

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
LONGEST_RETRY_AFTER_S = 3600.0
LONGEST_PAGE_WAIT_S = 300.0
"""A gateway may ask for an hour; a page asks again after this, since somebody is to be woken. Its rest holds for all
other traffic."""


class wait_as_told(wait_base):  # noqa: N801 - named as tenacity names its waits
    """What the gateway asked for by `Retry-After`, where that is longer than the wait of ours."""

    def __init__(self, otherwise: wait_base, longest_s: float) -> None:
        """`longest_s`: of what the gateway asks for, no more is kept to."""
        self._otherwise = otherwise
        self._longest_s = longest_s

    def __call__(self, retry_state: RetryCallState) -> float:
        """Seconds to wait before the next attempt."""
        ours = self._otherwise(retry_state)
        outcome = retry_state.outcome.result() if retry_state.outcome else None
        told = outcome.retry_after_s if isinstance(outcome, NotSent) else None
        return ours if told is None else max(ours, min(told, self._longest_s))


class RetryPolicy:
    """Whether and when an attempt is repeated."""

    def __init__(
        self, retry_for_s: float, *, through_outages: bool = False, longest_told_s: float = LONGEST_RETRY_AFTER_S
    ) -> None:
        """`retry_for_s`: from the first attempt of a round, seconds in which a next one may begin.

        `through_outages`: also a gateway that is out of service is asked again (a page waits for it to be mended);
        else that is the end, at once. `longest_told_s`: a gateway that asks for a longer wait is asked again then.
        """
        self._through_outages = through_outages
        self._policy = AsyncRetrying(
            wait=wait_as_told(
                wait_exponential_jitter(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S, jitter=FIRST_WAIT_S),
                longest_told_s,
            ),
            stop=stop_after_delay(retry_for_s),
        )
        self._retry_for = timedelta(seconds=retry_for_s)

    def next_due(self, outcome: Outcome, *, tries: int, started_at: datetime, now: datetime) -> datetime | None:
        """When to try again after `tries` attempts since `started_at`; None: not any more."""
        if not isinstance(outcome, NotSent) or (outcome.out_of_service and not self._through_outages):
            return None
        state = RetryCallState(self._policy, None, (), {})
        state.attempt_number = tries
        state.set_result(outcome)
        state.start_time = 0.0
        state.outcome_timestamp = (now - started_at).total_seconds()
        if self._policy.stop(state):
            return None
        due = now + timedelta(seconds=self._policy.wait(state))
        # Waiting past the end only to give up then would keep a person waiting for nothing.
        return due if due <= started_at + self._retry_for else None
