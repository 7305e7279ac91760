import re

import pytest

from bridge.domain.phone import NumberCode, NumberProblem
from bridge.domain.problem_words import WORDS, explain
from bridge.domain.recipients import Problem, Problems, RequestCode, RequestProblem, parse

NOT_ALLOWED = "such numbers are not allowed here (BRIDGE_ALLOWED_COUNTRIES). An admin can change that."
ONLY_BY_NAME = "refused, whatever the settings. An admin can put it into the on-call file; then its @name is taken."


def test_every_code_has_its_words() -> None:
    assert set(WORDS) == {*NumberCode, *RequestCode}


@pytest.mark.parametrize("code", [*NumberCode, *RequestCode])
def test_every_problem_is_one_plain_line(code: NumberCode | RequestCode) -> None:
    problem: Problem
    if isinstance(code, NumberCode):
        problem = NumberProblem(code=code, item="0241109433;", sign=";", readings=("+252888742", "+233252888742"))
    else:
        problem = RequestProblem(code=code, item="@ama")
    words = explain(problem)
    assert words.endswith(".")
    assert words.isprintable()
    assert len(words) < 200
    assert not set("{}<>*_`") & set(re.sub(r"\bBRIDGE_[A-Z_]+", "", words))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("024110WIFE text", "“024110WIFE” is no phone number: it holds the letter “W”."),
        ("1;2 text", "“1;2” is no phone number: it holds “;”. Put a comma between recipients."),
        ('"0241109433" text', '“"0241109433"” is no phone number: it holds “"”. Write it without quotes.'),
        ("“0241109433 text", "““0241109433” is no phone number: it holds ““”. Write it without quotes."),
        (
            "252888742 text",
            "“252888742” can be read as +252888742 or as +233252888742. Write the one you mean, with its +.",
        ),
        ("+447820125799 text", f"“+447820125799” is a number of GB: {NOT_ALLOWED}"),
        ("+80012345678 text", f"“+80012345678” is a number of no country: {NOT_ALLOWED}"),
        ("@ama text", "“@ama” is a name, and there is no on-call file that says who that is."),
        (
            "0241109433 0551234567 text",
            "The text begins with “0551234567”, which could be one more recipient: put a comma between recipients. "
            "If it belongs to the text, put a word before it.",
        ),
        (
            "+233 24 110 9433 text",
            "“+233” is not a whole number: write it without blanks, or put the recipients alone on the first line.",
        ),
    ],
)
def test_the_words_hold_the_facts(arguments: str, words: str) -> None:
    found = parse(arguments, reply_text=None, region="GH", allowed_countries=frozenset({"GH"}))
    assert isinstance(found, Problems)
    assert [explain(problem) for problem in found.problems] == [words]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("+449012345678", f"“+449012345678” is a number of GB at a premium rate: {ONLY_BY_NAME}"),
        ("+4918012345", f"“+4918012345” is a number of DE at shared cost: {ONLY_BY_NAME}"),
    ],
)
def test_a_refused_rate_says_who_can_lift_the_rule(item: str, words: str) -> None:
    found = parse(f"{item} text", reply_text=None, region="GH", allowed_countries=frozenset())
    assert isinstance(found, Problems)
    assert [explain(problem) for problem in found.problems] == [words]


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        ("7" * 40, "“" + "7" * 40 + "”"),
        ("7" * 41, "“" + "7" * 39 + "…”"),
        ("0\u00a01\t2\n3", "“0 1 2 3”"),
        ("\ud8001\0\u202e2", "“\ufffd1\ufffd\ufffd2”"),
        ("{item}", "“{item}”"),
    ],
)
def test_what_was_typed_is_cut_and_made_visible(item: str, shown: str) -> None:
    words = explain(NumberProblem(code=NumberCode.TOO_LONG, item=item))
    assert words == f"{shown} is too long for a phone number. Put a comma between recipients."
    assert words.encode()
