import pytest

from bridge.domain.incident import MOVES, IncidentCause, IncidentState, sources, target

# The table of moves, written down a second time: whom each cause may move, and where to.
BY_CAUSE = {
    "acknowledge": ({"open"}, "acknowledged"),
    "resolve": ({"open", "acknowledged"}, "resolved"),
    "ack_timeout": ({"acknowledged"}, "open"),
    "became_critical": ({"open", "acknowledged"}, "open"),
}


@pytest.mark.parametrize("cause", list(IncidentCause))
def test_a_cause_moves_what_it_may_to_one_state(cause: IncidentCause) -> None:
    assert ({one.value for one in sources(cause)}, target(cause).value) == BY_CAUSE[cause.value]
    assert {new for (_, by), new in MOVES.items() if by is cause} == {target(cause)}


def test_nothing_leaves_resolved() -> None:
    assert IncidentState.RESOLVED not in {old for old, _ in MOVES}


def test_whatever_is_not_resolved_can_be() -> None:
    assert set(sources(IncidentCause.RESOLVE)) == set(IncidentState) - {IncidentState.RESOLVED}
