"""The life of an incident: states, and the moves between them."""

from collections.abc import Mapping
from enum import StrEnum


class IncidentState(StrEnum):
    """Where an incident is. Nothing leaves `resolved`; a new firing opens a new one."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class IncidentCause(StrEnum):
    """Who or what moves an incident."""

    ACKNOWLEDGE = "acknowledge"  # a person
    RESOLVE = "resolve"  # a person, or its source says that it is over
    ACK_TIMEOUT = "ack_timeout"  # acknowledged for as long as its policy allows, and it fires still
    BECAME_CRITICAL = "became_critical"  # what was decided about something lesser holds no more


# The one table of moves: (from, cause) -> where it goes. Everything else is refused.
MOVES: Mapping[tuple[IncidentState, IncidentCause], IncidentState] = {
    (IncidentState.OPEN, IncidentCause.ACKNOWLEDGE): IncidentState.ACKNOWLEDGED,
    (IncidentState.OPEN, IncidentCause.RESOLVE): IncidentState.RESOLVED,
    (IncidentState.OPEN, IncidentCause.BECAME_CRITICAL): IncidentState.OPEN,  # its steps begin anew
    (IncidentState.ACKNOWLEDGED, IncidentCause.RESOLVE): IncidentState.RESOLVED,
    (IncidentState.ACKNOWLEDGED, IncidentCause.ACK_TIMEOUT): IncidentState.OPEN,
    (IncidentState.ACKNOWLEDGED, IncidentCause.BECAME_CRITICAL): IncidentState.OPEN,
}


def sources(cause: IncidentCause) -> tuple[IncidentState, ...]:
    """The states that `cause` may move: what a guarded UPDATE asks for. Never empty."""
    return tuple(old for old, by in MOVES if by is cause)


def target(cause: IncidentCause) -> IncidentState:
    """Where `cause` leads, from whichever state it may."""
    return next(new for (_, by), new in MOVES.items() if by is cause)
