"""Alerts become incidents: opened, heard of again, ended. News may be repeated, late, or in the wrong order."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.alerts import Alert
from bridge.oncall.records import NO_POLICY
from bridge.oncall.routes import way
from bridge.oncall.who import Roster
from bridge.services.notices import Notices, home
from bridge.services.respond import ended_by_source
from bridge.store import alert_ends, incident_log, incidents, posts, storms
from bridge.store.incident_log import Entry
from bridge.store.incidents import Incident
from bridge.store.posts import Place, Subject

log = logging.getLogger(__name__)

CARDS_A_MINUTE = 5
"""New incidents in one chat that get a card of their own within a minute; more share a storm card."""

MINUTE = timedelta(minutes=1)
STORM_FOR = timedelta(minutes=10)
"""After the last incident that joined it, a storm takes in no more."""


class Intake:
    """Takes alerts in. `take` is called inside a transaction."""

    def __init__(self, *, notices: Notices) -> None:
        self._notices = notices

    def take(
        self,
        connection: Connection,
        alerts: Sequence[Alert],
        roster: Roster,
        *,
        received_at: datetime,
        now: datetime,
        policy: str = "",
    ) -> None:
        """Take in news of one source, in its order. `received_at` stands in for times that the source does not tell.

        `policy`: of what it opens, whatever the routes say.
        """
        if not alerts:
            return
        source = alerts[0].source
        fingerprints = {alert.fingerprint for alert in alerts}
        is_open = incidents.open_of(connection, source, fingerprints)
        ends = alert_ends.of(connection, source, fingerprints)
        opened: dict[Place | None, list[int]] = {}
        touched: set[int] = set()
        for alert in alerts:
            current = is_open.get(alert.fingerprint)
            if not alert.firing:
                ended_at = alert.ends_at or received_at
                if self._ended(connection, alert, current, ended_at, ends.get(alert.fingerprint), now):
                    is_open.pop(alert.fingerprint, None)
                    ends[alert.fingerprint] = ended_at
            elif current is not None:
                incidents.heard(connection, current.id, alert, now)
                touched.add(current.id)
            elif not _is_late(alert.starts_at or received_at, ends.get(alert.fingerprint)):
                new, place = self._open(connection, alert, roster, policy, now)
                is_open[alert.fingerprint] = new
                opened.setdefault(place, []).append(new.id)
        posts.touch_incidents(connection, touched)
        for place, ids in opened.items():
            self._show(connection, place, ids, now)

    def _open(
        self, connection: Connection, alert: Alert, roster: Roster, wanted: str, now: datetime
    ) -> tuple[Incident, Place | None]:
        route = way(roster.oncall, alert)
        policy = wanted or route.policy
        place = Place(chat_id=route.chat.chat_id, thread_id=route.chat.topic) if route.chat else None
        incident_id = incidents.add(
            connection, alert, policy=policy, place=place, due_at=None if policy == NO_POLICY else now, now=now
        )
        words = f"{alert.severity.value} from {alert.source}; policy {policy}"
        incident_log.write(connection, [Entry(incident_id=incident_id, event="opened", words=words)], now)
        log.info("incident A%d opened", incident_id, extra={"event": "incident.opened"})
        (new,) = incidents.of_ids(connection, [incident_id])
        return new, place

    def _ended(
        self,
        connection: Connection,
        alert: Alert,
        current: Incident | None,
        ended_at: datetime,
        last_end: datetime | None,
        now: datetime,
    ) -> bool:
        """It is over, says the source. False for late news: of an end that is known, or from before this firing."""
        if last_end is not None and ended_at <= last_end:
            return False
        if current is not None and current.starts_at is not None and ended_at < current.starts_at:
            return False
        alert_ends.note(connection, alert.source, alert.fingerprint, ended_at)
        if current is not None:
            ended_by_source(connection, current, alert, now)
        return True

    def _show(self, connection: Connection, place: Place | None, ids: Sequence[int], now: datetime) -> None:
        """A card for each, or one for all that are too many."""
        since = now - MINUTE
        # These stand in the table already, without a storm.
        room = max(0, CARDS_A_MINUTE - (storms.cards_since(connection, place, since) - len(ids)))
        for incident_id in ids[:room]:
            (incident,) = incidents.of_ids(connection, [incident_id])
            for there in home(incident, self._notices.places):
                key = f"incident:{incident_id}:{there.chat_id}:{there.thread_id or ''}"
                posts.show_card(connection, key, there, Subject(incident_id=incident_id), now)
        if rest := ids[room:]:
            self._storm(connection, place, rest, now)

    def _storm(self, connection: Connection, place: Place | None, ids: Sequence[int], now: datetime) -> None:
        storm_id = storms.running(connection, place, now - STORM_FOR)
        if storm_id is None:
            storm_id = storms.begin(connection, place, now)
            for there in (place,) if place else self._notices.places:
                key = f"storm:{storm_id}:{there.chat_id}:{there.thread_id or ''}"
                posts.show_card(connection, key, there, Subject(storm_id=storm_id), now)
        storms.join(connection, storm_id, ids, now)
        posts.touch_incidents(connection, ids)


def _is_late(starts_at: datetime, last_end: datetime | None) -> bool:
    """It began before the last known end: news of a firing that is over."""
    return last_end is not None and starts_at <= last_end
