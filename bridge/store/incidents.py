"""Incidents: opened, heard of, read; and the timers of their escalation. `incident_moves` changes their states."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, text, update

from bridge.domain.alerts import Alert, Link, Severity
from bridge.domain.incident import IncidentState
from bridge.store import posts
from bridge.store.many import Many, slices
from bridge.store.tables import IS_OPEN_INCIDENT, IS_RUNNING, UtcTime, incidents, microseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """An incident, as it stands. `position`: steps that were run, over all rounds. `due_at`: when the next one runs."""

    id: int
    source: str
    fingerprint: str
    state: IncidentState
    title: str
    text: str
    severity: Severity
    labels: Mapping[str, str]
    links: tuple[Link, ...]
    policy: str
    chat_id: int | None
    thread_id: int | None
    opened_at: datetime
    paging_since: datetime
    starts_at: datetime | None
    news_at: datetime
    news: int
    position: int
    due_at: datetime | None
    acked_by: str
    acked_at: datetime | None
    resolved_by: str
    resolved_at: datetime | None
    storm_id: int | None

    @property
    def code(self) -> str:
        """What people type for it: `A7`."""
        return f"A{self.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class New:
    """An incident to open. `place`: of its card; None: where notices go. `due_at`: of its first step; None: no step."""

    alert: Alert
    policy: str
    place: posts.Place | None
    due_at: datetime | None


def _incident(row: Row[Any]) -> Incident:
    values = dict(row._mapping)
    del values["blanked"]
    values["state"] = IncidentState(row.state)
    values["severity"] = Severity(row.severity)
    values["labels"] = json.loads(row.labels)
    values["links"] = tuple(Link(label=label, url=url) for label, url in json.loads(row.links))
    return Incident(**values)


def _said(alert: Alert) -> dict[str, object]:
    """What the newest news of an alert says, as columns."""
    return {
        "title": alert.title,
        "text": alert.text,
        "severity": alert.severity.value,
        "labels": json.dumps(dict(alert.labels), ensure_ascii=False),
        "links": json.dumps([[link.label, link.url] for link in alert.links], ensure_ascii=False),
    }


_ADD = insert(incidents).returning(incidents.c.id, sort_by_parameter_order=True)
_OPEN_OF = select(incidents).where(
    incidents.c.source == bindparam("b_source"),
    incidents.c.fingerprint.in_(bindparam("b_fingerprints", expanding=True)),
    IS_OPEN_INCIDENT,
)
_SAID = ("title", "text", "severity", "labels", "links")
_HEARD = Many(
    update(incidents)
    .where(incidents.c.id == bindparam("b_id"), IS_OPEN_INCIDENT)
    .values({name: bindparam(f"b_{name}") for name in _SAID})
    .values(
        starts_at=func.coalesce(bindparam("b_starts", type_=UtcTime), incidents.c.starts_at),
        news_at=bindparam("b_now"),
        news=incidents.c.news + text("1"),
    ),
    "b_id",
    *(f"b_{name}" for name in _SAID),
    "b_starts",
    "b_now",
)
_DUE = (
    select(incidents)
    .where(IS_RUNNING, incidents.c.due_at <= bindparam("b_now"))
    .order_by(incidents.c.due_at, incidents.c.id)
    .limit(bindparam("b_most"))
)
_DUE_IDS = _DUE.with_only_columns(incidents.c.id)
_NEXT_DUE = select(func.min(incidents.c.due_at)).where(IS_RUNNING)
_GET = select(incidents).where(incidents.c.id == bindparam("b_id"))
_TIMER = Many(
    update(incidents)
    .where(incidents.c.id == bindparam("b_id"), IS_OPEN_INCIDENT)
    .values(position=bindparam("b_position"), due_at=bindparam("b_due")),
    "b_id",
    "b_position",
    "b_due",
)


def add(connection: Connection, new: Sequence[New], now: datetime) -> list[int]:
    """Open incidents; gives their ids, in the same order. None of these alerts may have one that is open."""
    rows = [
        {
            "source": one.alert.source,
            "fingerprint": one.alert.fingerprint,
            "state": IncidentState.OPEN.value,
            **_said(one.alert),
            "policy": one.policy,
            "chat_id": one.place.chat_id if one.place else None,
            "thread_id": one.place.thread_id if one.place else None,
            "opened_at": now,
            "paging_since": now,
            "starts_at": one.alert.starts_at,
            "news_at": now,
            "news": 1,
            "position": 0,
            "due_at": one.due_at,
            "acked_by": "",
            "acked_at": None,
            "resolved_by": "",
            "resolved_at": None,
            "storm_id": None,
        }
        for one in new
    ]
    return list(connection.execute(_ADD, rows).scalars()) if rows else []


def open_of(connection: Connection, source: str, fingerprints: Iterable[str]) -> dict[str, Incident]:
    """Of these alerts of a source: fingerprint -> the incident that is open."""
    rows = connection.execute(_OPEN_OF, {"b_source": source, "b_fingerprints": sorted(set(fingerprints))})
    return {row.fingerprint: _incident(row) for row in rows}


def heard(connection: Connection, news: Sequence[tuple[int, Alert]], now: datetime) -> None:
    """(incident, what is said of it now) of those that fire still. A resolved one stays as it is."""
    at = microseconds(now)
    _HEARD.run(
        connection,
        [(one, *_said(alert).values(), microseconds(alert.starts_at), at) for one, alert in news],
    )


def get(connection: Connection, incident_id: int) -> Incident | None:
    """The incident; None when there is none."""
    row = connection.execute(_GET, {"b_id": incident_id}).one_or_none()
    return None if row is None else _incident(row)


def of_ids(connection: Connection, ids: Iterable[int]) -> list[Incident]:
    """The incidents with these ids, in order of their ids."""
    return [
        _incident(row)
        for some in slices(ids)
        for row in connection.execute(select(incidents).where(incidents.c.id.in_(some)).order_by(incidents.c.id))
    ]


def not_resolved(connection: Connection, limit: int, offset: int = 0) -> list[Incident]:
    """What is open or acknowledged: open first, then the newest."""
    query = (
        select(incidents)
        .where(IS_OPEN_INCIDENT)
        .order_by(incidents.c.state.desc(), incidents.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [_incident(row) for row in connection.execute(query)]


def count_not_resolved(connection: Connection) -> dict[IncidentState, int]:
    """How many are open, how many acknowledged."""
    rows = connection.execute(
        select(incidents.c.state, func.count()).where(IS_OPEN_INCIDENT).group_by(incidents.c.state)
    )
    return {IncidentState(state): number for state, number in rows}


def due(connection: Connection, now: datetime, limit: int) -> list[Incident]:
    """Incidents whose timer has run out, the longest overdue first."""
    return [_incident(row) for row in connection.execute(_DUE, {"b_now": now, "b_most": limit})]


def due_ids(connection: Connection, now: datetime, limit: int) -> list[int]:
    """The same ones, unread."""
    return list(connection.execute(_DUE_IDS, {"b_now": now, "b_most": limit}).scalars())


def next_due(connection: Connection) -> datetime | None:
    """When the next timer runs out (or ran out); None when none runs."""
    return connection.execute(_NEXT_DUE).scalar()


def set_timers(connection: Connection, timers: Iterable[tuple[int, int, datetime | None]]) -> None:
    """(incident, steps that were run, when the next one runs) of each that is not resolved."""
    _TIMER.run(connection, [(one, position, microseconds(at)) for one, position, at in timers])


def put_off(connection: Connection, ids: Iterable[int], until: datetime) -> None:
    """Their next step runs then, whatever else is known of them."""
    for some in slices(ids):
        connection.execute(update(incidents).where(incidents.c.id.in_(some), IS_RUNNING).values(due_at=until))


def hurry(connection: Connection, ids: Iterable[int], now: datetime) -> None:
    """Their next step runs now, if they are open and one is to come."""
    for some in slices(ids):
        connection.execute(
            update(incidents)
            .where(
                incidents.c.id.in_(some),
                incidents.c.state == IncidentState.OPEN.value,
                IS_RUNNING,
                incidents.c.due_at > now,
            )
            .values(due_at=now)
        )
