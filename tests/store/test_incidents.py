"""Incidents in the store: one open an alert, guarded moves, timers, and what was posted until it is taken in."""

from collections.abc import Callable
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import Connection, update
from sqlalchemy.exc import IntegrityError

from bridge.domain.incident import MOVES, IncidentCause, IncidentState
from bridge.store import alert_ends, alert_inbox, incident_log, incident_moves, incidents
from bridge.store.incident_log import LogEntry
from bridge.store.tables import incidents as incidents_table
from tests.support.incidents import alert, open_incident
from tests.support.kept import all_waiting
from tests.support.manual_clock import MONDAY_MORNING as NOW

MINUTE = timedelta(minutes=1)
LATER = NOW + MINUTE


def state_of(connection: Connection, incident_id: int) -> IncidentState:
    found = incidents.get(connection, incident_id)
    assert found is not None
    return found.state


def test_of_one_alert_no_two_incidents_are_open(connection: Connection) -> None:
    first = open_incident(connection, "disk full", now=NOW)
    with pytest.raises(IntegrityError), connection.begin_nested():
        open_incident(connection, "disk full", now=NOW)
    incident_moves.resolve(connection, [first], by="Ama", now=NOW)
    second = open_incident(connection, "disk full", now=NOW)
    found = incidents.open_of(connection, "alertmanager", ["disk full", "other"])
    assert {name: one.id for name, one in found.items()} == {"disk full": second}
    assert incidents.open_of(connection, "grafana", ["disk full"]) == {}


def test_of_two_who_acknowledge_one_wins_and_stays(connection: Connection) -> None:
    one, two = open_incident(connection, "one", now=NOW), open_incident(connection, "two", now=NOW)
    assert incident_moves.acknowledge(connection, [one], by="Ama", now=NOW, again_at={one: NOW + MINUTE}) == [one]
    assert incident_moves.acknowledge(connection, [one, two], by="Kofi", now=NOW, again_at={}) == [two]
    found = {incident.id: (incident.acked_by, incident.due_at) for incident in incidents.of_ids(connection, [one, two])}
    assert found == {one: ("Ama", NOW + MINUTE), two: ("Kofi", None)}


def test_nothing_leaves_resolved(connection: Connection) -> None:
    one = open_incident(connection, now=NOW, due_at=NOW)
    assert incident_moves.resolve(connection, [one], by="Ama", now=NOW) == [one]
    assert incident_moves.resolve(connection, [one], by="Kofi", now=NOW) == []
    assert incident_moves.acknowledge(connection, [one], by="Kofi", now=NOW, again_at={one: NOW}) == []
    assert not incident_moves.reopen(connection, one, NOW)
    incidents.hurry(connection, [one], NOW)
    found = incidents.get(connection, one)
    assert found is not None
    assert (found.state, found.resolved_by, found.acked_by, found.due_at) == (IncidentState.RESOLVED, "Ama", "", None)


def acknowledge(connection: Connection, one: int) -> bool:
    return bool(incident_moves.acknowledge(connection, [one], by="Kofi", now=LATER, again_at={one: LATER}))


MAKES: dict[IncidentCause, Callable[[Connection, int], bool]] = {
    IncidentCause.ACKNOWLEDGE: acknowledge,
    IncidentCause.RESOLVE: lambda c, one: bool(incident_moves.resolve(c, [one], by="Kofi", now=LATER)),
    IncidentCause.ACK_TIMEOUT: lambda c, one: incident_moves.reopen(c, one, LATER),
    IncidentCause.BECAME_CRITICAL: lambda c, one: incident_moves.begin(c, one, "other", LATER, LATER),
}


@pytest.mark.parametrize(("old", "cause"), list(product(IncidentState, IncidentCause)))
def test_an_incident_moves_only_along_the_table(
    connection: Connection, old: IncidentState, cause: IncidentCause
) -> None:
    one = open_incident(connection, now=NOW, due_at=NOW)
    connection.execute(update(incidents_table).where(incidents_table.c.id == one).values(state=old.value))
    before = incidents.get(connection, one)
    assert MAKES[cause](connection, one) == ((old, cause) in MOVES)
    if (old, cause) in MOVES:
        assert state_of(connection, one) is MOVES[old, cause]
    else:
        assert incidents.get(connection, one) == before


def test_what_is_resolved_hears_nothing_and_runs_no_step(connection: Connection) -> None:
    one = open_incident(connection, now=NOW, due_at=NOW)
    incident_moves.resolve(connection, [one], by="Ama", now=NOW)
    before = incidents.get(connection, one)
    incidents.heard(connection, [(one, alert("disk is very full"))], LATER)
    incidents.set_timers(connection, [(one, 3, LATER)])
    incidents.put_off(connection, [one], LATER)
    incidents.hurry(connection, [one], LATER)
    assert incidents.get(connection, one) == before


def test_what_was_acknowledged_begins_anew_when_it_is_opened_again(connection: Connection) -> None:
    one = open_incident(connection, now=NOW, due_at=NOW)
    incidents.set_timers(connection, [(one, 3, NOW + MINUTE)])
    assert not incident_moves.reopen(connection, one, NOW)
    incident_moves.acknowledge(connection, [one], by="Ama", now=NOW, again_at={one: NOW + MINUTE})
    assert incident_moves.reopen(connection, one, NOW + MINUTE)
    found = incidents.get(connection, one)
    assert found is not None
    assert (found.state, found.position, found.due_at) == (IncidentState.OPEN, 0, NOW + MINUTE)


def test_timers_come_in_their_order_and_none_that_does_not_run(connection: Connection) -> None:
    late = open_incident(connection, "late", now=NOW, due_at=NOW + MINUTE)
    soon = open_incident(connection, "soon", now=NOW, due_at=NOW)
    open_incident(connection, "a card only", now=NOW)
    assert incidents.next_due(connection) == NOW
    assert [one.id for one in incidents.due(connection, NOW - MINUTE, 10)] == []
    assert [one.id for one in incidents.due(connection, NOW + MINUTE, 10)] == [soon, late]
    assert [one.id for one in incidents.due(connection, NOW + MINUTE, 1)] == [soon]


def test_only_a_step_that_is_to_come_can_be_hurried(connection: Connection) -> None:
    waits = open_incident(connection, "waits", now=NOW, due_at=NOW + 5 * MINUTE)
    overdue = open_incident(connection, "overdue", now=NOW, due_at=NOW - MINUTE)
    nobody = open_incident(connection, "nobody", now=NOW)
    acked = open_incident(connection, "acked", now=NOW, due_at=NOW)
    incident_moves.acknowledge(connection, [acked], by="Ama", now=NOW, again_at={acked: NOW + 60 * MINUTE})
    incidents.hurry(connection, [waits, overdue, nobody, acked], NOW)
    found = {one.id: one.due_at for one in incidents.of_ids(connection, [waits, overdue, nobody, acked])}
    assert found == {waits: NOW, overdue: NOW - MINUTE, nobody: None, acked: NOW + 60 * MINUTE}


def test_news_of_what_is_open_are_the_newest_word_and_keep_a_start_that_is_not_told(connection: Connection) -> None:
    one = open_incident(connection, "disk full", now=NOW)
    incidents.heard(connection, [(one, alert("disk is very full"))], NOW + MINUTE)
    found = incidents.get(connection, one)
    assert found is not None
    assert (found.title, found.news, found.news_at, found.opened_at) == ("disk is very full", 2, NOW + MINUTE, NOW)
    assert found.starts_at is None


def test_what_is_not_resolved_is_listed_open_ones_first_then_the_newest(connection: Connection) -> None:
    ids = [open_incident(connection, name, now=NOW) for name in "abcd"]
    incident_moves.acknowledge(connection, ids[2:3], by="Ama", now=NOW, again_at={})
    incident_moves.resolve(connection, ids[:1], by="Ama", now=NOW)
    assert [one.id for one in incidents.not_resolved(connection, 10)] == [ids[3], ids[1], ids[2]]
    assert [one.id for one in incidents.not_resolved(connection, 1, 1)] == [ids[1]]
    assert incidents.count_not_resolved(connection) == {IncidentState.OPEN: 2, IncidentState.ACKNOWLEDGED: 1}


def test_a_thousand_at_once_keep_their_order_and_are_answered_at_once(connection: Connection) -> None:
    new = [incidents.New(alert=alert(f"{index}"), policy="p", place=None, due_at=NOW) for index in range(1000)]
    ids = incidents.add(connection, new, NOW)
    assert [one.title for one in incidents.of_ids(connection, ids[:3])] == ["0", "1", "2"]
    assert incident_moves.acknowledge(connection, ids, by="Ama", now=NOW, again_at={}) == ids
    assert incident_moves.resolve(connection, ids, by="Ama", now=NOW) == ids


def test_the_last_known_end_of_an_alert_only_moves_forward(connection: Connection) -> None:
    for at, noted_at in ((NOW, NOW), (NOW + MINUTE, NOW + MINUTE), (NOW - MINUTE, NOW + 2 * MINUTE)):
        alert_ends.note(connection, "alertmanager", "disk full", at, noted_at)
    last = alert_ends.End(at=NOW + MINUTE, noted_at=NOW + MINUTE)
    assert alert_ends.of(connection, "alertmanager", ["disk full", "other"]) == {"disk full": last}
    assert alert_ends.of(connection, "grafana", ["disk full"]) == {}
    alert_ends.forget(connection, NOW + 2 * MINUTE)
    assert alert_ends.of(connection, "alertmanager", ["disk full"]) == {}


def test_what_a_person_ended_is_noted_by_no_source(connection: Connection) -> None:
    alert_ends.note_by_hand(connection, "alertmanager", "one", NOW)
    alert_ends.note(connection, "alertmanager", "two", NOW + MINUTE, NOW)
    alert_ends.note_by_hand(connection, "alertmanager", "two", NOW)
    assert alert_ends.of(connection, "alertmanager", ["one", "two"]) == {
        "one": alert_ends.End(at=NOW, noted_at=None),
        "two": alert_ends.End(at=NOW + MINUTE, noted_at=None),
    }


def test_of_large_requests_as_many_are_read_as_fit_and_one_in_any_case(connection: Connection) -> None:
    for size in (700, 200, 200, 50):
        alert_inbox.keep(connection, "generic", "", b"x" * size, NOW)
    first, second, third, fourth = (one.id for one in all_waiting(connection))
    assert alert_inbox.waiting_ids(connection, 10, 1000) == [first, second]
    assert alert_inbox.waiting_ids(connection, 10, 100) == [first]
    assert alert_inbox.waiting_ids(connection, 3, 10_000) == [first, second, third]
    assert alert_inbox.waiting_ids(connection, 10, 10_000) == [first, second, third, fourth]


def test_the_body_of_a_request_that_is_known_is_not_read_again_unless_its_id_came_again(connection: Connection) -> None:
    for number in range(2):
        alert_inbox.keep(connection, "generic", "", b"%d" % number, NOW)
    ids = alert_inbox.waiting_ids(connection, 10, 1000)
    known = alert_inbox.these(connection, ids, known=(ids[0], NOW))
    assert [one.body for one in known] == [b"", b"1"]
    again = alert_inbox.these(connection, ids, known=(ids[0], NOW + MINUTE))
    assert [one.body for one in again] == [b"0", b"1"]


def test_what_was_posted_waits_in_its_order_until_it_is_taken_in_or_set_aside(connection: Connection) -> None:
    for number in range(4):
        alert_inbox.keep(connection, "generic", "application/json", b"%d" % number, NOW + number * MINUTE)
    first, second, third, _ = all_waiting(connection)
    assert [one.body for one in (first, second, third)] == [b"0", b"1", b"2"]
    alert_inbox.done(connection, [first.id])
    alert_inbox.set_aside(connection, second.id, "cannot be read")
    alert_inbox.took(connection, third, 40)
    assert [(one.body, one.taken) for one in all_waiting(connection)] == [(b"2", 40), (b"3", 0)]
    assert alert_inbox.oldest(connection) == NOW + 2 * MINUTE


def test_the_log_of_an_incident_keeps_its_order(connection: Connection) -> None:
    one, two = open_incident(connection, "one", now=NOW), open_incident(connection, "two", now=NOW)
    incident_log.write(
        connection, [LogEntry(incident_id=one, event="opened"), LogEntry(incident_id=two, event="x")], NOW
    )
    incident_log.write(connection, [LogEntry(incident_id=one, event="page.asked", words="Ama" * 200)], NOW)
    found = incident_log.read(connection, one)
    assert [(entry.event, entry.at) for entry in found] == [("opened", NOW), ("page.asked", NOW)]
    assert len(found[1].words) == 300
