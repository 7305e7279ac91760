"""What is known of a message, an incident or a page after the fact: rows with their times, for whoever asks why."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, or_, select

from bridge.store.many import slices
from bridge.store.tables import attempts, deliveries, page_requests, pages, posts


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One gateway call for one number. `outcome`: "" while it runs, or was cut off and nobody has looked."""

    message_id: int
    number: str
    attempt: int
    gateway: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    reason: str
    code: str
    sms_id: str
    http_status: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryStanding:
    """Where a delivery is. `due_at`: of what is queued, when it goes out."""

    message_id: int
    number: str
    state: str
    reason: str
    due_at: datetime
    changed_at: datetime
    attempt: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedFor:
    """Somebody was to be paged about an incident. `page_id`: the page that stands for it, if one was made."""

    incident_id: int
    person_name: str
    position: int
    requested_at: datetime
    due_at: datetime
    page_id: int | None
    dropped: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PostShown:
    """A post that shows it. `telegram_id`: None while there is none. `current`: it shows the newest state.

    `due_at`: of one that is not current, when it is tried next.
    """

    chat_id: int
    telegram_id: int | None
    current: bool
    tries: int
    trouble: str
    due_at: datetime


def attempts_of(connection: Connection, message_ids: Collection[int]) -> list[Attempt]:
    """Every attempt of these messages, by its start."""
    found = []
    for some in slices(message_ids):
        rows = connection.execute(
            select(
                deliveries.c.message_id,
                deliveries.c.number,
                attempts.c.attempt,
                attempts.c.gateway,
                attempts.c.started_at,
                attempts.c.finished_at,
                attempts.c.outcome,
                attempts.c.reason,
                attempts.c.code,
                attempts.c.sms_id,
                attempts.c.http_status,
            )
            .select_from(deliveries.join(attempts, attempts.c.delivery_id == deliveries.c.id))
            .where(deliveries.c.message_id.in_(some))
        )
        found += [Attempt(**row._mapping) for row in rows]
    return sorted(found, key=lambda one: (one.started_at, one.message_id, one.number, one.attempt))


def standings_of(connection: Connection, message_ids: Collection[int]) -> list[DeliveryStanding]:
    """Where each delivery of these messages is."""
    found = []
    for some in slices(message_ids):
        rows = connection.execute(
            select(
                deliveries.c.message_id,
                deliveries.c.number,
                deliveries.c.state,
                deliveries.c.reason,
                deliveries.c.due_at,
                deliveries.c.changed_at,
                deliveries.c.attempt,
            )
            .where(deliveries.c.message_id.in_(some))
            .order_by(deliveries.c.message_id, deliveries.c.position)
        )
        found += [DeliveryStanding(**row._mapping) for row in rows]
    return found


def asked_about(connection: Connection, incident_id: int) -> list[AskedFor]:
    """Who was to be paged about this incident, also what was dropped, in the order in which it was asked for."""
    return _asked(connection, page_requests.c.incident_id == incident_id)


def answered_by(connection: Connection, page_id: int) -> list[AskedFor]:
    """What this page stands for."""
    return _asked(connection, page_requests.c.page_id == page_id)


def _asked(connection: Connection, which: ColumnElement[bool]) -> list[AskedFor]:
    rows = connection.execute(
        select(
            page_requests.c.incident_id,
            page_requests.c.person_name,
            page_requests.c.position,
            page_requests.c.requested_at,
            page_requests.c.due_at,
            page_requests.c.page_id,
            page_requests.c.dropped,
        )
        .where(which)
        .order_by(page_requests.c.id)
    )
    return [AskedFor(**{**row._mapping, "dropped": bool(row.dropped)}) for row in rows]


def page_of_message(connection: Connection, message_id: int) -> int | None:
    """The id of the page that this message is; None for one that is none."""
    return connection.execute(select(pages.c.id).where(pages.c.message_id == message_id)).scalar()


def shown_for(
    connection: Connection,
    *,
    message_ids: Collection[int] = (),
    incident_id: int | None = None,
    storm_id: int | None = None,
    page_ids: Collection[int] = (),
) -> list[PostShown]:
    """The posts that show any of these."""
    which: list[ColumnElement[bool]] = [posts.c.message_id.in_(sorted(message_ids))] if message_ids else []
    which += [posts.c.page_id.in_(sorted(page_ids))] if page_ids else []
    which += [posts.c.incident_id == incident_id] if incident_id is not None else []
    which += [posts.c.storm_id == storm_id] if storm_id is not None else []
    rows = connection.execute(select(posts).where(or_(*which)).order_by(posts.c.id)) if which else ()
    return [
        PostShown(
            chat_id=row.chat_id,
            telegram_id=row.telegram_id,
            current=row.shown >= row.wanted,
            tries=row.tries,
            trouble=row.trouble,
            due_at=row.due_at,
        )
        for row in rows
    ]
