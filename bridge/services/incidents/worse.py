"""An alert that became critical: what was decided about something lesser holds no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bridge.domain.alerts import Alert, Severity
from bridge.domain.incident import IncidentState
from bridge.oncall.records import NO_POLICY
from bridge.oncall.routes import way
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices
from bridge.services.incidents.policies import policy_of, turn_at
from bridge.store import incident_log, incident_moves, incidents, page_requests
from bridge.store.incident_log import ACKNOWLEDGED, BECAME_CRITICAL, EASED
from bridge.store.incidents import Incident


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """An incident as it stood, and the news of it."""

    incident: Incident
    alert: Alert

    @property
    def is_critical_now(self) -> bool:
        return self.alert.severity is Severity.CRITICAL is not self.incident.severity

    @property
    def was_critical(self) -> bool:
        return self.incident.severity is Severity.CRITICAL is not self.alert.severity


def severities_changed(
    connection: Connection, notices: Notices, changes: Sequence[Change], roster: Roster, now: datetime
) -> None:
    """News changed how severe these are."""
    worse = [one for one in changes if one.is_critical_now]
    if worse:
        _became_critical(connection, notices, worse, roster, now)
    # So that an Ack of something critical still counts as one when it is critical again.
    eased = [one.incident for one in changes if one.was_critical and _is_acknowledged(one.incident)]
    incident_log.note(connection, [one.id for one in eased], EASED, "not critical any more", now)


def _became_critical(
    connection: Connection, notices: Notices, worse: Sequence[Change], roster: Roster, now: datetime
) -> None:
    """No quiet time holds their pages. An Ack was for something lesser: its policy starts anew."""
    acked = [one.incident.id for one in worse if _is_acknowledged(one.incident)]
    last = incident_log.last_of(connection, acked, (ACKNOWLEDGED, EASED))
    worse = [one for one in worse if last.get(one.incident.id) != EASED]
    running = [one.incident for one in worse if not _is_acknowledged(one.incident) and one.incident.due_at]
    anew = [one for one in worse if one.incident not in running]
    _hurry(connection, running, roster, now)
    incident_log.note(connection, [one.id for one in running], BECAME_CRITICAL, "became critical", now)
    for one in anew:
        incident = one.incident
        policy = way(roster.oncall, one.alert).policy if incident.policy == NO_POLICY else incident.policy
        incident_moves.begin(connection, incident.id, policy, None if policy == NO_POLICY else now, now)
        words = f"became critical{_after_the_ack(incident)}; policy {policy}"
        incident_log.note(connection, [incident.id], BECAME_CRITICAL, words, now)
    again = [one.incident for one in anew if one.incident.id in acked]
    _tell(connection, notices, again, "it is open again, and its steps begin anew", now)
    ended = [one.incident for one in anew if one.incident.id not in acked and one.incident.policy != NO_POLICY]
    _tell(connection, notices, ended, "its steps begin anew", now)


def _hurry(connection: Connection, some: Sequence[Incident], roster: Roster, now: datetime) -> None:
    """Their pages are due now, and the wait of their step begins now."""
    page_requests.hurry(connection, [incident.id for incident in some], now)
    for incident in some:
        policy = policy_of(roster, incident.policy)
        turn = turn_at(policy, incident.position - 1) if policy and incident.position else None
        if turn and incident.due_at and incident.due_at > now + turn.step.wait:
            incidents.set_timers(connection, [(incident.id, incident.position, now + turn.step.wait)])


def _tell(connection: Connection, notices: Notices, some: Sequence[Incident], what: str, now: datetime) -> None:
    """One notice for all: an edited card makes no sound."""
    if some:
        first = some[0]
        more = f" (and {len(some) - 1} more, see /alerts)" if len(some) > 1 else ""
        words = f"‼️ {first.code} {first.title}{more} became critical{_after_the_ack(first)}: {what}."
        notices.tell(connection, f"critical:{first.id}:{now.timestamp():.6f}", words, now, about=some)


def _after_the_ack(incident: Incident) -> str:
    return f", after {incident.acked_by} had acknowledged it" if _is_acknowledged(incident) else ""


def _is_acknowledged(incident: Incident) -> bool:
    return incident.state is IncidentState.ACKNOWLEDGED
