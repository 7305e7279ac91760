"""The life of a delivery: states, the moves between them, and what follows from an outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bridge.domain.outcome import Accepted, NotSent, Outcome, Rejected


class State(StrEnum):
    """Where a delivery is. The meaning of each stands in the README, "What each outcome means"."""

    HELD = "held"
    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


class Cause(StrEnum):
    """Who or what moves a delivery."""

    CONFIRM = "confirm"  # a person lets a held one go (also /resume)
    CANCEL = "cancel"  # a person, or nobody confirmed in time
    HOLD = "hold"  # /pause, or it went stale in an absence
    CLAIM = "claim"  # the attempt is written down, the call follows
    ANSWER = "answer"  # the outcome of the current attempt
    CRASH = "crash"  # its owner is gone in the middle of the call
    GIVE_UP = "give_up"  # nobody is left that could be asked, or no number to ask about
    RESEND = "resend"  # a person sends it once more
    PAGE_RULE = "page_rule"  # a page of which nobody knows: twice is cheaper than never


# The one table of moves: (from, cause) -> where it may go. Everything else is refused.
MOVES: Mapping[tuple[State, Cause], frozenset[State]] = {
    (State.HELD, Cause.CONFIRM): frozenset({State.QUEUED}),
    (State.HELD, Cause.CANCEL): frozenset({State.CANCELLED}),
    (State.QUEUED, Cause.CLAIM): frozenset({State.SENDING}),
    (State.QUEUED, Cause.CANCEL): frozenset({State.CANCELLED}),
    (State.QUEUED, Cause.HOLD): frozenset({State.HELD}),
    (State.QUEUED, Cause.GIVE_UP): frozenset({State.FAILED, State.REJECTED}),
    (State.SENDING, Cause.ANSWER): frozenset(
        {State.ACCEPTED, State.SCHEDULED, State.REJECTED, State.FAILED, State.QUEUED, State.UNKNOWN}
    ),
    (State.SENDING, Cause.CRASH): frozenset({State.UNKNOWN}),
    (State.REJECTED, Cause.RESEND): frozenset({State.QUEUED}),
    (State.FAILED, Cause.RESEND): frozenset({State.QUEUED}),
    (State.UNKNOWN, Cause.RESEND): frozenset({State.QUEUED}),
    (State.UNKNOWN, Cause.PAGE_RULE): frozenset({State.QUEUED}),
    # A late answer to the same attempt may settle what nobody knew; it never queues again by itself.
    (State.UNKNOWN, Cause.ANSWER): frozenset({State.ACCEPTED, State.SCHEDULED, State.REJECTED, State.FAILED}),
}

FINAL = frozenset({State.ACCEPTED, State.SCHEDULED, State.CANCELLED})
"""States that nothing leaves."""

SETTLED = FINAL | {State.REJECTED, State.FAILED, State.UNKNOWN}
"""States in which nothing happens any more by itself."""

RESENDABLE = frozenset(old for old, cause in MOVES if cause is Cause.RESEND)


class IllegalMove(ValueError):
    """A move that the table does not know. Nothing was changed."""


def sources(cause: Cause, new: State) -> tuple[State, ...]:
    """The states from which `cause` may lead to `new`: what a guarded UPDATE asks for. Never empty.

    Raises `IllegalMove` when the table has no such move.
    """
    found = tuple(old for (old, by), news in MOVES.items() if by is cause and new in news)
    if not found:
        raise IllegalMove(f"nothing becomes {new} by {cause}")
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Next:
    """What follows from an outcome: the new state; for `queued`, when it is due and in lists of at most which size.

    `asked`: the gateways that were asked in this pass, as `domain.failover` writes them.
    """

    state: State
    due_at: datetime | None = None
    group_size: int | None = None
    asked: str = ""


def follow(outcome: Outcome, *, listed: int, now: datetime, retry_at: datetime | None) -> Next:
    """What becomes of a delivery whose call ended with `outcome`, when no other gateway is left in this pass.

    `listed`: how many numbers the call carried. `retry_at`: when the retry policy tries again, None when it gives up.
    """
    match outcome:
        case Accepted(scheduled=scheduled):
            return Next(state=State.SCHEDULED if scheduled else State.ACCEPTED)
        case Rejected(split=True) if listed > 1:
            return Next(state=State.QUEUED, due_at=now, group_size=max(1, listed // 2))
        case Rejected():
            return Next(state=State.REJECTED)
        case NotSent() if retry_at is not None:
            return Next(state=State.QUEUED, due_at=retry_at)
        case NotSent():
            return Next(state=State.FAILED)
    return Next(state=State.UNKNOWN)
