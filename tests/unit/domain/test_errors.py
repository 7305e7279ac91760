"""Errors carry a stable word for programs and one line for people."""

from bridge.domain.errors import OperatorError, PersonError, Refused, StoreUnavailable


def test_a_refusal_names_its_rule_and_says_it_in_words() -> None:
    error = Refused("paused", "Sending is paused.")
    assert error.code == "paused"
    assert str(error) == "Sending is paused."


def test_the_first_split_is_whose_fault_it_is() -> None:
    assert isinstance(Refused("a", "b"), PersonError)
    assert not isinstance(Refused("a", "b"), OperatorError)
    assert isinstance(StoreUnavailable("database: locked"), OperatorError)
