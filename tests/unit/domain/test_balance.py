from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.balance import Level, Said, Told, amount, level_of, news
from bridge.domain.wording import BALANCES

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
MARK = 100.0


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def told(balance: float, began: float) -> Told:
    return Told(balance=balance, began=at(began))


class Admins:
    """What they heard; each answer in the order in which it ends."""

    def __init__(self, mark: float = MARK) -> None:
        self.mark = mark
        self.known: Told | None = None
        self.said: Said | None = None
        self.heard: list[Level] = []

    def answered(self, balance: float, *, began: float, ended: float) -> None:
        new, now = told(balance, began), at(ended)
        if not new.is_newer_than(self.known, now):
            return
        self.known = new
        level = news(new, self.mark, self.said, now)
        if level is not None:
            self.said = Said(level=level, at=now)
            self.heard.append(level)


@pytest.mark.parametrize(
    ("balance", "level"),
    [
        (100.01, Level.ENOUGH),
        (100, Level.LOW),
        (10, Level.LOW),
        (9.99, Level.ALMOST_GONE),
        (0, Level.ALMOST_GONE),
        (-3, Level.ALMOST_GONE),
    ],
)
def test_at_the_mark_it_is_low_and_below_a_tenth_almost_gone(balance: float, level: Level) -> None:
    assert level_of(balance, MARK) is level


def test_each_level_has_its_words() -> None:
    assert BALANCES.keys() == set(Level)
    for words in BALANCES.values():
        said = words.format(gateway="textlocal", left="7", mark="100", setting="BRIDGE_TEXTLOCAL_LOW_BALANCE")
        assert "Gateway textlocal" in said
        assert "7 is left" in said
        assert "100" in said


def test_a_fall_and_a_top_up() -> None:
    admins = Admins()
    for second, balance in enumerate([150, 101, 100, 99, 50, 10, 9, 5, 0, 900, 800, 90]):
        admins.answered(balance, began=second, ended=second + 0.5)
    assert admins.heard == [Level.LOW, Level.ALMOST_GONE, Level.ENOUGH, Level.LOW]


def test_a_top_up_that_does_not_reach_the_mark_is_no_end_and_no_new_alarm() -> None:
    admins = Admins()
    for second, balance in enumerate([5, 60, 5, 60, 5]):
        admins.answered(balance, began=second, ended=second + 0.5)
    assert admins.heard == [Level.ALMOST_GONE]


def test_without_a_mark_nothing_is_said() -> None:
    admins = Admins(mark=0)
    admins.answered(0, began=0, ended=1)
    assert admins.heard == []


def test_a_lower_mark_ends_an_alarm_and_a_higher_one_begins_one() -> None:
    admins = Admins()
    admins.answered(90, began=0, ended=1)
    admins.mark = 50
    admins.answered(89, began=2, ended=3)
    admins.mark = 200
    admins.answered(88, began=4, ended=5)
    assert admins.heard == [Level.LOW, Level.ENOUGH, Level.LOW]


def test_what_was_under_way_when_the_alarm_was_said_does_not_end_it() -> None:
    admins = Admins()
    admins.answered(99, began=0, ended=5)
    admins.answered(101, began=4, ended=6)  # the gateway answered it before the other
    assert admins.heard == [Level.LOW]
    admins.answered(101, began=7, ended=8)
    assert admins.heard == [Level.LOW, Level.ENOUGH]


def test_what_was_under_way_when_it_was_topped_up_begins_no_alarm() -> None:
    admins = Admins()
    admins.answered(50, began=0, ended=1)
    admins.answered(5000, began=2, ended=5)
    admins.answered(49, began=1.5, ended=6)
    admins.answered(49, began=4, ended=7)
    assert admins.heard == [Level.LOW, Level.ENOUGH]


def test_of_an_alarm_the_worse_news_is_said_though_its_call_was_under_way() -> None:
    """Fifty calls begin together, and use up the rest: nobody may call again for hours."""
    admins = Admins()
    for balance in (60, 31, 45, 9, 12):
        admins.answered(balance, began=0, ended=5)
    assert admins.heard == [Level.LOW, Level.ALMOST_GONE]
    assert admins.known == told(9, 0)


def test_a_clock_that_was_put_back_silences_nobody() -> None:
    admins = Admins()
    admins.answered(90, began=7200, ended=7201)
    admins.answered(900, began=0, ended=1)
    admins.answered(80, began=2, ended=3)
    assert admins.heard == [Level.LOW, Level.ENOUGH, Level.LOW]


@dataclass(frozen=True)
class Call:
    """Its three moments, in seconds: it begins, the gateway takes it (and says what is left then), it ends."""

    began: float
    taken: float
    ended: float


SPANS = st.integers(0, 50)
CALLS = st.lists(
    st.tuples(SPANS, SPANS, SPANS).map(lambda of: Call(of[0], of[0] + of[1] + 0.25, of[0] + of[1] + of[2] + 0.5)),
    min_size=1,
    max_size=30,
)


def run(calls: list[Call], first: float, price: float, top_ups: dict[int, float]) -> tuple[Admins, float]:
    """What admins hear of a gateway that takes `price` a call, and what is left.

    `top_ups`: by how many calls were taken before.
    """
    left, answers = first, {}
    taken = sorted(range(len(calls)), key=lambda number: calls[number].taken)
    for index, number in enumerate(taken):
        left += top_ups.get(index, 0) - price
        answers[number] = left
    admins = Admins()
    for number, call in sorted(enumerate(calls), key=lambda one: (one[1].ended, one[0])):
        admins.answered(answers[number], began=call.began, ended=call.ended)
    return admins, left


@given(CALLS, st.integers(0, 300), st.integers(1, 40))
def test_while_it_is_only_spent_two_notices_are_the_most_and_no_all_clear_is_among_them(
    calls: list[Call], first: int, price: int
) -> None:
    admins, _ = run(calls, first, price, {})
    assert admins.heard in ([], [Level.LOW], [Level.ALMOST_GONE], [Level.LOW, Level.ALMOST_GONE])


TOP_UPS = st.dictionaries(st.integers(0, 29), st.integers(1, 500), max_size=4)


@given(CALLS, st.integers(0, 300), st.integers(1, 40), TOP_UPS)
def test_each_alarm_has_one_end_and_each_level_is_said_once_in_it(
    calls: list[Call], first: int, price: int, top_ups: dict[int, float]
) -> None:
    heard = [Level.ENOUGH, *run(calls, first, price, top_ups)[0].heard]
    for before, after in pairwise(heard):
        assert after > before or after is Level.ENOUGH
        assert after is not before


@given(CALLS, st.integers(0, 300), st.integers(1, 40), TOP_UPS)
def test_after_a_call_by_itself_admins_know_how_it_stands(
    calls: list[Call], first: int, price: int, top_ups: dict[int, float]
) -> None:
    admins, left = run(calls, first, price, top_ups)
    admins.answered(left - price, began=1000, ended=1001)
    true = level_of(left - price, MARK)
    said = admins.said.level if admins.said else Level.ENOUGH
    assert said is true or Level.LOW is true < said


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-5, 200)), min_size=1), st.randoms(use_true_random=False))
def test_whatever_the_order_of_answers_the_newest_counts(answers: list[tuple[int, int]], chance) -> None:  # type: ignore[no-untyped-def]
    def known(order: list[tuple[int, int]]) -> Told | None:
        admins = Admins()
        for began, balance in order:
            admins.answered(balance, began=began, ended=100)
        return admins.known

    mixed = list(answers)
    chance.shuffle(mixed)
    assert known(mixed) == known(answers)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1162.0, "1162"),
        (15.5359, "15.54"),
        (0.5, "0.5"),
        (100.0, "100"),
        (0.0, "0"),
        (-0.0, "0"),
        (-3.0, "-3"),
        (0.004, "0.004"),
        (123456789012.0, "123456789012"),
    ],
)
def test_an_amount_is_written_as_people_do(value: float, words: str) -> None:
    assert amount(value) == words
