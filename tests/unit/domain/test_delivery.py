from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.delivery import (
    FINAL,
    MOVES,
    RESENDABLE,
    SETTLED,
    Cause,
    IllegalMove,
    Next,
    State,
    follow,
    sources,
)
from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)

# The table of states, written down a second time: what may become what, whoever asks.
MAY_BECOME = {
    "held": {"queued", "cancelled"},
    "queued": {"sending", "cancelled", "held", "failed", "rejected"},
    "sending": {"accepted", "scheduled", "rejected", "failed", "queued", "unknown"},
    "accepted": set(),
    "scheduled": set(),
    "rejected": {"queued"},
    "failed": {"queued"},
    "unknown": {"queued", "accepted", "scheduled", "rejected", "failed"},
    "cancelled": set(),
}


def test_the_moves_are_those_of_the_table() -> None:
    found: dict[str, set[str]] = {state.value: set() for state in State}
    for (old, _), news in MOVES.items():
        found[old.value] |= {new.value for new in news}
    assert found == MAY_BECOME


@pytest.mark.parametrize("cause", list(Cause))
def test_sources_are_the_states_that_may_make_the_move(cause: Cause) -> None:
    for new in State:
        expected = {old for old in State if new in MOVES.get((old, cause), frozenset())}
        if expected:
            assert set(sources(cause, new)) == expected
        else:
            with pytest.raises(IllegalMove):
                sources(cause, new)


def test_nothing_leaves_a_final_state() -> None:
    assert {state for state in State if not MAY_BECOME[state.value]} == FINAL
    assert not {old for old, _ in MOVES} & FINAL


def test_nothing_but_a_person_late_news_or_the_rule_of_pages_moves_what_is_settled() -> None:
    assert {cause for old, cause in MOVES if old in SETTLED} == {Cause.RESEND, Cause.ANSWER, Cause.PAGE_RULE}
    assert {old for old, cause in MOVES if old in SETTLED and cause is Cause.ANSWER} == {State.UNKNOWN}


def test_only_what_certainly_or_possibly_did_not_arrive_is_sent_again() -> None:
    assert {State.REJECTED, State.FAILED, State.UNKNOWN} == RESENDABLE


def test_nothing_but_a_claim_leads_to_sending() -> None:
    assert {cause for (_, cause), news in MOVES.items() if State.SENDING in news} == {Cause.CLAIM}


OUT = NotSent(reason=Reason.NO_BALANCE, out_of_service=True)
AGAIN = NotSent(reason=Reason.GATEWAY_FAILED)
SPLIT = Rejected(reason=Reason.BAD_NUMBER, split=True)


@pytest.mark.parametrize(
    ("outcome", "listed", "retry_at", "expected"),
    [
        (Accepted(), 1, None, Next(state=State.ACCEPTED)),
        (Accepted(), 7, LATER, Next(state=State.ACCEPTED)),
        (Accepted(scheduled=True), 1, None, Next(state=State.SCHEDULED)),
        (Rejected(reason=Reason.BAD_NUMBER), 1, LATER, Next(state=State.REJECTED)),
        (Rejected(reason=Reason.EMPTY_TEXT), 8, LATER, Next(state=State.REJECTED)),
        (SPLIT, 1, LATER, Next(state=State.REJECTED)),
        (SPLIT, 2, None, Next(state=State.QUEUED, due_at=NOW, group_size=1)),
        (SPLIT, 3, None, Next(state=State.QUEUED, due_at=NOW, group_size=1)),
        (SPLIT, 100, LATER, Next(state=State.QUEUED, due_at=NOW, group_size=50)),
        (AGAIN, 1, LATER, Next(state=State.QUEUED, due_at=LATER)),
        (AGAIN, 1, None, Next(state=State.FAILED)),
        (OUT, 1, LATER, Next(state=State.QUEUED, due_at=LATER)),
        (OUT, 1, None, Next(state=State.FAILED)),
        (Unknown(reason=Reason.NO_ANSWER), 1, LATER, Next(state=State.UNKNOWN)),
        (Unknown(reason=Reason.NO_ANSWER), 9, None, Next(state=State.UNKNOWN)),
    ],
)
def test_what_follows_from_an_outcome(outcome: Outcome, listed: int, retry_at: datetime | None, expected: Next) -> None:
    assert follow(outcome, listed=listed, now=NOW, retry_at=retry_at) == expected


@pytest.mark.parametrize("listed", [1, 2, 3, 9])
@pytest.mark.parametrize("retry_at", [None, LATER])
@pytest.mark.parametrize(
    "outcome", [Accepted(), Accepted(scheduled=True), SPLIT, OUT, AGAIN, Unknown(reason=Reason.CUT)], ids=repr
)
def test_what_follows_is_always_a_legal_move(outcome: Outcome, listed: int, retry_at: datetime | None) -> None:
    following = follow(outcome, listed=listed, now=NOW, retry_at=retry_at)
    assert following.state in MOVES[State.SENDING, Cause.ANSWER]
    assert (following.state is State.QUEUED) == (following.due_at is not None)


def test_a_list_that_is_halved_again_and_again_ends_with_single_numbers() -> None:
    size, turns = 1000, 0
    while size > 1:
        following = follow(SPLIT, listed=size, now=NOW, retry_at=None)
        assert following.group_size is not None
        assert following.group_size < size
        size, turns = following.group_size, turns + 1
    assert turns == 9
    assert follow(SPLIT, listed=size, now=NOW, retry_at=None).state is State.REJECTED
