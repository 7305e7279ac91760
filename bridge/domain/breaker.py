"""Whether a gateway is worth asking: out after repeated failures, and tried again with one real message at a time.

A breaker only puts a gateway behind the others; where there is no other, it is asked all the same. So its probes are
messages that were to be sent anyway, and cost no SMS of their own.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown

FAILURES = 3
"""Calls in a row that failed: then the gateway is out."""

FIRST_PROBE = timedelta(seconds=15)
LONGEST_PROBE = timedelta(minutes=5)
"""Between two messages that find out whether it is back; the wait doubles."""

LONGEST_REST = timedelta(hours=1)
"""A gateway may ask for more; it is not believed."""

CLOCKS_DIFFER = timedelta(seconds=10)
"""Those of processes on several machines; what is further ahead was written by a clock that was wrong."""

# Of these nobody knows, but the gateway is the likely cause; the others say nothing about it.
_ITS_FAULT = frozenset({Reason.NO_ANSWER, Reason.CUT, Reason.UNREADABLE, Reason.TOO_LARGE, Reason.SERVER_ERROR})
# It answered, and the number or the text is to blame.
_NOT_ITS_FAULT = frozenset({Reason.BAD_NUMBER, Reason.EMPTY_TEXT, Reason.REFUSED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Breaker:
    """How a gateway does. `out_since`: None while it is in. `rests_until`: it asked not to be called before that."""

    gateway: str
    failures: int = 0
    reason: Reason | None = None
    out_since: datetime | None = None
    probe_at: datetime | None = None
    probe_every: timedelta = FIRST_PROBE
    rests_until: datetime | None = None

    def rank(self, now: datetime) -> int:
        """Smaller is asked first: 0 in, or due to be probed; 1 out; 2 it asked for rest."""
        if self.rests(now):
            return 2
        return 0 if self.out_since is None or self._may_be_probed(now) else 1

    def _may_be_probed(self, now: datetime) -> bool:
        """Also where the time to wait for is further away than any wait: our clock was ahead when it was noted."""
        return self.probe_at is None or not timedelta(0) < self.probe_at - now <= LONGEST_PROBE

    def rests(self, now: datetime) -> bool:
        """Whether it asked not to be called now."""
        return self.rest(now) > timedelta(0)

    def rest(self, now: datetime) -> timedelta:
        """For how long it asked not to be called."""
        if self.rests_until is None or not now < self.rests_until <= now + LONGEST_REST:
            return timedelta(0)
        return self.rests_until - now

    def probed(self, now: datetime) -> "Breaker":
        """A call goes to it now: while it is out, the next one only after a while."""
        if self.out_since is None or not self._may_be_probed(now):
            return self
        return replace(self, probe_at=now + self.probe_every)

    def heard(self, outcome: Outcome, claimed_at: datetime, now: datetime) -> "Breaker":
        """After a call that began at `claimed_at`."""
        match outcome:
            case Accepted():
                works = True
            case Rejected(reason=reason) if reason in _NOT_ITS_FAULT:
                works = True
            case NotSent():
                works = False
            case Unknown(reason=reason) if reason in _ITS_FAULT:
                works = False
            case _:
                return self
        if works:
            # What was under way when it went out tells nothing of now.
            return self if self._was_under_way(claimed_at, now) else Breaker(gateway=self.gateway)
        return self._failed(outcome, claimed_at, now)

    def _was_under_way(self, claimed_at: datetime, now: datetime) -> bool:
        """When the gateway went out; that this lies well ahead only says that our clock was ahead then."""
        return self.out_since is not None and claimed_at < self.out_since <= now + CLOCKS_DIFFER

    def _failed(self, outcome: Outcome, claimed_at: datetime, now: datetime) -> "Breaker":
        told = outcome.retry_after_s if isinstance(outcome, NotSent) else None
        rests_until = self.rests_until if told is None else now + min(timedelta(seconds=told), LONGEST_REST)
        failures = self.failures + 1
        at_once = isinstance(outcome, NotSent) and outcome.out_of_service
        failed = replace(self, failures=failures, reason=outcome.reason, rests_until=rests_until)
        if self._was_under_way(claimed_at, now):
            return failed  # and is no probe
        if self.out_since is not None:
            every = min(2 * self.probe_every, LONGEST_PROBE)
            return replace(failed, probe_every=every, probe_at=now + every)
        if at_once or failures >= FAILURES:
            return replace(failed, out_since=now, probe_at=now + FIRST_PROBE, probe_every=FIRST_PROBE)
        return failed
