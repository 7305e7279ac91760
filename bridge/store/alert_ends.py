"""When each alert was last known to end, by its source's clock: news from before that is late."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from bridge.store.dialect import insert_new
from bridge.store.tables import alert_ends

_OF = select(alert_ends.c.fingerprint, alert_ends.c.ended_at).where(
    alert_ends.c.source == bindparam("b_source"),
    alert_ends.c.fingerprint.in_(bindparam("b_fingerprints", expanding=True)),
)
_LATER = (
    update(alert_ends)
    .where(
        alert_ends.c.source == bindparam("b_source"),
        alert_ends.c.fingerprint == bindparam("b_fingerprint"),
        alert_ends.c.ended_at < bindparam("b_at"),
    )
    .values(ended_at=bindparam("b_at"))
)


def of(connection: Connection, source: str, fingerprints: Iterable[str]) -> dict[str, datetime]:
    """Fingerprint -> last known end, of those that have one."""
    rows = connection.execute(_OF, {"b_source": source, "b_fingerprints": sorted(set(fingerprints))})
    return {row.fingerprint: row.ended_at for row in rows}


def note(connection: Connection, source: str, fingerprint: str, ended_at: datetime) -> None:
    """It ended then; an earlier end than the one known changes nothing."""
    values = {"source": source, "fingerprint": fingerprint, "ended_at": ended_at}
    if not insert_new(connection, alert_ends, values):
        connection.execute(_LATER, {"b_source": source, "b_fingerprint": fingerprint, "b_at": ended_at})


def forget(connection: Connection, before: datetime) -> None:
    """Ends from before that time."""
    connection.execute(delete(alert_ends).where(alert_ends.c.ended_at < before))
