"""The escalation of an incident: which step is due, whom it pages, and when the next one runs.

A step is one transaction: it asks for its pages and sets the next timer. So a restart in the middle changes nothing,
and an Ack, which clears the same timer, wins or loses cleanly.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.alerts import Severity
from bridge.domain.wording import age
from bridge.oncall.quiet import quiet_until
from bridge.oncall.records import Person
from bridge.oncall.who import Roster
from bridge.oncall.who import people as people_of
from bridge.services.notices import Notices
from bridge.services.policies import FALLBACK_EVERY, Turn, policy_of, turn_at
from bridge.store import incident_log, incidents, page_requests, posts
from bridge.store.incident_log import Entry
from bridge.store.incidents import Incident, IncidentState

log = logging.getLogger(__name__)


class Escalation:
    """Runs steps. `run` is called inside a transaction."""

    def __init__(self, *, notices: Notices, page_max_age: timedelta) -> None:
        """`page_max_age`: how long an incident is paged about."""
        self._notices = notices
        self._page_max_age = page_max_age

    def run(self, connection: Connection, incident: Incident, roster: Roster, now: datetime) -> None:
        """Its timer has run out: page whom the step names, and set the next timer."""
        if incident.state is IncidentState.ACKNOWLEDGED:
            self._page_again(connection, incident, now)
            return
        policy = policy_of(roster, incident.policy)
        if policy is None:
            self._end(connection, incident, f"the on-call file has no policy {incident.policy} any more", now)
            return
        if now - incident.opened_at >= self._page_max_age:
            self._end(connection, incident, f"nobody acknowledged it within {_age(self._page_max_age)}", now)
            return
        position = incident.position
        while True:
            turn = turn_at(policy, position)
            if turn is None:
                self._end(connection, incident, "nobody acknowledged it, and the policy has no fallback", now)
                return
            starts_at = self._ask(connection, incident, turn, position, roster, now)
            if starts_at is not None:
                incidents.set_timers(connection, [(incident.id, position + 1, starts_at + turn.step.wait)])
                break
            if turn.last_resort:
                # It never ends in silence, and never spins: in half an hour somebody may have a phone again.
                self._alarm(connection, incident, f"nobody could be paged, not even {_names(turn)}", position, now)
                incidents.set_timers(connection, [(incident.id, position + 1, now + FALLBACK_EVERY)])
                break
            position += 1
        posts.touch_incidents(connection, [incident.id])

    def _ask(
        self, connection: Connection, incident: Incident, turn: Turn, position: int, roster: Roster, now: datetime
    ) -> datetime | None:
        """Ask for the pages of a step. Gives from when its wait counts; None when it has nobody to page."""
        people = [person for person in people_of(roster, turn.step.targets, now) if person.phone]
        if not people:
            words = f"{_names(turn)}: nobody there has a phone"
            incident_log.write(connection, [Entry(incident_id=incident.id, event="step.nobody", words=words)], now)
            return None
        due = {person.key: self._due(incident, person, now) for person in people}
        entries = []
        for person in people:
            if page_requests.request(
                connection, incident.id, person, position=position, due_at=due[person.key], now=now
            ):
                quiet = due[person.key] > now
                words = f"{person.name}, after the quiet time" if quiet else person.name
                entries.append(Entry(incident_id=incident.id, event="page.asked", words=words))
        incident_log.write(connection, entries, now)
        return max(now, min(due.values()))

    def _due(self, incident: Incident, person: Person, now: datetime) -> datetime:
        if incident.severity is Severity.CRITICAL:
            return now
        return quiet_until(person, now) or now

    def _page_again(self, connection: Connection, incident: Incident, now: datetime) -> None:
        """Acknowledged a while ago, and it fires still."""
        if incidents.reopen(connection, incident.id, now):
            words = f"acknowledged by {incident.acked_by}, and it fires still"
            incident_log.write(connection, [Entry(incident_id=incident.id, event="ack.timeout", words=words)], now)
            posts.touch_incidents(connection, [incident.id])

    def _end(self, connection: Connection, incident: Incident, why: str, now: datetime) -> None:
        """Nobody is paged any more; that is said."""
        incidents.set_timers(connection, [(incident.id, incident.position, None)])
        page_requests.drop(connection, [incident.id])
        self._alarm(connection, incident, f"{why}. Nobody is paged about it any more", incident.position, now)
        posts.touch_incidents(connection, [incident.id])

    def _alarm(self, connection: Connection, incident: Incident, why: str, position: int, now: datetime) -> None:
        log.error("incident %s: %s", incident.code, why, extra={"event": "escalation.unheard"})
        incident_log.write(connection, [Entry(incident_id=incident.id, event="escalation.unheard", words=why)], now)
        words = f"{incident.code} {incident.title}: {why}."
        self._notices.alarm(connection, f"unheard:{incident.id}:{position}", words, now, about=incident)


def _age(span: timedelta) -> str:
    return age(span.total_seconds())


def _names(turn: Turn) -> str:
    return ", ".join(str(target) for target in turn.step.targets)
