"""What people answer to an incident: acknowledge, resolve, escalate now."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.delivery import Cause, State
from bridge.domain.errors import NotFound, Refused
from bridge.domain.incident import IncidentState
from bridge.domain.wording import count
from bridge.oncall.who import Roster
from bridge.services.incidents.policies import policy_of
from bridge.store import (
    alert_ends,
    incident_log,
    incident_moves,
    incidents,
    messages,
    page_requests,
    pages,
    posts,
)
from bridge.store.incidents import Incident

CLOCKS_DIFFER = timedelta(minutes=5)
"""So far a source's clock may be ahead of ours: what is later than that is not known."""

REPORT_ENDS = frozenset({"alertmanager", "grafana", "uptime-kuma", "heartbeat"})
"""Sources that tell when an alert is over: only for them an Ack may run out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Responded:
    """`done`: incidents that were changed. `words`: for whoever asked, plain."""

    done: tuple[int, ...]
    words: str


def acknowledge(
    connection: Connection, ids: Sequence[int], *, by: str, via: str, roster: Roster, now: datetime
) -> Responded:
    """Acknowledge what is open of these. In this one transaction escalation ends and queued pages are cancelled.

    Raises `Refused` when none is open, and says who was first.
    """
    found = incidents.of_ids(connection, ids)
    again_at = {one.id: _again_at(one, roster, now) for one in found}
    won = incident_moves.acknowledge(connection, ids, by=by, now=now, again_at=again_at)
    if not won:
        raise Refused("too_late", _who_was_first(found))
    incident_log.note(connection, won, incident_log.ACKNOWLEDGED, f"{by}, {via}", now)
    stop_paging(connection, won, now)
    return Responded(done=tuple(won), words=f"{_named(found, won)}: acknowledged")


def resolve(connection: Connection, ids: Sequence[int], *, by: str, via: str, now: datetime) -> Responded:
    """Resolve what is not. Raises `Refused` when all are, and says who was first."""
    found = incidents.of_ids(connection, ids)
    won = incident_moves.resolve(connection, ids, by=by, now=now)
    if not won:
        raise Refused("too_late", _who_was_first(found))
    for one in found:
        # By the source's clock: what it tells of this same firing later opens nothing anew.
        if one.id in won and one.starts_at is not None:
            alert_ends.note_by_hand(connection, one.source, one.fingerprint, min(one.starts_at, now + CLOCKS_DIFFER))
    incident_log.note(connection, won, "resolved", f"{by}, {via}", now)
    stop_paging(connection, won, now)
    return Responded(done=tuple(won), words=f"{_named(found, won)}: resolved")


def escalate_now(connection: Connection, incident_id: int, *, seen: int, by: str, now: datetime) -> Responded:
    """Run the next step now, not after the wait. Raises `Refused` where none is to come.

    `seen`: the position that the button was drawn at, so that two presses are one.
    """
    found = incidents.get(connection, incident_id)
    if found is None:
        raise NotFound(f"There is no incident A{incident_id}.")
    if found.state is not IncidentState.OPEN:
        raise Refused("too_late", _who_was_first([found]))
    if found.due_at is None:
        raise Refused("nothing", f"{found.code} pages nobody: its policy has no further step.")
    if found.position != seen:
        raise Refused("done", f"{found.code}: the next step has run already.")
    incidents.hurry(connection, [incident_id], now)
    incident_log.note(connection, [incident_id], "escalated", by, now)
    posts.touch_incidents(connection, [incident_id])
    return Responded(done=(incident_id,), words=f"{found.code}: the next step runs now")


def ended_by_source(connection: Connection, ids: Sequence[int], source: str, now: datetime) -> None:
    """The source says that these are over."""
    won = incident_moves.resolve(connection, ids, by=source, now=now)
    incident_log.note(connection, won, "resolved", f"by {source}", now)
    stop_paging(connection, won, now)


def stop_paging(connection: Connection, ids: Collection[int], now: datetime) -> None:
    """Nobody needs to hear of these any more: what is asked for is dropped, what is queued is cancelled.

    A page that stands for others, too, goes on for them.
    """
    page_requests.drop(connection, ids)
    for page in pages.unanswered(connection, ids):
        messages.move(connection, page.message_id, Cause.CANCEL, State.CANCELLED, now=now)
    posts.touch_incidents(connection, ids)


def _again_at(incident: Incident, roster: Roster, now: datetime) -> datetime | None:
    policy = policy_of(roster, incident.policy)
    if policy is None or policy.ack_timeout is None or incident.source not in REPORT_ENDS:
        return None
    return now + policy.ack_timeout


def _named(found: Sequence[Incident], won: Collection[int]) -> str:
    changed = [one for one in found if one.id in won]
    return f"{changed[0].code} {changed[0].title[:60]}" if len(changed) == 1 else count(len(changed), "incident")


def _who_was_first(found: Sequence[Incident]) -> str:
    if len(found) != 1:
        return "None of them is open any more."
    (one,) = found
    if one.state is IncidentState.RESOLVED:
        return f"{one.code} is resolved already, by {one.resolved_by}{_at(one.resolved_at)}."
    return f"{one.code} is acknowledged already, by {one.acked_by}{_at(one.acked_at)}."


def _at(at: datetime | None) -> str:
    return f" at {at.astimezone(UTC):%H:%M:%S} UTC" if at else ""
