"""What happened to an incident, in order."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select

from bridge.store.many import Many
from bridge.store.tables import incident_log, microseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A line of an incident's log: a stable event word, and words for people."""

    incident_id: int
    event: str
    words: str = ""
    at: datetime | None = None  # filled by `write` where it is not


_LOG = Many(
    insert(incident_log).values(
        incident_id=bindparam("b_id"), at=bindparam("b_at"), event=bindparam("b_event"), words=bindparam("b_words")
    ),
    "b_id",
    "b_at",
    "b_event",
    "b_words",
)


def write(connection: Connection, entries: Iterable[Entry], now: datetime) -> None:
    """Note what happened."""
    _LOG.run(
        connection, [(one.incident_id, microseconds(one.at or now), one.event, one.words[:300]) for one in entries]
    )


def note(connection: Connection, ids: Iterable[int], event: str, words: str, now: datetime) -> None:
    """The same happened to each of these."""
    write(connection, [Entry(incident_id=one, event=event, words=words) for one in ids], now)


def read(connection: Connection, incident_id: int) -> list[Entry]:
    """What happened to it, in order."""
    rows = connection.execute(
        select(incident_log).where(incident_log.c.incident_id == incident_id).order_by(incident_log.c.id)
    )
    return [Entry(incident_id=row.incident_id, event=row.event, words=row.words, at=row.at) for row in rows]
