"""When each alert was last known to end, by its source's clock: news from before that is late."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, delete, select, update

from bridge.store.dialect import insert_new
from bridge.store.tables import alert_ends


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """`at`: by the source's clock. `noted_at`: when the source said so, by ours; None where a person ended it since."""

    at: datetime
    noted_at: datetime | None


_OF = select(alert_ends.c.fingerprint, alert_ends.c.ended_at, alert_ends.c.noted_at).where(
    alert_ends.c.source == bindparam("b_source"),
    alert_ends.c.fingerprint.in_(bindparam("b_fingerprints", expanding=True)),
)
_ONE = (alert_ends.c.source == bindparam("b_source"), alert_ends.c.fingerprint == bindparam("b_fingerprint"))
_LATER = (
    update(alert_ends)
    .where(*_ONE, alert_ends.c.ended_at < bindparam("b_at"))
    .values(ended_at=bindparam("b_at"), noted_at=bindparam("b_noted_at"))
)
_BY_HAND = (
    update(alert_ends)
    .where(*_ONE)
    .values(
        ended_at=case((alert_ends.c.ended_at < bindparam("b_at"), bindparam("b_at")), else_=alert_ends.c.ended_at),
        noted_at=None,
    )
)


def of(connection: Connection, source: str, fingerprints: Iterable[str]) -> dict[str, End]:
    """Fingerprint -> last known end, of those that have one."""
    rows = connection.execute(_OF, {"b_source": source, "b_fingerprints": sorted(set(fingerprints))})
    return {row.fingerprint: End(at=row.ended_at, noted_at=row.noted_at) for row in rows}


def note(connection: Connection, source: str, fingerprint: str, ended_at: datetime, now: datetime) -> None:
    """The source says that it ended then; an earlier end than the one known changes nothing."""
    values = {"source": source, "fingerprint": fingerprint, "ended_at": ended_at, "noted_at": now}
    if not insert_new(connection, alert_ends, values):
        given = {"b_source": source, "b_fingerprint": fingerprint, "b_at": ended_at, "b_noted_at": now}
        connection.execute(_LATER, given)


def note_by_hand(connection: Connection, source: str, fingerprint: str, started_at: datetime) -> None:
    """A person ended what started then."""
    values = {"source": source, "fingerprint": fingerprint, "ended_at": started_at}
    if not insert_new(connection, alert_ends, values):
        connection.execute(_BY_HAND, {"b_source": source, "b_fingerprint": fingerprint, "b_at": started_at})


def forget(connection: Connection, before: datetime) -> None:
    """Ends from before that time."""
    connection.execute(delete(alert_ends).where(alert_ends.c.ended_at < before))
