import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.outcome import Accepted, GatewayWords, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.gateways.msmpusher.reply import CONTRADICTION, STATUSES, Listed, is_foreign, outcomes_of, read_reply
from bridge.gateways.words import words_without

A, B, C = "+233241109433", "+233551234567", "+233201234567"
FIT = words_without(["private", "public"])

ACCEPTED = Accepted()
SCHEDULED = Accepted(reason=Reason.SCHEDULED, scheduled=True)
NO_BALANCE = NotSent(reason=Reason.NO_BALANCE, out_of_service=True)
NOT_LISTED = Unknown(reason=Reason.NOT_LISTED)
UNREADABLE = Unknown(reason=Reason.UNREADABLE)
BAD_NUMBER = Rejected(reason=Reason.BAD_NUMBER)
SPLIT = Rejected(reason=Reason.BAD_NUMBER, split=True)
FAILED = NotSent(reason=Reason.GATEWAY_FAILED)


def outcomes(body: object, *numbers: str) -> list[Outcome]:
    """Without the words."""
    reply = read_reply(json.dumps(body).encode(), http_status=200, fit=FIT)
    return [replace(outcome, words=GatewayWords()) for outcome in outcomes_of(reply, numbers).values()]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (1000, ACCEPTED),
        (1001, NOT_LISTED),
        (1002, Rejected(reason=Reason.MISSING_PARAMETERS)),
        (1003, NO_BALANCE),
        (1004, NotSent(reason=Reason.BAD_KEY, out_of_service=True)),
        (1005, BAD_NUMBER),
        (1006, NotSent(reason=Reason.BAD_SENDER, out_of_service=True)),
        (1007, SCHEDULED),
        (1008, Rejected(reason=Reason.EMPTY_TEXT)),
        (1009, FAILED),
        (1010, UNREADABLE),
        (1011, UNREADABLE),
        (999_999, UNREADABLE),
    ],
)
@pytest.mark.parametrize("field", ["status", "code", "Status"])
@pytest.mark.parametrize("form", [int, str, float, "  {}\n".format])
def test_each_status_has_its_outcome_under_both_names_and_in_any_form(
    status: int, outcome: Outcome, field: str, form: Any
) -> None:
    assert outcomes({"type": "x", field: form(status)}, A) == [outcome]


def test_the_table_holds_the_page_s_statuses_but_the_one_of_another_call() -> None:
    assert set(STATUSES) == set(range(1000, 1010))


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, None),
        ({"status": None, "code": None}, None),
        ({"status": True}, None),
        ({"status": "success"}, None),
        ({"status": "1000 OK"}, None),
        ({"status": "１０００"}, None),
        ({"status": 1000.5}, None),
        ({"status": -1000}, None),
        ({"status": [1000]}, None),
        ({"status": {"code": 1000}}, None),
        ({"status": 200}, None),
        ({"code": 400, "type": "invalid_phone_number"}, 1005),
        ({"type": " Invalid_Phone_Number "}, 1005),
        ({"type": "Message(s) Sent"}, None),
        ({"status": "error", "code": 1005}, 1005),
        ({"status": 1000, "code": 200}, 1000),
        ({"status": 1000, "code": "1000"}, 1000),
        ({"status": 1000, "code": 1005}, CONTRADICTION),
        ({"status": 1000, "Status": 1003}, CONTRADICTION),
        ({"status": 1011, "type": "invalid_phone_number"}, 1011),
        ({"status": 1000, "type": "invalid_phone_number"}, 1000),
    ],
)
def test_the_status_is_read_where_it_can_be(fields: dict[str, object], status: int | None) -> None:
    assert read_reply(json.dumps(fields).encode(), http_status=200, fit=FIT).status == status


def test_a_doubled_status_that_differs_settles_nothing() -> None:
    reply = read_reply(b'{"status": 1000, "status": 1003}', http_status=200, fit=FIT)

    assert outcomes_of(reply, [A])[A] == Unknown(
        reason=Reason.UNREADABLE, words=GatewayWords(code="1000, 1003", http_status=200)
    )


@pytest.mark.parametrize(
    ("value", "numbers", "whole"),
    [
        ("233241109433", {A}, True),
        ("233241109433,233551234567", {A, B}, True),
        ("+233241109433; 00233551234567;", {A, B}, True),
        ("233 24-110 9433\n(233)551234567", {A, B}, True),
        (["+233241109433", 233551234567], {A, B}, True),
        (["233241109433,233551234567"], {A, B}, True),
        (233241109433, {A}, True),
        ("233241109433,2335512...", {A}, False),
        ("233241109433,0551234567", {A}, False),
        ("233241109433 and one more", None, False),
        ("", None, True),
        ([], None, True),
        ("none", None, False),
        ([None, {"number": "233241109433"}], None, False),
    ],
)
def test_the_list_of_receivers_is_read_in_any_form(value: object, numbers: set[str] | None, whole: bool) -> None:
    reply = read_reply(json.dumps({"status": 1000, "Receiver_numbers": value}).encode(), http_status=200, fit=FIT)

    digits = frozenset(number.removeprefix("+") for number in numbers or ())
    assert reply.listed == (Listed(numbers=digits, whole=whole) if numbers else None)


@pytest.mark.parametrize(
    ("status", "listed", "numbers", "expected"),
    [
        # accepted
        (1000, [A, B], [A, B], [ACCEPTED, ACCEPTED]),
        (1000, [A], [A, B], [ACCEPTED, NOT_LISTED]),
        (1000, [A, C], [A, B], [ACCEPTED, NOT_LISTED]),
        (1000, [C], [A, B], [NOT_LISTED, NOT_LISTED]),
        (1000, [C], [A], [NOT_LISTED]),
        (1000, [], [A, B], [ACCEPTED, ACCEPTED]),
        (1007, [A], [A, B], [SCHEDULED, NOT_LISTED]),
        # the balance ran out
        (1001, [A], [A, B, C], [ACCEPTED, NO_BALANCE, NO_BALANCE]),
        (1001, [], [A, B], [NOT_LISTED, NOT_LISTED]),
        (1001, [A, B], [A, B], [NOT_LISTED, NOT_LISTED]),
        (1001, [A], [A], [NOT_LISTED]),
        (1001, [A, C], [A, B], [ACCEPTED, NOT_LISTED]),
        (1001, [A, "0551234567"], [A, B], [ACCEPTED, NOT_LISTED]),
        (1001, [C], [A, B], [NOT_LISTED, NOT_LISTED]),
        # a bad number
        (1005, [], [A], [BAD_NUMBER]),
        (1005, [A], [A], [BAD_NUMBER]),
        (1005, [C], [A], [NOT_LISTED]),
        (1005, [], [A, B], [SPLIT, SPLIT]),
        (1005, [A], [A, B, C], [ACCEPTED, SPLIT, SPLIT]),
        (1005, [A, B], [A, B], [UNREADABLE, UNREADABLE]),
        # nothing sent
        (1009, [], [A, B], [FAILED, FAILED]),
        (1009, [A, B], [A, B], [FAILED, FAILED]),
        (1009, [A], [A, B], [UNREADABLE, FAILED]),
        (1003, [C], [A, B], [NOT_LISTED, NOT_LISTED]),
        (1010, [A], [A, B], [UNREADABLE, UNREADABLE]),
    ],
)
def test_a_list_decides_number_by_number(
    status: int, listed: list[str], numbers: list[str], expected: list[Outcome]
) -> None:
    assert outcomes({"status": status, "Receiver_numbers": ",".join(listed)}, *numbers) == expected


def test_the_gateway_s_words_come_along_without_keys() -> None:
    body = {"type": "t", "code": "1009", "error": "key PRIVATE", "detail": ["a", "b"], "sms_id": "M\n1"}
    reply = read_reply(json.dumps(body).encode(), http_status=500, fit=FIT)

    assert reply.words == GatewayWords(
        code="1009", type="t", error="key [key]", detail="a, b", sms_id="M 1", http_status=500
    )


def test_what_cannot_be_read_leaves_only_the_http_status() -> None:
    reply = read_reply(b"<html>1000</html>", http_status=502, fit=FIT)

    assert reply.status is None
    assert reply.words == GatewayWords(http_status=502)


def test_retry_after_goes_to_those_that_may_be_tried_again() -> None:
    reply = read_reply(b'{"code": 1009}', http_status=503, fit=FIT)

    outcome = outcomes_of(reply, [A], wait_s=30.0)[A]

    assert isinstance(outcome, NotSent)
    assert outcome.retry_after_s == 30.0


@pytest.mark.parametrize(("listed", "foreign"), [("", False), (A, False), (f"{A},{C}", False), (C, True)])
def test_a_list_of_strangers_is_foreign(listed: str, foreign: bool) -> None:
    reply = read_reply(json.dumps({"Receiver_numbers": listed}).encode(), http_status=200, fit=FIT)

    assert is_foreign(reply, [A, B]) is foreign


NUMBERS = st.lists(st.sampled_from([A, B, C]), min_size=1, unique=True)
VALUES = st.none() | st.booleans() | st.integers(990, 1020) | st.floats() | st.text() | st.lists(st.text(), max_size=3)
LISTS = st.lists(st.sampled_from([A, B, C, "447820125799", "bad", ""]), max_size=5).map(",".join)
BODIES = st.dictionaries(st.sampled_from(["status", "code", "type", "error", "detail", "sms_id"]), VALUES)


@settings(derandomize=True, max_examples=150)
@given(BODIES, LISTS, NUMBERS)
def test_any_reply_gives_each_number_one_outcome(body: dict[str, object], listed: str, numbers: list[str]) -> None:
    reply = read_reply(json.dumps({**body, "Receiver_numbers": listed}).encode(), http_status=200, fit=FIT)

    found = outcomes_of(reply, numbers)

    assert list(found) == numbers
    if reply.status not in STATUSES:
        assert {type(outcome) for outcome in found.values()} == {Unknown}


@settings(derandomize=True, max_examples=150)
@given(st.sampled_from(sorted(STATUSES)), LISTS, NUMBERS)
def test_a_number_is_certainly_not_sent_only_where_nothing_suggests_otherwise(
    status: int, listed: str, numbers: list[str]
) -> None:
    body = {"status": status, "Receiver_numbers": listed}
    found = outcomes_of(read_reply(json.dumps(body).encode(), http_status=200, fit=FIT), numbers)

    for number, outcome in found.items():
        others = [item for item in listed.split(",") if item and item not in numbers]
        if status in (1000, 1007):
            assert isinstance(outcome, Accepted | Unknown)
        elif isinstance(outcome, NotSent | Rejected) and status == 1001:
            assert number not in listed
            assert not others
        elif isinstance(outcome, Accepted):
            assert number in listed
