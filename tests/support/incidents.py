"""Incidents and pages to try the store with."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count

from sqlalchemy import Connection

from bridge.domain.alerts import Alert, Severity
from bridge.domain.delivery import Next, State
from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.oncall.records import Person
from bridge.store import incidents, outcomes, page_requests, pages
from bridge.store.outcomes import Finished
from bridge.store.page_requests import PageRequest
from tests.support.outbox import claim

AMA = Person(key="ama", name="Ama", phone="+233241109433")
KOFI = Person(key="kofi", name="Kofi", phone="+233551234567")

_keys = count(1)


def alert(
    name: str = "disk full", *, severity: Severity = Severity.CRITICAL, starts_at: datetime | None = None
) -> Alert:
    """An alert that fires; its fingerprint is its name."""
    return Alert(
        source="alertmanager", fingerprint=name, firing=True, title=name, severity=severity, starts_at=starts_at
    )


def open_incident(
    connection: Connection,
    name: str = "disk full",
    *,
    now: datetime,
    policy: str = "default",
    due_at: datetime | None = None,
    severity: Severity = Severity.CRITICAL,
) -> int:
    """Open an incident of this alert; gives its id."""
    new = incidents.New(alert=alert(name, severity=severity), policy=policy, place=None, due_at=due_at)
    (incident_id,) = incidents.add(connection, [new], now)
    return incident_id


def ask(connection: Connection, ids: Sequence[int], person: Person, *, now: datetime, position: int = 0) -> None:
    """This person shall be paged about these."""
    requests = [PageRequest(incident_id=one, person=person, position=position, due_at=now) for one in ids]
    page_requests.ask(connection, requests, now)


def page(connection: Connection, ids: Sequence[int], person: Person, *, now: datetime) -> int:
    """A page stands for what this person is to be paged about these; gives its id."""
    key = f"{next(_keys)}"
    page_id = pages.add(connection, person, key=key, hash_of=lambda _: f"hash-{key}", now=now)
    page_requests.answer(connection, page_id, person.key, ids)
    return page_id


_OUTCOMES: dict[State, Outcome] = {
    State.ACCEPTED: Accepted(),
    State.REJECTED: Rejected(reason=Reason.BAD_NUMBER),
    State.QUEUED: NotSent(reason=Reason.UNREACHABLE),
    State.FAILED: NotSent(reason=Reason.UNREACHABLE),
    State.UNKNOWN: Unknown(reason=Reason.NO_ANSWER),
}


def send(connection: Connection, page_id: int, state: State | None, *, now: datetime) -> None:
    """The page goes to the gateway, and ends so; None: it is still there."""
    found = pages.get(connection, page_id)
    assert found is not None
    (call,) = claim(connection, now=now, only_message=found.message_id)
    if state is not None:
        following = Next(state=state, due_at=now if state is State.QUEUED else None)
        news = Finished(
            message_id=call.message_id,
            delivery=call.deliveries[0],
            call=call.id,
            outcome=_OUTCOMES[state],
            next=following,
            page=True,
        )
        assert outcomes.finish(connection, [news], now=now, buttons_until=now) == 1


def sent_page(
    connection: Connection, ids: Sequence[int], person: Person, state: State | None, *, now: datetime, position: int = 0
) -> int:
    """Asked for, made and sent in one moment; gives its id."""
    ask(connection, ids, person, now=now, position=position)
    page_id = page(connection, ids, person, now=now)
    send(connection, page_id, state, now=now)
    return page_id
