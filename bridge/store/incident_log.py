"""What happened to an incident, in order."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, insert, select

from bridge.store.many import Many, slices
from bridge.store.tables import incident_log, microseconds

UNHEARD = "escalation.unheard"
"""Nobody is paged any more, or nobody could be."""
LAST_PAGE = "escalation.last"
"""No further step comes, and a page is still tried."""

ACKNOWLEDGED = "acknowledged"
BECAME_CRITICAL = "critical"
TELEGRAM_ONLY = "page.telegram"
EASED = "eased"
"""An acknowledged incident that was critical is not any more: its Ack was for something critical."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogEntry:
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


def write(connection: Connection, entries: Iterable[LogEntry], now: datetime) -> None:
    """Note what happened."""
    _LOG.run(
        connection, [(one.incident_id, microseconds(one.at or now), one.event, one.words[:300]) for one in entries]
    )


def note(connection: Connection, ids: Iterable[int], event: str, words: str, now: datetime) -> None:
    """The same happened to each of these."""
    write(connection, [LogEntry(incident_id=one, event=event, words=words) for one in ids], now)


def read(connection: Connection, incident_id: int) -> list[LogEntry]:
    """What happened to it, in order."""
    rows = connection.execute(
        select(incident_log).where(incident_log.c.incident_id == incident_id).order_by(incident_log.c.id)
    )
    return [LogEntry(incident_id=row.incident_id, event=row.event, words=row.words, at=row.at) for row in rows]


def of_events(connection: Connection, incident_id: int, events: Collection[str]) -> list[LogEntry]:
    """The newest entry of each wording of these events, in order."""
    rows = connection.execute(
        select(func.max(incident_log.c.id).label("id"), func.max(incident_log.c.at).label("at"))
        .add_columns(incident_log.c.event, incident_log.c.words)
        .where(incident_log.c.incident_id == incident_id, incident_log.c.event.in_(sorted(events)))
        .group_by(incident_log.c.event, incident_log.c.words)
        .order_by(func.max(incident_log.c.id))
    )
    return [LogEntry(incident_id=incident_id, event=row.event, words=row.words, at=row.at) for row in rows]


def last_of(connection: Connection, ids: Iterable[int], events: Collection[str]) -> dict[int, str]:
    """Incident -> which of these events happened to it last, of those to which one did."""
    found: dict[int, str] = {}
    for some in slices(ids):
        rows = connection.execute(
            select(incident_log.c.incident_id, incident_log.c.event)
            .where(incident_log.c.incident_id.in_(some), incident_log.c.event.in_(sorted(events)))
            .order_by(incident_log.c.id)
        )
        found |= {row.incident_id: row.event for row in rows}
    return found
