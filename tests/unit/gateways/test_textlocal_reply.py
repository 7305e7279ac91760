import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.outcome import Accepted, GatewayWords, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.gateways.textlocal.reply import CODES, OF_A_LIST, Reply, is_foreign, outcomes_of, read_reply
from bridge.gateways.words import words_without

A, B = "+233241109433", "+233551234567"
FIT = words_without(["our-key"])


def reply(body: object) -> Reply:
    return read_reply(json.dumps(body).encode(), http_status=200, fit=FIT)


def outcomes(body: object, *numbers: str) -> dict[str, Outcome]:
    return outcomes_of(reply(body), numbers or (A,))


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("written", [int, str])
def test_a_code_means_what_the_table_says(code: int, written: type) -> None:
    body = {"status": "failure", "errors": [{"code": written(code), "message": "as it says"}]}

    for numbers in ((A,), (A, B)):
        found = outcomes(body, *numbers)
        assert list(found) == list(numbers)
        for outcome in found.values():
            assert (type(outcome), outcome.reason) == (type(CODES[code]), CODES[code].reason)
            assert (outcome.words.code, outcome.words.error) == (str(code), "as it says")
            if isinstance(outcome, Rejected):
                assert outcome.split is (len(numbers) > 1 and code in OF_A_LIST)


def test_every_code_of_a_failure_is_certainly_not_sent() -> None:
    assert {type(outcome) for outcome in CODES.values()} == {NotSent, Rejected}
    assert CODES.keys() >= OF_A_LIST


def test_a_wait_that_the_answer_asks_for_is_kept() -> None:
    found = outcomes_of(reply({"status": "failure", "errors": [{"code": 192}]}), [A], wait_s=7)

    assert isinstance(found[A], NotSent)
    assert found[A].retry_after_s == 7


@pytest.mark.parametrize(
    "code", [None, True, [3], {"a": 3}, "", "3x", -3, 3.5, 10**7, "٣"], ids=lambda value: f"{value!r}"
)
def test_a_code_that_is_no_number_settles_nothing(code: object) -> None:
    found = outcomes({"status": "failure", "errors": [{"code": code}]})[A]

    assert isinstance(found, Unknown)


@pytest.mark.parametrize("errors", [3, "invalid login", None, ["invalid login"], [[{"code": 3}]]])
def test_errors_in_another_shape_settle_nothing_and_are_shown(errors: object) -> None:
    found = outcomes({"status": "failure", "errors": errors})[A]

    assert isinstance(found, Unknown)
    assert ("invalid" in found.words.error) == ("invalid" in repr(errors))


@pytest.mark.parametrize("recipient", [233241109433, "233241109433", A, f" {A} "])
def test_a_recipient_is_read_in_each_form(recipient: object) -> None:
    found = outcomes({"status": "success", "messages": [{"id": "7", "recipient": recipient}]})[A]

    assert (type(found), found.words.sms_id) == (Accepted, "7")


@pytest.mark.parametrize("recipient", [None, "", "Ama", 12, 0.5, [233241109433], True])
def test_a_recipient_that_is_no_number_leaves_everything_open(recipient: object) -> None:
    found = outcomes({"status": "success", "messages": [{"id": "7", "recipient": recipient}]}, A, B)

    assert {type(outcome) for outcome in found.values()} == {Unknown}


def test_a_message_that_is_no_object_leaves_the_others_open() -> None:
    found = outcomes({"status": "success", "messages": [{"recipient": A}, "sent"]}, A, B)

    assert [type(outcome) for outcome in found.values()] == [Accepted, Unknown]


@pytest.mark.parametrize(
    ("status", "read"),
    [("success", "success"), (" SUCCESS ", "success"), ("failure", "failure"), ("ok", None), (1, None), (None, None)],
)
def test_the_status_is_one_of_two(status: object, read: str | None) -> None:
    assert reply({"status": status}).status == read


def test_two_statuses_settle_nothing() -> None:
    body = b'{"status": "failure", "errors": [{"code": 3}], "status": "success"}'

    assert read_reply(body, http_status=200, fit=FIT).status is None


@pytest.mark.parametrize(
    ("balance", "read"),
    [
        (1162, 1162.0),
        ("12.5", 12.5),
        (-1, -1.0),
        (None, None),
        ("many", None),
        (True, None),
        ([1], None),
        (1e300, None),
    ],
)
def test_the_balance_is_a_number_or_nothing(balance: object, read: float | None) -> None:
    assert reply({"status": "success", "balance": balance}).words.balance == read


def test_a_key_of_digits_in_the_place_of_the_balance_is_none() -> None:
    body = b'{"status": "success", "balance": 12345678}'

    assert read_reply(body, http_status=200, fit=words_without(["12345678"])).words.balance is None


def test_what_is_no_object_has_no_status() -> None:
    assert read_reply(b"<html>", http_status=502, fit=FIT) == Reply(status=None, words=GatewayWords(http_status=502))


def test_only_an_answer_that_names_nobody_of_ours_is_foreign() -> None:
    def foreign(*recipients: str) -> bool:
        return is_foreign(reply({"status": "success", "messages": [{"recipient": one} for one in recipients]}), [A])

    assert [foreign(A), foreign(A, B), foreign(B), foreign()] == [False, False, True, False]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from([A, "3", "51"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["code", "message", "recipient", "id", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
BODIES = st.dictionaries(
    st.sampled_from(["status", "errors", "warnings", "messages", "balance", "batch_id", "test_mode"]),
    VALUES | st.sampled_from(["success", "failure", True]),
)


@given(body=BODIES.map(lambda body: json.dumps(body).encode()) | st.binary())
def test_any_body_gives_each_number_an_outcome(body: bytes) -> None:
    found: Any = read_reply(body, http_status=200, fit=FIT)
    said = outcomes_of(found, [A, B])

    assert list(said) == [A, B]
    assert {type(outcome) for outcome in said.values()} <= set(get_args(Outcome))
    if found.status is None:
        assert {outcome.reason for outcome in said.values()} == {Reason.UNREADABLE}
    is_foreign(found, [A])


@given(body=BODIES)
def test_who_is_accepted_is_named_or_alone(body: dict[str, Any]) -> None:
    found = reply({**body, "status": "success"})
    said = outcomes_of(found, [A, B])

    accepted = {number for number, outcome in said.items() if isinstance(outcome, Accepted)}
    assert accepted <= {f"+{number}" for number in found.listed or ()}
