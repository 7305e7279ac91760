"""Storms: incidents that came at once in one chat share a card."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_, func, insert, select, update

from bridge.domain.incident import IncidentState
from bridge.store.incidents import Incident, of_ids
from bridge.store.posts import Place
from bridge.store.tables import incidents, storms


@dataclass(frozen=True, kw_only=True, slots=True)
class Storm:
    """How a storm stands: how many incidents of it are in each state, and the newest of those that are not resolved.

    `last_id`: of the incident that joined it last, 0 where none did yet.
    """

    id: int
    opened_at: datetime
    counts: dict[IncidentState, int]
    severities: dict[str, int]
    newest: tuple[Incident, ...]
    last_id: int


def _here(table_chat: Column[Any], table_thread: Column[Any], place: Place | None) -> ColumnElement[bool]:
    if place is None:
        return and_(table_chat.is_(None), table_thread.is_(None))
    thread = table_thread.is_(None) if place.thread_id is None else table_thread == place.thread_id
    return and_(table_chat == place.chat_id, thread)


def cards_since(connection: Connection, place: Place | None, since: datetime) -> int:
    """How many incidents got a card of their own there since then."""
    return int(
        connection.execute(
            select(func.count())
            .select_from(incidents)
            .where(
                incidents.c.opened_at > since,
                incidents.c.storm_id.is_(None),
                _here(incidents.c.chat_id, incidents.c.thread_id, place),
            )
        ).scalar_one()
    )


def running(connection: Connection, place: Place | None, since: datetime) -> int | None:
    """The storm there that an incident joined since then; None when there is none."""
    return connection.execute(
        select(storms.c.id)
        .where(storms.c.joined_at > since, _here(storms.c.chat_id, storms.c.thread_id, place))
        .order_by(storms.c.joined_at.desc())
        .limit(1)
    ).scalar()


def begin(connection: Connection, place: Place | None, now: datetime) -> int:
    """A new storm there; gives its id."""
    storm_id: int = connection.execute(
        insert(storms).values(
            chat_id=place.chat_id if place else None,
            thread_id=place.thread_id if place else None,
            opened_at=now,
            joined_at=now,
        )
    ).inserted_primary_key[0]  # type: ignore[index]
    return storm_id


def join(connection: Connection, storm_id: int, ids: Collection[int], now: datetime) -> None:
    """These incidents belong to it: they get no card of their own."""
    connection.execute(update(incidents).where(incidents.c.id.in_(sorted(ids))).values(storm_id=storm_id))
    connection.execute(update(storms).where(storms.c.id == storm_id).values(joined_at=now))


def view(connection: Connection, storm_id: int, newest: int = 10) -> Storm | None:
    """The storm as it stands; None when there is none."""
    row = connection.execute(select(storms).where(storms.c.id == storm_id)).one_or_none()
    if row is None:
        return None
    counted = connection.execute(
        select(incidents.c.state, incidents.c.severity, func.count(), func.max(incidents.c.id))
        .where(incidents.c.storm_id == storm_id)
        .group_by(incidents.c.state, incidents.c.severity)
    ).all()
    counts: dict[IncidentState, int] = {}
    severities: dict[str, int] = {}
    for state, severity, number, _ in counted:
        counts[IncidentState(state)] = counts.get(IncidentState(state), 0) + number
        severities[severity] = severities.get(severity, 0) + number
    ids = connection.execute(
        select(incidents.c.id)
        .where(incidents.c.storm_id == storm_id, incidents.c.state != IncidentState.RESOLVED.value)
        .order_by(incidents.c.id.desc())
        .limit(newest)
    ).scalars()
    return Storm(
        id=row.id,
        opened_at=row.opened_at,
        counts=counts,
        severities=severities,
        newest=tuple(reversed(of_ids(connection, ids))),
        last_id=max((last for *_, last in counted), default=0),
    )


def incident_ids(connection: Connection, storm_id: int) -> list[int]:
    """Ids of its incidents."""
    return list(connection.execute(select(incidents.c.id).where(incidents.c.storm_id == storm_id)).scalars())
