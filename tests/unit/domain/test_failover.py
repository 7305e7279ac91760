from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.failover import Mark, Way, country_of, left, mark_of, next_pass, read_asked, sum_up, write_asked
from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown

GHANA, TOGO, UK = "+233241109433", "+22890112345", "+447400123456"
ANY, LOCAL, WEST = (
    Way(name="any"),
    Way(name="local", countries=frozenset({"GH"})),
    Way(name="west", countries=frozenset({"GH", "TG"})),
)
BUSY = NotSent(reason=Reason.BUSY, retry_after_s=7)
BROKE = NotSent(reason=Reason.NO_BALANCE, out_of_service=True)
NO_NUMBER = Rejected(reason=Reason.BAD_NUMBER)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_:-]{0,20}", fullmatch=True), st.sampled_from(Mark), max_size=6))
def test_what_is_written_of_those_asked_is_read_again_in_the_same_order(asked: dict[str, Mark]) -> None:
    found = read_asked(write_asked(asked))
    assert list(found.items()) == list(asked.items())


@pytest.mark.parametrize(
    ("ways", "number", "asked", "expected"),
    [
        ([ANY], GHANA, [], ["any"]),
        ([ANY], GHANA, ["any"], []),
        ([LOCAL, ANY], GHANA, [], ["local", "any"]),
        ([LOCAL, ANY], GHANA, ["local"], ["any"]),
        ([LOCAL, WEST, ANY], TOGO, [], ["west", "any"]),
        ([LOCAL, WEST, ANY], UK, [], ["any"]),
        ([LOCAL, WEST, ANY], UK, ["any"], []),
        ([WEST, LOCAL], UK, [], ["west", "local"]),  # nobody names the country: all may be asked
        ([WEST, LOCAL], UK, ["west"], ["local"]),
        ([LOCAL], "no number", [], ["local"]),
    ],
)
def test_those_left_are_those_for_the_country_that_were_not_asked(
    ways: Sequence[Way], number: str, asked: list[str], expected: list[str]
) -> None:
    assert [way.name for way in left(ways, number, asked)] == expected


@pytest.mark.parametrize(("number", "expected"), [(GHANA, "GH"), (TOGO, "TG"), (UK, "GB"), ("+999123", ""), ("x", "")])
def test_the_country_of_a_number(number: str, expected: str) -> None:
    assert country_of(number) == expected


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Accepted(), None),
        (NO_NUMBER, Mark.NEVER),
        (Rejected(reason=Reason.REFUSED), Mark.NEVER),
        (Rejected(reason=Reason.BAD_NUMBER, split=True), None),  # one of a list: the same gateway is asked by halves
        (Rejected(reason=Reason.EMPTY_TEXT), Mark.NEVER),
        (BUSY, Mark.AGAIN),
        (BROKE, Mark.OUT),
        (Unknown(reason=Reason.CUT), Mark.AGAIN),
    ],
)
def test_what_is_noted_of_a_gateway(outcome: Outcome, expected: Mark | None) -> None:
    assert mark_of(outcome) is expected


@pytest.mark.parametrize(
    ("outcome", "marks", "expected"),
    [
        (BUSY, [Mark.AGAIN], BUSY),
        (BROKE, [Mark.OUT], BROKE),
        (BROKE, [Mark.OUT, Mark.NEVER], BROKE),
        (BROKE, [Mark.AGAIN, Mark.OUT], NotSent(reason=Reason.NO_BALANCE)),
        (NO_NUMBER, [Mark.NEVER], NO_NUMBER),
        (NO_NUMBER, [Mark.NEVER, Mark.NEVER], NO_NUMBER),
        (NO_NUMBER, [Mark.OUT, Mark.NEVER], NotSent(reason=Reason.BAD_NUMBER, out_of_service=True)),
        (NO_NUMBER, [Mark.OUT, Mark.AGAIN, Mark.NEVER], NotSent(reason=Reason.BAD_NUMBER)),
        (Unknown(reason=Reason.CUT), [Mark.OUT, Mark.AGAIN], Unknown(reason=Reason.CUT)),
        (Accepted(), [Mark.OUT], Accepted()),
    ],
)
def test_a_pass_ends_as_hopefully_as_the_most_hopeful_of_its_answers(
    outcome: Outcome, marks: list[Mark], expected: Outcome
) -> None:
    assert sum_up(outcome, {f"g{index}": mark for index, mark in enumerate(marks)}) == expected


def test_a_refusal_is_not_the_end_while_another_one_only_asked_for_rest() -> None:
    asked = {"a": Mark.NEVER}
    assert sum_up(NO_NUMBER, asked) == NO_NUMBER
    assert sum_up(NO_NUMBER, asked, waits=True) == NotSent(reason=Reason.BAD_NUMBER)


def test_a_new_pass_leaves_out_only_who_refused_the_number() -> None:
    assert next_pass({"a": Mark.AGAIN, "b": Mark.OUT, "c": Mark.NEVER}) == {"c": Mark.NEVER}
