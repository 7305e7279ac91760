"""What was a card only and has a route by now: its news have another severity, or the on-call file is another."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from bridge.domain.alerts import Alert
from bridge.domain.incident import IncidentState
from bridge.oncall.records import NO_POLICY
from bridge.oncall.routes import way
from bridge.oncall.who import Roster
from bridge.store import incident_log, incident_moves
from bridge.store.incidents import Incident


def page_if_routed(
    connection: Connection, news: Sequence[tuple[Incident, Alert]], roster: Roster, now: datetime
) -> None:
    """`news`: incidents as they stood, and what is told of them. Their steps begin, where a route has some now."""
    for incident, alert in news:
        if incident.policy != NO_POLICY or incident.state is not IncidentState.OPEN:
            continue
        policy = way(roster.oncall, alert).policy
        if policy != NO_POLICY:
            incident_moves.begin(connection, incident.id, policy, now, now)
            words = f"{alert.severity.value} now; policy {policy}"
            incident_log.note(connection, [incident.id], "routed", words, now)
