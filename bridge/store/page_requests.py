"""Who is to be paged about what, until a page stands for it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, func, select, update

from bridge.domain.delivery import State
from bridge.domain.incident import IncidentState
from bridge.oncall.records import Person
from bridge.store.dialect import insert_new_rows
from bridge.store.many import Many, slices
from bridge.store.tables import (
    IS_OPEN_INCIDENT,
    IS_OPEN_REQUEST,
    UtcTime,
    deliveries,
    incidents,
    microseconds,
    page_requests,
    pages,
)

BAD_ENDS = frozenset({State.REJECTED, State.FAILED})
"""Ends of a page of which it is certain that no phone buzzed."""

_OPEN_ROWS = select(page_requests.c.person, func.min(page_requests.c.due_at).label("due_at")).where(IS_OPEN_REQUEST)


@dataclass(frozen=True, kw_only=True, slots=True)
class PageRequest:
    """A person shall be paged about an incident, not before `due_at`. `position`: of the escalation that asks."""

    incident_id: int
    person: Person
    position: int
    due_at: datetime


def ask(connection: Connection, requests: Sequence[PageRequest], now: datetime) -> None:
    """Ask for pages. Of who waits for one already, or has one queued about that incident, no second one comes."""
    queued = _queued(connection, {one.incident_id for one in requests})
    # What waits for its page carries the newest step from now on, and the earlier of both times.
    _CARRY.run(
        connection, [(one.position, microseconds(one.due_at), one.incident_id, one.person.key) for one in requests]
    )
    insert_new_rows(
        connection,
        page_requests,
        [
            {
                "incident_id": one.incident_id,
                "person": one.person.key,
                "person_name": one.person.name[:200],
                "position": one.position,
                "requested_at": now,
                "due_at": one.due_at,
                "page_id": queued.get((one.incident_id, one.person.key)),
                "dropped": 0,
            }
            for one in requests
        ],
    )


_CARRY = Many(
    update(page_requests)
    .where(
        IS_OPEN_REQUEST,
        page_requests.c.incident_id == bindparam("b_incident"),
        page_requests.c.person == bindparam("b_person"),
    )
    .values(
        position=bindparam("b_position"),
        due_at=case(
            (page_requests.c.due_at < bindparam("b_due", type_=UtcTime), page_requests.c.due_at),
            else_=bindparam("b_due", type_=UtcTime),
        ),
    ),
    "b_position",
    "b_due",
    "b_incident",
    "b_person",
)


def _queued(connection: Connection, incident_ids: Collection[int]) -> dict[tuple[int, str], int]:
    """(incident, person) -> their page that is not with the gateway yet."""
    found: dict[tuple[int, str], int] = {}
    for some in slices(incident_ids):
        rows = connection.execute(
            select(page_requests.c.incident_id, page_requests.c.person, page_requests.c.page_id)
            .select_from(
                page_requests.join(pages, pages.c.id == page_requests.c.page_id).join(
                    deliveries, deliveries.c.message_id == pages.c.message_id
                )
            )
            .where(page_requests.c.incident_id.in_(some), deliveries.c.state == State.QUEUED.value)
        )
        found |= {(row.incident_id, row.person): row.page_id for row in rows}
    return found


def waiting(connection: Connection) -> dict[str, datetime]:
    """Person -> when the first page that is asked for is due (their quiet time is over)."""
    return {row.person: row.due_at for row in connection.execute(_OPEN_ROWS.group_by(page_requests.c.person))}


def each_waiting(connection: Connection) -> list[tuple[str, int]]:
    """(person, incident) of each page that is asked for, unread."""
    rows = connection.execute(
        select(page_requests.c.id, page_requests.c.person, page_requests.c.incident_id).where(IS_OPEN_REQUEST)
    )
    return [(row.person, row.incident_id) for row in sorted(rows, key=lambda row: row.id)]


def due_at(connection: Connection, person: str, incident_id: int) -> datetime | None:
    """When this person's page about that incident is due; None when none is asked for any more."""
    query = select(page_requests.c.due_at).where(
        IS_OPEN_REQUEST, page_requests.c.person == person, page_requests.c.incident_id == incident_id
    )
    return connection.execute(query).scalar()


def requested(connection: Connection, person: str, now: datetime) -> list[int]:
    """Incidents that this person is to be paged about now."""
    return list(
        connection.execute(
            select(page_requests.c.incident_id)
            .where(IS_OPEN_REQUEST, page_requests.c.person == person, page_requests.c.due_at <= now)
            .order_by(page_requests.c.incident_id)
        ).scalars()
    )


def answer(connection: Connection, page_id: int, person: str, incident_ids: Collection[int]) -> None:
    """What this person is to be paged about these incidents, that page stands for."""
    for some in slices(sorted(incident_ids)):
        connection.execute(
            update(page_requests)
            .where(IS_OPEN_REQUEST, page_requests.c.person == person, page_requests.c.incident_id.in_(some))
            .values(page_id=page_id)
        )


def drop(connection: Connection, incident_ids: Iterable[int], *, person: str | None = None) -> None:
    """Nobody (or not this person) is to be paged about these any more, as far as no page stands for it."""
    for some in slices(sorted(set(incident_ids))):
        query = update(page_requests).where(IS_OPEN_REQUEST, page_requests.c.incident_id.in_(some)).values(dropped=1)
        connection.execute(query if person is None else query.where(page_requests.c.person == person))


def hurry(connection: Connection, incident_ids: Iterable[int], now: datetime) -> None:
    """What is asked for about these is due now, whatever quiet time it waits for."""
    for some in slices(sorted(set(incident_ids))):
        connection.execute(
            update(page_requests)
            .where(IS_OPEN_REQUEST, page_requests.c.incident_id.in_(some), page_requests.c.due_at > now)
            .values(due_at=now)
        )


def take_back(connection: Connection, page_id: int, asked: Collection[int], now: datetime) -> list[int]:
    """What a page stood for that is open is asked for again, but for what is `asked` anew; gives those incidents.

    Of what a later step asks for, too, that request stands for both, and waits no longer than this page would have.
    """
    still_open = select(incidents.c.id).where(IS_OPEN_INCIDENT, incidents.c.state == IncidentState.OPEN.value)
    of_page = connection.execute(
        select(page_requests.c.id, page_requests.c.incident_id, page_requests.c.person)
        .where(page_requests.c.page_id == page_id, page_requests.c.incident_id.in_(still_open))
        .order_by(page_requests.c.position.desc(), page_requests.c.id)
    ).all()
    persons = {row.person for row in of_page}
    waiting = set(
        connection.execute(
            select(page_requests.c.incident_id).where(IS_OPEN_REQUEST, page_requests.c.person.in_(persons))
        ).scalars()
    )
    for some in slices({row.incident_id for row in of_page} & waiting):
        connection.execute(
            update(page_requests)
            .where(IS_OPEN_REQUEST, page_requests.c.person.in_(persons), page_requests.c.incident_id.in_(some))
            .where(page_requests.c.due_at > now)
            .values(due_at=now)
        )
    # A later step may have joined the same page about the same incident: one of them waits, the newest.
    newest: dict[int, int] = {}
    for row in of_page:
        if row.incident_id not in asked and row.incident_id not in waiting:
            newest.setdefault(row.incident_id, row.id)
    for some in slices(newest.values()):
        connection.execute(update(page_requests).where(page_requests.c.id.in_(some)).values(page_id=None))
    return sorted(newest)


_UNDER_WAY = (State.QUEUED.value, State.SENDING.value, State.HELD.value)


def under_way(connection: Connection, incident_ids: Collection[int]) -> set[int]:
    """Of these incidents, those that somebody is still to be paged about: a page waits, is sent, or is to be made."""
    found: set[int] = set()
    for some in slices(incident_ids):
        found |= set(
            connection.execute(
                select(page_requests.c.incident_id)
                .select_from(
                    page_requests.outerjoin(pages, pages.c.id == page_requests.c.page_id).outerjoin(
                        deliveries, deliveries.c.message_id == pages.c.message_id
                    )
                )
                .where(
                    page_requests.c.incident_id.in_(some),
                    page_requests.c.dropped == 0,
                    (page_requests.c.page_id.is_(None)) | (deliveries.c.state.in_(_UNDER_WAY)),
                )
            ).scalars()
        )
    return found


_OF_NEWEST_STEP = (
    page_requests.c.incident_id == incidents.c.id,
    page_requests.c.position == incidents.c.position - 1,
    page_requests.c.requested_at >= incidents.c.paging_since,  # not when the same step ran before an Ack that ran out
)
_ASKED = select(page_requests.c.id).where(*_OF_NEWEST_STEP).correlate(incidents)
_ALIVE = (
    select(page_requests.c.id)
    .select_from(
        page_requests.outerjoin(pages, pages.c.id == page_requests.c.page_id).outerjoin(
            deliveries, deliveries.c.message_id == pages.c.message_id
        )
    )
    .where(
        *_OF_NEWEST_STEP,
        page_requests.c.dropped == 0,
        (page_requests.c.page_id.is_(None)) | (deliveries.c.state.not_in([state.value for state in BAD_ENDS])),
    )
    .correlate(incidents)
)


def exhausted(connection: Connection, incident_ids: Collection[int]) -> list[int]:
    """Of these open incidents, those whose newest step has asked for pages and has nobody left: each of them is
    certainly not sent, or will not be made.

    A step that asked for none has its wait all the same: somebody got it by Telegram only.
    """
    found: list[int] = []
    for some in slices(incident_ids):
        found += connection.execute(
            select(incidents.c.id).where(
                incidents.c.id.in_(some),
                incidents.c.state == IncidentState.OPEN.value,
                _ASKED.exists(),
                ~_ALIVE.exists(),
            )
        ).scalars()
    return found
