"""The state table, walked in the store: what it does not know changes nothing."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import Connection, select

from bridge.domain.delivery import MOVES, Cause, IllegalMove, Next, State
from bridge.domain.outcome import Accepted, GatewayWords, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.store import messages, outcomes, queue, switches
from bridge.store.tables import attempts
from bridge.store.tables import deliveries as deliveries_table
from tests.support.outbox import add_message, attempt_rows, claim, finished, put_in_state, states

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
BUTTONS = NOW + timedelta(minutes=15)

OUTCOMES: dict[State, Outcome] = {
    State.ACCEPTED: Accepted(words=GatewayWords(code="1000", sms_id="A1")),
    State.SCHEDULED: Accepted(reason=Reason.SCHEDULED, scheduled=True),
    State.REJECTED: Rejected(reason=Reason.BAD_NUMBER, words=GatewayWords(code="1005")),
    State.FAILED: NotSent(reason=Reason.GATEWAY_FAILED),
    State.QUEUED: NotSent(reason=Reason.GATEWAY_FAILED),
    State.UNKNOWN: Unknown(reason=Reason.NO_ANSWER),
}


def may(old: State, cause: Cause, new: State) -> bool:
    return new in MOVES.get((old, cause), frozenset())


def row_of(connection: Connection, message_id: int) -> tuple[object, ...]:
    query = select(deliveries_table).where(deliveries_table.c.message_id == message_id)
    return tuple(connection.execute(query).one())


@pytest.mark.parametrize("cause", list(Cause))
def test_a_message_moves_only_along_the_table(connection: Connection, cause: Cause) -> None:
    for old, new in product(State, State):
        message = add_message(connection, now=NOW)
        put_in_state(connection, message, old)
        before = row_of(connection, message)
        try:
            moved = messages.move(connection, message, cause, new, now=LATER)
        except IllegalMove:
            assert not any(may(state, cause, new) for state in State)
            moved = 0
        assert moved == may(old, cause, new), (old, cause, new)
        if moved:
            assert states(connection, message) == [new]
        else:
            assert row_of(connection, message) == before


@pytest.mark.parametrize("old", list(State))
def test_only_what_is_queued_is_claimed(connection: Connection, old: State) -> None:
    message = add_message(connection, now=NOW)
    put_in_state(connection, message, old)
    before = row_of(connection, message)
    calls = claim(connection, now=LATER)
    if may(old, Cause.CLAIM, State.SENDING):
        assert [one.attempt for call in calls for one in call.deliveries] == [1]
        assert states(connection, message) == ["sending"]
    else:
        assert calls == []
        assert row_of(connection, message) == before


@pytest.mark.parametrize("old", list(State))
def test_an_answer_moves_only_along_the_table(connection: Connection, old: State) -> None:
    for new in OUTCOMES:
        put_in_state(connection, answer_moves(connection, old, new), State.CANCELLED)


def answer_moves(connection: Connection, old: State, new: State) -> int:
    """Holds the store against the table for one move; gives the message."""
    message = add_message(connection, now=NOW)
    (call,) = claim(connection, now=NOW)
    put_in_state(connection, message, old)
    before = row_of(connection, message)
    news = finished(call, call.deliveries[0], OUTCOMES[new], Next(state=new, due_at=LATER))
    took = outcomes.finish(connection, [news], now=LATER, buttons_until=BUTTONS)
    assert took == may(old, Cause.ANSWER, new)
    if took:
        assert states(connection, message) == [new]
    else:
        assert row_of(connection, message) == before
    return message


@pytest.mark.parametrize("old", list(State))
def test_after_a_crash_only_what_was_being_sent_is_unknown(connection: Connection, old: State) -> None:
    message = add_message(connection, now=NOW)
    claim(connection, now=NOW)
    put_in_state(connection, message, old)
    before = row_of(connection, message)
    found = outcomes.abandon(connection, now=LATER, buttons_until=BUTTONS)
    if may(old, Cause.CRASH, State.UNKNOWN):
        assert found == [message]
        assert states(connection, message) == ["unknown"]
    else:
        assert found == []
        assert row_of(connection, message) == before


def test_what_the_one_who_asks_has_claimed_is_not_abandoned(connection: Connection) -> None:
    mine, others = add_message(connection, now=NOW), add_message(connection, now=NOW)
    claim(connection, now=NOW, only_message=mine, process="mine")
    claim(connection, now=NOW, only_message=others, process="other")
    assert outcomes.abandon(connection, now=LATER, buttons_until=BUTTONS, but_of=["mine"]) == [others]
    assert (states(connection, mine), states(connection, others)) == (["sending"], ["unknown"])
    attempts = {(delivery, outcome) for delivery, _, _, outcome in attempt_rows(connection)}
    assert {outcome for _, outcome in attempts} == {"", "unknown"}


def answer(connection: Connection, call: queue.Call, outcome: Outcome, following: Next) -> int:
    news = [finished(call, one, outcome, following) for one in call.deliveries]
    return outcomes.finish(connection, news, now=LATER, buttons_until=BUTTONS)


def test_news_of_an_older_attempt_is_kept_with_it_and_overwrites_nothing(connection: Connection) -> None:
    message = add_message(connection, now=NOW)
    (first,) = claim(connection, now=NOW)
    outcomes.abandon(connection, now=NOW, buttons_until=BUTTONS)
    messages.move(connection, message, Cause.RESEND, State.QUEUED, now=NOW)
    (second,) = claim(connection, now=NOW)
    assert second.deliveries[0].attempt == 2
    assert answer(connection, first, OUTCOMES[State.REJECTED], Next(state=State.REJECTED)) == 0
    assert states(connection, message) == ["sending"]
    assert answer(connection, second, OUTCOMES[State.ACCEPTED], Next(state=State.ACCEPTED)) == 1
    assert states(connection, message) == ["accepted"]
    assert [outcome for _, _, _, outcome in attempt_rows(connection)] == ["rejected", "accepted"]


def test_what_an_attempt_certainly_came_to_is_not_overwritten_by_repeated_news(connection: Connection) -> None:
    add_message(connection, now=NOW)
    (call,) = claim(connection, now=NOW)
    assert answer(connection, call, OUTCOMES[State.ACCEPTED], Next(state=State.ACCEPTED)) == 1
    assert answer(connection, call, OUTCOMES[State.UNKNOWN], Next(state=State.UNKNOWN)) == 0
    kept = connection.execute(select(attempts.c.outcome, attempts.c.code, attempts.c.sms_id)).one()
    assert tuple(kept) == ("accepted", "1000", "A1")


def test_after_a_crash_nothing_shows_the_words_of_an_earlier_attempt(connection: Connection) -> None:
    message = add_message(connection, now=NOW)
    (first,) = claim(connection, now=NOW)
    busy = NotSent(reason=Reason.GATEWAY_FAILED, words=GatewayWords(code="1009", type="sending_failed", error="x"))
    answer(connection, first, busy, Next(state=State.QUEUED, due_at=NOW))
    claim(connection, now=LATER)
    outcomes.abandon(connection, now=LATER, buttons_until=BUTTONS)
    view = messages.view(connection, message)
    assert view is not None
    (line,) = view.lines
    assert (line.state, line.reason) == (State.UNKNOWN, "interrupted")
    assert (line.code, line.type, line.error, line.detail, line.sms_id) == ("", "", "", "", "")


def test_a_resend_starts_a_new_round_and_keeps_counting_attempts(connection: Connection) -> None:
    message = add_message(connection, now=NOW)
    (call,) = claim(connection, now=NOW)
    answer(connection, call, OUTCOMES[State.QUEUED], Next(state=State.QUEUED, due_at=NOW))
    (call,) = claim(connection, now=NOW)
    assert (call.deliveries[0].attempt, call.deliveries[0].tries) == (2, 2)
    assert call.deliveries[0].round_started_at == NOW
    answer(connection, call, OUTCOMES[State.FAILED], Next(state=State.FAILED))
    messages.move(connection, message, Cause.RESEND, State.QUEUED, now=LATER)
    (call,) = claim(connection, now=LATER)
    assert (call.deliveries[0].attempt, call.deliveries[0].tries) == (3, 1)
    assert call.deliveries[0].round_started_at == LATER


def test_only_some_states_are_moved_when_asked_so(connection: Connection) -> None:
    message = add_message(connection, 2, now=NOW)
    first, second = claim(connection, 2, now=NOW)
    answer(connection, first, OUTCOMES[State.UNKNOWN], Next(state=State.UNKNOWN))
    answer(connection, second, OUTCOMES[State.FAILED], Next(state=State.FAILED))
    moved = messages.move(connection, message, Cause.RESEND, State.QUEUED, now=NOW, only={State.UNKNOWN})
    assert moved == 1
    assert states(connection, message) == ["queued", "failed"]


def test_nothing_is_claimed_while_paused(connection: Connection) -> None:
    add_message(connection, now=NOW)
    switches.put(connection, switches.PAUSED, "on", by="Ama", now=NOW)
    assert claim(connection, now=NOW) == []
    assert switches.drop(connection, switches.PAUSED)
    assert len(claim(connection, now=NOW)) == 1


def test_what_is_not_due_is_not_claimed(connection: Connection) -> None:
    add_message(connection, now=LATER)
    assert claim(connection, now=LATER - timedelta(microseconds=1)) == []
    assert queue.next_due(connection) == LATER
    assert len(claim(connection, now=LATER)) == 1
    assert queue.next_due(connection) is None


def test_smaller_messages_pass_large_ones(connection: Connection) -> None:
    bulk = add_message(connection, 50, now=NOW, priority=queue.PRIORITY_BULK)
    single = add_message(connection, 1, now=LATER)
    assert [call.message_id for call in claim(connection, 3, now=LATER)] == [single, bulk, bulk]


def test_only_one_message_is_claimed_when_asked_so(connection: Connection) -> None:
    add_message(connection, 2, now=NOW)
    mine = add_message(connection, 2, now=NOW)
    assert {call.message_id for call in claim(connection, 4, now=NOW, only_message=mine)} == {mine}


def test_of_several_outcomes_those_that_changed_something_are_told_apart(connection: Connection) -> None:
    add_message(connection, 3, now=NOW)
    first, cut, gone = claim(connection, 3, now=NOW)
    put_in_state(connection, gone.message_id, State.UNKNOWN)
    news = [
        finished(first, first.deliveries[0], Accepted(), Next(state=State.ACCEPTED)),
        finished(cut, cut.deliveries[0], Unknown(reason=Reason.CUT), Next(state=State.UNKNOWN)),
        finished(gone, gone.deliveries[0], OUTCOMES[State.REJECTED], Next(state=State.REJECTED)),
    ]
    assert outcomes.finish(connection, news, now=LATER, buttons_until=BUTTONS) == 2
    assert outcomes.taken(connection, news, LATER) == [news[0], news[2]]
