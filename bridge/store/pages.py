"""Pages: one SMS to one person, about one or more incidents."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, func, insert, select, update

from bridge.domain.alerts import RANKS
from bridge.domain.decision import Hold
from bridge.domain.delivery import State
from bridge.domain.incident import IncidentState
from bridge.oncall.records import Person
from bridge.store import messages
from bridge.store.dialect import by_no_index
from bridge.store.incidents import Incident, of_ids
from bridge.store.many import slices
from bridge.store.queue import PRIORITY_PAGE
from bridge.store.tables import IS_QUEUED, attempts, deliveries, incidents, page_requests, pages
from bridge.store.tables import messages as messages_table

OWNER = "oncall"


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One SMS to one person. `repeat`: it says that it may be one. `maybe_sent`: attempts of which nobody knows.

    `dated`: when it was made, by the clock of then: its ack link is made of it, so it stays when the clock is set.
    """

    id: int
    person: str
    person_name: str
    message_id: int
    dated: datetime
    created_at: datetime
    repeat: bool
    maybe_sent: int
    state: State
    number: str

    @property
    def code(self) -> str:
        """What people type for it: `P12`."""
        return f"P{self.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Paged:
    """How paging a person about an incident stands. `state`: of the page's delivery; None while no page stands for it.

    `due_at`: when that page will be, if there is none yet. `reason`: as the delivery has it.
    """

    person: str
    person_name: str
    requested_at: datetime
    due_at: datetime
    page_id: int | None
    number: str
    state: State | None
    reason: str
    maybe_sent: int
    changed_at: datetime | None
    position: int


_PAGES = select(
    pages, messages_table.c.created_at.label("dated"), deliveries.c.maybe_sent, deliveries.c.state, deliveries.c.number
).select_from(
    pages.join(deliveries, deliveries.c.message_id == pages.c.message_id).join(
        messages_table, messages_table.c.id == pages.c.message_id
    )
)
_NEWEST = 5
"""Pages of a person that are looked at: while one waits for the gateway, no other is made."""

_newest = (
    select(pages.c.message_id, pages.c.created_at)
    .where(pages.c.person == bindparam("b_person"))
    .order_by(pages.c.created_at.desc())
    .limit(_NEWEST)
    .subquery()
)
_LAST_PAGE = select(
    func.max(case((deliveries.c.state != State.CANCELLED.value, _newest.c.created_at))),
    func.max(case((attempts.c.outcome.in_(["", "accepted", "unknown"]), attempts.c.started_at))),
).select_from(
    _newest.join(deliveries, deliveries.c.message_id == _newest.c.message_id).outerjoin(
        attempts, attempts.c.delivery_id == deliveries.c.id
    )
)


def last_paged(connection: Connection, person: str) -> datetime | None:
    """When this person's newest page was made, or when the last SMS left that may have arrived, whichever is later.

    One that was taken back before it left does not count. None: never.
    """
    return max((at for at in connection.execute(_LAST_PAGE, {"b_person": person}).one() if at), default=None)


def add(connection: Connection, person: Person, *, key: str, hash_of: Callable[[int], str], now: datetime) -> int:
    """Write down a page, with the message and delivery that are its SMS; gives its id.

    `key`: what makes a repeat the same message. `hash_of`: its message's id -> SHA-256 (hex) of what its ack link ends
    in. Its text is made when it is claimed.
    """
    message_id = messages.add(
        connection,
        messages.NewMessage(
            source=messages.PAGE,
            source_key=key,
            owner=OWNER,
            owner_name=person.name,
            text="",
            encoding="",
            segments=0,
            numbers=[person.phone],
            remarks={},
            hold=Hold.NOT,
            priority=PRIORITY_PAGE,
            group_size=1,
        ),
        now=now,
        buttons_until=None,
    )
    page_id: int = connection.execute(
        insert(pages).values(
            person=person.key,
            person_name=person.name[:200],
            message_id=message_id,
            token_hash=hash_of(message_id),
            created_at=now,
            repeat=0,
        )
    ).inserted_primary_key[0]  # type: ignore[index]
    return page_id


def queued_of(connection: Connection, person: str) -> Page | None:
    """This person's page that is not with the gateway yet; None when there is none."""
    row = connection.execute(
        _PAGES.where(IS_QUEUED, deliveries.c.priority == PRIORITY_PAGE, by_no_index(pages.c.person) == person)
        .order_by(pages.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else _page(row)


def by_message(connection: Connection, message_ids: Collection[int]) -> dict[int, Page]:
    """Message id -> the page that it is, of those that are one."""
    rows = connection.execute(_PAGES.where(pages.c.message_id.in_(sorted(message_ids))))
    return {row.message_id: _page(row) for row in rows}


def get(connection: Connection, page_id: int) -> Page | None:
    """The page; None when there is none."""
    row = connection.execute(_PAGES.where(pages.c.id == page_id)).one_or_none()
    return None if row is None else _page(row)


def by_token(connection: Connection, token_hash: str) -> Page | None:
    """The page of an ack link; None when there is none."""
    row = connection.execute(_PAGES.where(pages.c.token_hash == token_hash)).one_or_none()
    return None if row is None else _page(row)


def _page(row: Row[Any]) -> Page:
    return Page(
        id=row.id,
        person=row.person,
        person_name=row.person_name,
        message_id=row.message_id,
        dated=row.dated,
        created_at=row.created_at,
        repeat=bool(row.repeat),
        maybe_sent=row.maybe_sent,
        state=State(row.state),
        number=row.number,
    )


def incident_ids(connection: Connection, page_id: int) -> list[int]:
    """The incidents that a page stands for."""
    return list(
        connection.execute(
            select(page_requests.c.incident_id)
            .distinct()  # two requests may be answered by one page
            .where(page_requests.c.page_id == page_id)
            .order_by(page_requests.c.incident_id)
        ).scalars()
    )


def worst(connection: Connection, page_id: int, most: int) -> tuple[list[Incident], int]:
    """Incidents of a page that are open, the most severe and oldest first, at most so many; and how many are open."""
    # Two requests may be answered by one page.
    of_page = incidents.c.id.in_(select(page_requests.c.incident_id).where(page_requests.c.page_id == page_id))
    still_open = (of_page, incidents.c.state == IncidentState.OPEN.value)
    total = int(connection.execute(select(func.count()).select_from(incidents).where(*still_open)).scalar_one())
    ids = list(
        connection.execute(
            select(incidents.c.id)
            .where(*still_open)
            .order_by(case(dict(RANKS), value=incidents.c.severity), incidents.c.opened_at, incidents.c.id)
            .limit(most)
        ).scalars()
    )
    found = {one.id: one for one in of_ids(connection, ids)}
    return [found[incident_id] for incident_id in ids], total


def unanswered(connection: Connection, incident_ids: Iterable[int]) -> list[Page]:
    """Pages about these incidents whose SMS is queued, and of which no incident is open any more."""
    open_too = (
        select(page_requests.c.page_id)
        .select_from(page_requests.join(incidents, incidents.c.id == page_requests.c.incident_id))
        .where(incidents.c.state == IncidentState.OPEN.value, page_requests.c.page_id == pages.c.id)
    )
    found: dict[int, Page] = {}
    for some in slices(sorted(set(incident_ids))):
        about = select(page_requests.c.page_id).where(
            page_requests.c.incident_id.in_(some), page_requests.c.page_id.is_not(None)
        )
        rows = connection.execute(
            _PAGES.where(
                pages.c.id.in_(about),
                deliveries.c.state.in_([State.QUEUED.value, State.HELD.value]),
                ~open_too.exists(),
            )
        )
        found |= {row.id: _page(row) for row in rows}
    return list(found.values())


def of_incident(connection: Connection, incident_id: int) -> list[Paged]:
    """How paging about this incident stands, in the order in which it was asked for."""
    rows = connection.execute(
        select(
            page_requests.c.person,
            page_requests.c.requested_at,
            page_requests.c.due_at,
            page_requests.c.page_id,
            page_requests.c.position,
            page_requests.c.person_name,
            deliveries.c.number,
            deliveries.c.state,
            deliveries.c.reason,
            deliveries.c.maybe_sent,
            deliveries.c.changed_at,
        )
        .select_from(
            page_requests.outerjoin(pages, pages.c.id == page_requests.c.page_id).outerjoin(
                deliveries, deliveries.c.message_id == pages.c.message_id
            )
        )
        .where(page_requests.c.incident_id == incident_id, page_requests.c.dropped == 0)
        .order_by(page_requests.c.id)
    )
    return [
        Paged(
            person=row.person,
            person_name=row.person_name,
            requested_at=row.requested_at,
            due_at=row.due_at,
            page_id=row.page_id,
            number=row.number or "",
            state=State(row.state) if row.state else None,
            reason=row.reason or "",
            maybe_sent=row.maybe_sent or 0,
            changed_at=row.changed_at,
            position=row.position,
        )
        for row in rows
    ]


def mark_repeat(connection: Connection, page_ids: Collection[int]) -> None:
    """These say that they may be a repeat."""
    connection.execute(update(pages).where(pages.c.id.in_(sorted(page_ids))).values(repeat=1))


def mark_repeats(connection: Connection, before: datetime) -> None:
    """What is queued since `before`, when an absence began, may have been overtaken by what people did: it says that it
    may be a repeat."""
    queued = select(deliveries.c.message_id).where(deliveries.c.state == State.QUEUED.value)
    connection.execute(
        update(pages).where(pages.c.message_id.in_(queued), pages.c.created_at <= before).values(repeat=1)
    )
