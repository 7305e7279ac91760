import pytest

from bridge.domain.decision import Decision, Hold, kind_of


@pytest.mark.parametrize("decision", Decision)
def test_a_decision_is_known_by_how_it_begins_whoever_made_it(decision: Decision) -> None:
    assert kind_of(decision.by("Ama Mensah, sent again by nobody")) is decision
    assert kind_of(decision.value) is decision


@pytest.mark.parametrize("words", ["", "Ama confirmed by"])
def test_where_nothing_was_decided_there_is_no_decision(words: str) -> None:
    assert kind_of(words) is None


def test_what_is_held_for_a_question_asks() -> None:
    assert {hold for hold in Hold if hold.asks} == {Hold.ASK, Hold.STALE}
