"""Alerts become incidents: opened, heard of again, ended. News may be repeated, late, or in the wrong order."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.alerts import Alert
from bridge.domain.wording import count
from bridge.oncall.records import NO_POLICY
from bridge.oncall.routes import way
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices, show_incident, show_storm
from bridge.services.incidents.respond import CLOCKS_DIFFER, ended_by_source
from bridge.services.incidents.routed_anew import page_if_routed
from bridge.services.incidents.worse import Change, severities_changed
from bridge.store import alert_ends, incident_log, incidents, posts, storms
from bridge.store.alert_ends import End
from bridge.store.incident_log import LogEntry
from bridge.store.incidents import Incident
from bridge.store.posts import Place

log = logging.getLogger(__name__)

CARDS_A_MINUTE = 5
"""New incidents in one chat that get a card of their own within a minute; more share a storm card."""

MINUTE = timedelta(minutes=1)
STORM_FOR = timedelta(minutes=10)
"""After the last incident that joined it, a storm takes in no more."""

LATE_FOR = timedelta(minutes=1)
"""So long after an end was noted the firing that it ended may still be told of: by another Alertmanager of a pair, say.

After that the same start is no late news: an Alertmanager that hears nothing from its Prometheus for some minutes says
`resolved`, and once it hears of it again, `firing` with the start that it had (seen with 0.25).
"""

Received = tuple[Alert, datetime]
"""An alert, and when its news was received. What tells no time is as new as its place among the others."""


class Intake:
    """Takes alerts in. Called inside a transaction."""

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
        """Take in the news of one request, in its order. `policy`: of what it opens, whatever the routes say."""
        self.take_all(connection, [(alert, received_at) for alert in alerts], roster, now=now, policy=policy)

    def take_all(
        self, connection: Connection, news: Sequence[Received], roster: Roster, *, now: datetime, policy: str = ""
    ) -> None:
        """Take in the news of many requests, in their order: as if each came alone, with fewer statements."""
        for batch in _batches(news):
            self._take_batch(connection, batch, roster, policy, now)

    def _take_batch(
        self, connection: Connection, batch: Sequence[Received], roster: Roster, policy: str, now: datetime
    ) -> None:
        """News of one source, of no alert twice."""
        source = batch[0][0].source
        fingerprints = [alert.fingerprint for alert, _ in batch]
        is_open = incidents.open_of(connection, source, fingerprints)
        ends = alert_ends.of(connection, source, fingerprints)
        heard: list[tuple[int, Alert]] = []
        changed: list[Change] = []
        others: list[tuple[Incident, Alert]] = []
        new: list[Alert] = []
        over: list[int] = []
        late: list[Alert] = []
        for alert, received_at in batch:
            current, last_end = is_open.get(alert.fingerprint), ends.get(alert.fingerprint)
            if not alert.firing:
                if alert.ends_at is None or _is_news(alert.ends_at, current, last_end):
                    # An end that is to come is not known: by a clock that is wrong, the alert would be deaf until then.
                    known_at = min(received_at, now)
                    known_end = min(alert.ends_at, known_at + CLOCKS_DIFFER) if alert.ends_at else known_at
                    alert_ends.note(connection, source, alert.fingerprint, known_end, known_at)
                    over += [current.id] if current else []
            elif current is not None:
                heard.append((current.id, alert))
                change = Change(incident=current, alert=alert)
                changed += [change] if alert.severity is not current.severity else []
                others += [] if change.is_critical_now else [(current, alert)]
            elif last_end is None or not _is_late(alert, received_at, last_end):
                new.append(alert)
            else:
                late.append(alert)
        if late:
            words = "%d news of firings that had ended: nothing is opened"
            log.info(words, len(late), extra={"event": "alerts.late", "source": source})
        incidents.heard(connection, heard, now)
        severities_changed(connection, self._notices, changed, roster, now)
        page_if_routed(connection, others, roster, now)
        posts.touch_incidents(connection, [incident_id for incident_id, _ in heard])
        if over:
            ended_by_source(connection, over, source, now)
        self._open(connection, new, roster, policy, now)

    def _open(
        self, connection: Connection, alerts: Sequence[Alert], roster: Roster, wanted: str, now: datetime
    ) -> None:
        by_place: dict[Place | None, list[incidents.New]] = {}
        for alert in alerts:
            route = way(roster.oncall, alert)
            place = Place(chat_id=route.chat.chat_id, thread_id=route.chat.topic) if route.chat else None
            policy = wanted or route.policy
            due_at = None if policy == NO_POLICY else now
            opened = incidents.New(alert=alert, policy=policy, place=place, due_at=due_at)
            by_place.setdefault(place, []).append(opened)
        for place, some in by_place.items():
            ids = incidents.add(connection, some, now)
            words = [f"{one.alert.severity.value} from {one.alert.source}; policy {one.policy}" for one in some]
            entries = [LogEntry(incident_id=i, event="opened", words=said) for i, said in zip(ids, words, strict=True)]
            incident_log.write(connection, entries, now)
            log.info("%s opened, from A%d", count(len(ids), "incident"), ids[0], extra={"event": "incident.opened"})
            self._show(connection, place, ids, now)

    def _show(self, connection: Connection, place: Place | None, ids: Sequence[int], now: datetime) -> None:
        """A card for each, or one for all that are too many."""
        # These stand in the table already, without a storm.
        before = storms.cards_since(connection, place, now - MINUTE) - len(ids)
        room = max(0, CARDS_A_MINUTE - before)
        for incident_id in ids[:room]:
            for there in self._homes(place):
                show_incident(connection, incident_id, there, now)
        if rest := ids[room:]:
            self._storm(connection, place, rest, now)

    def _homes(self, place: Place | None) -> Sequence[Place]:
        return self._notices.places if place is None else (place,)

    def _storm(self, connection: Connection, place: Place | None, ids: Sequence[int], now: datetime) -> None:
        storm_id = storms.running(connection, place, now - STORM_FOR)
        if storm_id is None:
            storm_id = storms.begin(connection, place, now)
            for there in self._homes(place):
                show_storm(connection, storm_id, there, now)
        storms.join(connection, storm_id, ids, now)
        posts.touch_incidents(connection, ids)


def _is_late(alert: Alert, received_at: datetime, last_end: End) -> bool:
    """Whether this is told of a firing that is over."""
    if alert.starts_at is None or alert.starts_at > last_end.at:
        return False
    return last_end.noted_at is None or received_at <= last_end.noted_at + LATE_FOR


def _is_news(ended_at: datetime, current: Incident | None, last_end: End | None) -> bool:
    """Whether an end is none that is known already, nor one from before this firing."""
    if last_end is not None and ended_at <= last_end.at:
        return False
    return current is None or current.starts_at is None or ended_at >= current.starts_at


def _batches(news: Sequence[Received]) -> Iterator[list[Received]]:
    """In order, in lists of one source in which no alert comes twice: each list can be looked at as a whole."""
    batch: list[Received] = []
    seen: set[str] = set()
    for one in news:
        if batch and (one[0].fingerprint in seen or one[0].source != batch[0][0].source):
            yield batch
            batch, seen = [], set()
        batch.append(one)
        seen.add(one[0].fingerprint)
    if batch:
        yield batch
