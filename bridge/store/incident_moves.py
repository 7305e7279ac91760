"""The moves of incidents, along the table of `domain.incident`: one that it does not know changes nothing.

Each is one conditional UPDATE: of two who press, one wins.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Update, update

from bridge.domain.incident import IncidentCause, sources, target
from bridge.store.many import slices
from bridge.store.tables import incidents


def acknowledge(
    connection: Connection, ids: Sequence[int], *, by: str, now: datetime, again_at: Mapping[int, datetime | None]
) -> list[int]:
    """Acknowledge what is open; gives the ids that were.

    `again_at`: incident -> when it pages again if it still fires.
    """
    won: list[int] = []
    by_time: dict[datetime | None, list[int]] = {}
    for incident_id in ids:
        by_time.setdefault(again_at.get(incident_id), []).append(incident_id)
    for due_at, group in by_time.items():
        won += _move(connection, group, IncidentCause.ACKNOWLEDGE, acked_by=by[:200], acked_at=now, due_at=due_at)
    return sorted(won)


def resolve(connection: Connection, ids: Iterable[int], *, by: str, now: datetime) -> list[int]:
    """Resolve what is not; gives the ids that were. Their timers end."""
    return _move(connection, ids, IncidentCause.RESOLVE, resolved_by=by[:200], resolved_at=now, due_at=None)


def begin(connection: Connection, incident_id: int, policy: str, due_at: datetime | None, now: datetime) -> bool:
    """It is critical or has a route by now: open, whoever acknowledged it, it pages by this policy from `due_at` on.

    None: it pages nobody. False when it is resolved.
    """
    cause = IncidentCause.BECAME_CRITICAL
    return bool(_move(connection, [incident_id], cause, policy=policy, position=0, due_at=due_at, paging_since=now))


def reopen(connection: Connection, incident_id: int, now: datetime) -> bool:
    """Acknowledged and still firing: its escalation begins anew. False when it is not acknowledged any more."""
    cause = IncidentCause.ACK_TIMEOUT
    return bool(_move(connection, [incident_id], cause, position=0, due_at=now, paging_since=now))


def _move(connection: Connection, ids: Iterable[int], cause: IncidentCause, **values: object) -> list[int]:
    """Move those of these that `cause` may move, and set `values` of them; gives their ids."""
    moved: list[int] = []
    for some in slices(ids):
        moved += connection.execute(_moving(some, cause).values(**values).returning(incidents.c.id)).scalars()
    return sorted(moved)


def _moving(ids: Sequence[int], cause: IncidentCause) -> Update:
    return (
        update(incidents)
        .where(incidents.c.id.in_(ids), incidents.c.state.in_([state.value for state in sources(cause)]))
        .values(state=target(cause).value)
    )
