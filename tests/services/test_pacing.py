from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.services.chat.pacing import GROUP, OVERALL, PRIVATE, Pacer

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
repeatable = settings(derandomize=True, deadline=None)

chats = st.sampled_from([-3, -2, -1, 1, 2, 3])
pauses = st.sampled_from([0.0, 0.0, 0.0, 0.01, 0.5, 3, 40])


def send_all(wanted: list[tuple[int, float]], pacer: Pacer) -> list[tuple[datetime, int]]:
    """Send to each chat, after its pause, as soon as the pacer lets us; gives when what was sent."""
    now, sent = START, []
    for chat, pause_s in wanted:
        now = max(now + timedelta(seconds=pause_s), pacer.ready_at(chat, now + timedelta(seconds=pause_s)))
        assert pacer.ready_at(chat, now) == now
        pacer.spend(chat, now)
        sent.append((now, chat))
    return sent


def most_within(times: list[datetime], window_s: float) -> int:
    """The largest number of calls in any half-open window of that length."""
    window = timedelta(seconds=window_s)
    return max((sum(start <= at < start + window for at in times) for start in times), default=0)


@repeatable
@given(st.lists(st.tuples(chats, pauses), max_size=120))
def test_no_window_holds_more_than_telegram_takes(wanted: list[tuple[int, float]]) -> None:
    sent = send_all(wanted, Pacer())
    assert most_within([at for at, _ in sent], 1) <= 30
    for chat in {chat for _, chat in sent}:
        own = [at for at, to in sent if to == chat]
        if chat < 0:
            assert most_within(own, 60) <= 20
        assert most_within(own, 10) <= 10 + PRIVATE.burst


def test_a_group_that_always_has_news_leaves_four_calls_a_minute_to_presses() -> None:
    sent = send_all([(-1, 0.0)] * 100, Pacer())
    times = [at for at, _ in sent]
    assert 15 <= most_within(times, 60) <= 16


def test_a_pressed_card_is_shown_at_once_in_a_group_that_always_has_news() -> None:
    pacer, now, times = Pacer(), START, []
    for turn in range(400):
        for pressed in (False, True) if turn % 7 == 0 else (False,):
            if pacer.ready_at(-1, now, pressed=pressed) <= now:
                pacer.spend(-1, now, pressed=pressed)
                times.append(now)
        now += timedelta(seconds=0.5)
    assert 17 <= most_within(times, 60) <= 20
    pacer.waiting(now + timedelta(seconds=61))
    later = now + timedelta(seconds=61)
    while pacer.ready_at(-1, later) <= later:
        pacer.spend(-1, later)
    assert pacer.ready_at(-1, later, pressed=True) == later


def test_many_chats_at_once_are_written_to_nearly_as_fast_as_telegram_takes() -> None:
    times = [at for at, _ in send_all([(chat, 0.0) for chat in range(1, 301)], Pacer())]
    assert 20 <= most_within(times, 1) <= 30


@pytest.mark.parametrize(("chat", "burst"), [(7, PRIVATE.burst), (-7, GROUP.burst)])
def test_a_quiet_chat_may_be_written_to_a_few_times_at_once(chat: int, burst: int) -> None:
    times = [at for at, _ in send_all([(chat, 0.0)] * (burst + 1), Pacer())]
    assert times[:burst] == [START] * burst
    assert times[burst] > START


def test_a_held_chat_does_not_hold_the_others() -> None:
    pacer = Pacer()
    until = START + timedelta(seconds=30)
    pacer.hold(1, until)
    assert pacer.ready_at(1, START) == until
    assert pacer.ready_at(2, START) == START
    assert pacer.global_ready_at(START) == START
    assert pacer.waiting(START) == {1: until}


def test_a_hold_ends_by_itself_and_is_never_made_shorter() -> None:
    pacer = Pacer()
    pacer.hold(1, START + timedelta(seconds=30))
    pacer.hold(1, START + timedelta(seconds=5))
    assert pacer.ready_at(1, START) == START + timedelta(seconds=30)
    later = START + timedelta(seconds=30)
    assert pacer.waiting(later) == {}
    assert pacer.ready_at(1, later) == later


def test_a_chat_that_is_held_and_spent_waits_for_the_later_of_both() -> None:
    pacer = Pacer()
    for _ in range(PRIVATE.burst):
        pacer.spend(1, START)
    spent_until = pacer.ready_at(1, START)
    assert pacer.waiting(START) == {1: spent_until}
    pacer.hold(1, START + timedelta(milliseconds=1))
    assert pacer.waiting(START) == {1: spent_until}
    pacer.hold(1, START + timedelta(seconds=99))
    assert pacer.waiting(START) == {1: START + timedelta(seconds=99)}


@repeatable
@given(st.lists(st.tuples(chats, pauses), max_size=40), st.sampled_from([0.0, 0.3, 2.0, 100.0]))
def test_waiting_names_exactly_the_chats_that_may_not_be_written_to(
    wanted: list[tuple[int, float]], pause_s: float
) -> None:
    pacer = Pacer()
    sent = send_all(wanted, pacer)
    now = (sent[-1][0] if sent else START) + timedelta(seconds=pause_s)
    overall = pacer.global_ready_at(now)
    waiting = pacer.waiting(now)
    for chat in (-3, -2, -1, 1, 2, 3):
        assert pacer.ready_at(chat, now) == max(waiting.get(chat, now), overall)


def test_the_overall_pace_leaves_room_for_answers_to_presses() -> None:
    assert OVERALL.burst + timedelta(seconds=1) / OVERALL.every <= 30


def test_a_hold_is_forgotten_when_the_clock_was_set() -> None:
    pacer = Pacer()
    pacer.hold(1, START + timedelta(hours=3))
    pacer.release()
    assert pacer.ready_at(1, START) == START
