"""Times that our own clock wrote, when it is set: what is open is as old as it was."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from bridge.store import clock_set, incident_log, incidents, page_requests, queue
from bridge.store.queue import PRIORITY_PAGE
from bridge.store.tables import deliveries
from tests.support.incidents import AMA, ask, open_incident
from tests.support.manual_clock import MONDAY_MORNING as NOW
from tests.support.outbox import add_message

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def incident(connection: Connection, incident_id: int) -> incidents.Incident:
    found = incidents.get(connection, incident_id)
    assert found is not None
    return found


@pytest.mark.parametrize("leap", [3 * HOUR, -3 * HOUR])
def test_an_open_incident_is_as_old_as_it_was(connection: Connection, leap: timedelta) -> None:
    one = open_incident(connection, now=NOW, due_at=NOW + MINUTE)
    ask(connection, [one], AMA, now=NOW)
    incident_log.note(connection, [one], "opened", "", NOW)
    clock_set.move_incidents(connection, leap, NOW + leap + MINUTE)
    found = incident(connection, one)
    assert found.paging_since == NOW + leap
    # Ahead: what was to come by then is due now. Back: as soon as it would have been.
    assert found.due_at == (NOW + MINUTE if leap > timedelta(0) else NOW + leap + MINUTE)
    assert page_requests.waiting(connection) == {"ama": NOW if leap > timedelta(0) else NOW + leap}


def test_nothing_began_at_a_time_to_come(connection: Connection) -> None:
    one = open_incident(connection, now=NOW)
    clock_set.move_incidents(connection, 3 * HOUR, NOW + HOUR)
    assert incident(connection, one).paging_since == NOW + HOUR


@pytest.mark.parametrize("leap", [3 * HOUR, -3 * HOUR])
def test_a_page_that_is_tried_is_as_old_as_it_was(connection: Connection, leap: timedelta) -> None:
    add_message(connection, now=NOW, priority=PRIORITY_PAGE)
    connection.execute(deliveries.update().values(round_started_at=NOW))
    clock_set.move_pages(connection, leap, NOW + leap + MINUTE)
    assert connection.execute(select(deliveries.c.round_started_at)).scalar() == NOW + leap
    assert queue.next_due(connection) == (NOW if leap > timedelta(0) else NOW + leap)


@pytest.mark.parametrize(("at", "ahead"), [(NOW + HOUR, HOUR), (NOW - HOUR, timedelta(0))])
def test_what_was_written_at_a_time_to_come_tells_how_far_the_clock_went_back(
    connection: Connection, at: datetime, ahead: timedelta
) -> None:
    assert clock_set.written_ahead(connection, NOW) == timedelta(0)
    incident_log.note(connection, [open_incident(connection, now=NOW)], "opened", "", at)
    assert clock_set.written_ahead(connection, NOW) == ahead
