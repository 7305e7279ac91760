import json
import re
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.gateways.described.rules import (
    OUTCOMES,
    REASONS,
    Each,
    Rule,
    Seen,
    Shown,
    as_text,
    judge,
    listed,
    of_all,
    of_each,
    see,
    values_at,
    words_of,
)
from bridge.gateways.words import words_without

A, B = "+233241109433", "+233551234567"
FIT = words_without(["our-key"])
YES = OUTCOMES["accepted"]


def seen(body: object, status: int = 200) -> Seen:
    return see(body if isinstance(body, bytes) else json.dumps(body).encode(), status)


def path(text: str) -> tuple[str, ...]:
    return tuple(text.split("."))


def holds(body: object, status: int = 200, **rule: Any) -> bool:
    return judge([Rule(outcome=YES, **rule)], seen(body, status)) is YES


def test_what_a_rule_may_say_is_each_kind_of_outcome() -> None:
    assert {type(one) for one in OUTCOMES.values()} == set(get_args(Outcome))
    for name, reasons in REASONS.items():
        assert OUTCOMES[name].reason is reasons[0]


# where


BODY = {"a": {"b": [10, {"c": "x"}, {"c": "y"}]}, "n": None, "list": [], "0": "zero"}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("a.b.0", [10]),
        ("a.b.1.c", ["x"]),
        ("a.b.*.c", ["x", "y"]),
        ("a.b.3", []),
        ("a.b.-1", []),
        ("a.b.x", []),
        ("a.b.٣", []),
        ("a.b.999999", []),
        ("n", []),
        ("list.*", []),
        ("0", ["zero"]),
        ("A", []),
        ("a.b.0.c", []),
        ("missing.b", []),
        ("a.*.0", [10]),
    ],
)
def test_a_place_in_json_is_found(where: str, expected: list[object]) -> None:
    assert values_at(seen(BODY).json, path(where)) == expected


def test_a_list_on_top_has_places_too() -> None:
    assert values_at(seen([1, 2]).json, ("*",)) == [1, 2]
    assert values_at(seen([1, 2]).json, ("1",)) == [2]


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": 1', b'{"a": 1} x', b"\xff\xfe", b"[" * 9_999, b"1" * 9_999])
def test_what_is_no_json_has_no_places(body: bytes) -> None:
    assert values_at(seen(body).json, ("*",)) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0, "0"),
        (" 0 ", "0"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        (float("inf"), "inf"),
        (["0"], None),
        (None, None),
    ],
)
def test_values_are_compared_as_text(value: object, text: str | None) -> None:
    assert as_text(value) == text


# rules


def test_all_that_a_rule_gives_must_hold() -> None:
    rule = {"statuses": frozenset({200}), "path": ("s",), "values": (frozenset({"0"}),), "text": (re.compile(".*"),)}

    assert holds({"s": 0}, **rule)
    assert not holds({"s": 0}, 201, **rule)
    assert not holds({"s": 1}, **rule)
    assert not holds({"s": 0}, **{**rule, "text": (frozenset({"OK"}),)})


def test_a_place_alone_asks_for_something_there() -> None:
    assert holds({"sid": "x"}, path=("sid",))
    assert holds({"sid": {}}, path=("sid",))
    assert not holds({"sid": None}, path=("sid",))
    assert not holds({}, path=("sid",))


def test_every_value_must_be_one_of_those_that_are_expected() -> None:
    rule = {"path": path("m.*.s"), "values": (frozenset({"0", "1"}), re.compile("ok.*"))}

    assert holds({"m": [{"s": 0}, {"s": "1"}, {"s": "okay"}]}, **rule)
    assert not holds({"m": [{"s": 0}, {"s": 2}]}, **rule)
    assert not holds({"m": [{"s": 0}, {"s": [0]}]}, **rule)
    assert not holds({"m": []}, **rule)


def test_two_values_of_one_name_must_both_be_expected() -> None:
    rule = {"path": ("s",), "values": (frozenset({"0"}),)}

    assert holds(b'{"s": 0, "s": "0"}', **rule)
    assert not holds(b'{"s": 0, "s": 4}', **rule)


@pytest.mark.parametrize("body", [b"OK", b" OK\r\n", b"\xef\xbb\xbfOK"])
def test_a_text_is_the_whole_body_without_blanks_around_it(body: bytes) -> None:
    assert holds(body, text=(frozenset({"OK"}),))
    assert not holds(body + b" no", text=(frozenset({"OK"}),))


def test_the_first_rule_that_holds_counts_and_without_one_nothing_is_said() -> None:
    no = Rule(statuses=frozenset({400}), outcome=OUTCOMES["rejected"])
    rules = [no, Rule(outcome=YES), Rule(outcome=OUTCOMES["unknown"])]

    assert judge(rules, seen({})) is YES
    assert judge([no], seen({})) is None


# words


def test_the_gateway_s_own_words_are_found_and_made_fit() -> None:
    shown = Shown(id=path("m.id"), code=path("m.*"), error=("e",), detail=("d",), balance=("b",))
    words = words_of(seen({"m": {"id": 7, "code": 4}, "e": "bad our-key", "b": "12.50"}), shown, FIT, http_status=401)

    assert (words.sms_id, words.code, words.error, words.detail) == ("7", "7, 4", "bad [key]", "")
    assert (words.balance, words.http_status) == (12.5, 401)


@pytest.mark.parametrize("balance", [None, "many", "1e5", [1, 2], {"a": 1}, "9" * 13])
def test_a_balance_that_is_no_number_is_left_out(balance: object) -> None:
    assert words_of(seen({"b": balance}), Shown(balance=("b",)), FIT, http_status=200).balance is None


# what it means for each number


def test_a_list_is_split_only_where_one_number_may_have_spoilt_it() -> None:
    words = words_of(seen({}), Shown(), FIT, http_status=200)

    for reason in REASONS["rejected"]:
        for numbers in ([A], [A, B]):
            found = of_all(Rejected(reason=reason), words, numbers, None)
            splits = len(numbers) > 1 and reason in (Reason.BAD_NUMBER, Reason.REFUSED)
            assert set(found.values()) == {Rejected(reason=reason, split=splits, words=words)}


def test_a_wait_goes_with_what_may_be_tried_again() -> None:
    words = words_of(seen({}), Shown(), FIT, http_status=429)

    assert of_all(OUTCOMES["not_sent"], words, [A], 7.0) == {
        A: NotSent(reason=Reason.GATEWAY_FAILED, retry_after_s=7, words=words)
    }


EACH = Each(
    path=path("list"),
    number=("to",),
    shown=Shown(id=("id",), error=("why",), balance=("left",)),
    rules=(
        Rule(path=("s",), values=(frozenset({"0"}),), outcome=YES),
        Rule(path=("s",), values=(frozenset({"1"}),), outcome=OUTCOMES["not_sent"]),
    ),
    left_out=OUTCOMES["rejected"],
)


def each(items: object, *numbers: str, by: Each = EACH) -> dict[str, Outcome]:
    found = seen({"list": items, "why": "whole"})
    words = words_of(found, Shown(error=("why",)), FIT, http_status=200)
    return of_each(listed(found, by, words, FIT, 7.0), by, words, numbers or (A, B))


def kinds(found: dict[str, Outcome]) -> list[tuple[type, Reason]]:
    return [(type(one), one.reason) for one in found.values()]


OK, LATER = (Accepted, Reason.OK), (NotSent, Reason.GATEWAY_FAILED)
OPEN, MIXED, OUT = (Unknown, Reason.NOT_LISTED), (Unknown, Reason.UNREADABLE), (Rejected, Reason.REFUSED)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([{"to": A, "s": 0}, {"to": B, "s": 1}], [OK, LATER]),
        ([{"to": 233241109433, "s": 0}, {"to": "00233551234567", "s": "0"}], [OK, OK]),
        ([{"to": A, "s": 0}], [OK, OUT]),
        ([{"to": A, "s": 9}, {"to": B}], [MIXED, MIXED]),
        ([{"to": A, "s": 0}, {"to": A, "s": 0}], [OK, OUT]),
        ([{"to": A, "s": 0}, {"to": A, "s": 1}], [MIXED, OUT]),
        ([{"to": A, "s": 0}, {"to": "somebody", "s": 0}], [OK, OPEN]),
        ([{"to": A, "s": 0}, {"s": 0}], [OK, OPEN]),
        ([{"to": A, "s": 0}, "sent"], [OK, OPEN]),
        ([{"to": A, "s": 0}, {"to": "+447820125799", "s": 0}], [OK, OPEN]),
        ([{"to": [A], "s": 0}], [OPEN, OPEN]),
        ({"to": A, "s": 0}, [OK, OUT]),
    ],
)
def test_each_number_has_what_the_list_says_of_it(items: object, expected: list[tuple[type, Reason]]) -> None:
    assert kinds(each(items)) == expected


def test_two_numbers_in_one_element_settle_nothing() -> None:
    found = see(b'{"list": [{"to": "+233241109433", "to": "+233551234567", "s": 0}]}', 200)
    words = words_of(found, Shown(), FIT, http_status=200)

    assert kinds(of_each(listed(found, EACH, words, FIT, None), EACH, words, [A, B])) == [OPEN, OPEN]


def test_an_answer_without_the_list_lists_nobody() -> None:
    found = seen({"error": "no"})

    assert listed(found, EACH, words_of(found, Shown(), FIT, http_status=200), FIT, None) == []


def test_the_element_s_words_win_over_the_answer_s() -> None:
    found = each([{"to": A, "s": 0, "id": "i1", "why": "own", "left": 3}, {"to": B, "s": 1}])

    assert (found[A].words.sms_id, found[A].words.error, found[A].words.balance) == ("i1", "own", 3)
    assert (found[B].words.error, found[B].words.balance) == ("whole", None)
    assert isinstance(found[B], NotSent)
    assert found[B].retry_after_s == 7


# whatever comes


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([A, B, "0", "1"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["list", "to", "s", "id", "why", "m"]), inner, max_size=5)
    ),
    max_leaves=12,
)
PATHS = st.lists(st.sampled_from(["list", "to", "s", "*", "0", "m", "-1"]), min_size=1, max_size=4).map(tuple)
RULES = st.builds(
    Rule,
    statuses=st.sampled_from([frozenset(), frozenset({200})]),
    path=st.none() | PATHS,
    values=st.sampled_from([(), (frozenset({"0", ""}),), (re.compile("[01]*"),)]),
    text=st.sampled_from([(), (frozenset({"OK"}),), (re.compile("(?s).*"),)]),
    outcome=st.sampled_from(list(OUTCOMES.values())),
)


@given(
    body=st.binary() | JSON.map(lambda body: json.dumps(body).encode()),
    status=st.integers(100, 599),
    rules=st.lists(RULES, max_size=3).map(tuple),
    path=PATHS,
    number=PATHS,
)
def test_any_answer_gives_an_outcome_by_any_rules(
    body: bytes, status: int, rules: tuple[Rule, ...], path: tuple[str, ...], number: tuple[str, ...]
) -> None:
    shown = Shown(id=path, code=number, balance=path)
    by = Each(path=path, number=number, shown=shown, rules=rules)
    found = see(body, status)
    words = words_of(found, shown, FIT, http_status=status)

    said = of_each(listed(found, by, words, FIT, None), by, words, [A, B])

    assert list(said) == [A, B]
    whole = judge(rules, found)
    if whole is not None:
        assert list(of_all(whole, words, [A, B], None)) == [A, B]
    assert all(isinstance(one, get_args(Outcome)) for one in said.values())


@given(JSON)
def test_a_number_is_accepted_only_where_an_element_names_it(body: object) -> None:
    found = seen({"list": body})
    words = words_of(found, Shown(), FIT, http_status=200)
    elements = listed(found, EACH, words, FIT, None)

    for one, outcome in of_each(elements, EACH, words, [A, B]).items():
        named = [element for element in elements if element.number == one.removeprefix("+")]
        assert isinstance(outcome, Accepted) <= bool(named)
