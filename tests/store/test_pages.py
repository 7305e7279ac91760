"""Pages: who may be paged when, what a page stands for, and when a step has nobody left."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from bridge.domain.alerts import Severity
from bridge.domain.delivery import Cause, State
from bridge.store import incident_moves, incidents, messages, page_requests, pages
from tests.support.incidents import AMA, KOFI, ask, open_incident, page, send, sent_page
from tests.support.manual_clock import MONDAY_MORNING as NOW

MINUTE = timedelta(minutes=1)


def last(connection: Connection) -> datetime | None:
    return pages.last_paged(connection, "ama")


def test_who_was_never_paged_has_no_last_page(connection: Connection) -> None:
    sent_page(connection, [open_incident(connection, now=NOW)], KOFI, State.ACCEPTED, now=NOW)
    assert last(connection) is None


@pytest.mark.parametrize("state", [State.ACCEPTED, State.UNKNOWN, State.REJECTED, None])
def test_a_page_that_went_to_the_gateway_counts_from_then(connection: Connection, state: State | None) -> None:
    sent_page(connection, [open_incident(connection, now=NOW)], AMA, state, now=NOW)
    assert last(connection) == NOW


def test_a_page_that_waited_through_an_outage_counts_from_when_it_left(connection: Connection) -> None:
    one = open_incident(connection, now=NOW)
    ask(connection, [one], AMA, now=NOW)
    page_id = page(connection, [one], AMA, now=NOW)
    send(connection, page_id, State.QUEUED, now=NOW + MINUTE)
    assert last(connection) == NOW
    send(connection, page_id, None, now=NOW + 59 * MINUTE)
    assert last(connection) == NOW + 59 * MINUTE


def test_a_page_that_was_taken_back_before_it_left_does_not_count(connection: Connection) -> None:
    one = open_incident(connection, now=NOW)
    ask(connection, [one], AMA, now=NOW)
    cancel(connection, page(connection, [one], AMA, now=NOW))
    assert last(connection) is None


def test_a_page_that_was_taken_back_after_it_may_have_been_sent_counts(connection: Connection) -> None:
    page_id = sent_page(connection, [open_incident(connection, now=NOW)], AMA, State.UNKNOWN, now=NOW)
    move(connection, page_id, Cause.PAGE_RULE, State.QUEUED, NOW + MINUTE)
    cancel(connection, page_id)
    assert last(connection) == NOW


def cancel(connection: Connection, page_id: int) -> None:
    move(connection, page_id, Cause.CANCEL, State.CANCELLED, NOW)


def move(connection: Connection, page_id: int, cause: Cause, state: State, now: datetime) -> None:
    found = pages.get(connection, page_id)
    assert found is not None
    assert messages.move(connection, found.message_id, cause, state, now=now) == 1


def test_a_page_tells_the_most_severe_and_oldest_of_what_is_open(connection: Connection) -> None:
    mild = open_incident(connection, "mild", now=NOW, severity=Severity.WARNING)
    acked = open_incident(connection, "acked", now=NOW)
    new = open_incident(connection, "new", now=NOW + MINUTE)
    old = open_incident(connection, "old", now=NOW)
    ask(connection, [mild, acked, new, old], AMA, now=NOW)
    page_id = page(connection, [mild, acked, new, old], AMA, now=NOW)
    incident_moves.acknowledge(connection, [acked], by="Ama", now=NOW, again_at={})
    found, total = pages.worst(connection, page_id, 2)
    assert ([one.id for one in found], total) == ([old, new], 3)
    assert pages.incident_ids(connection, page_id) == [mild, acked, new, old]


def test_an_incident_that_was_asked_for_twice_stands_in_a_page_once(connection: Connection) -> None:
    """The next step asked for Ama again while her page was with the gateway, which did not take it."""
    one = open_incident(connection, now=NOW)
    ask(connection, [one], AMA, now=NOW)
    page_id = page(connection, [one], AMA, now=NOW)
    send(connection, page_id, None, now=NOW)
    ask(connection, [one], AMA, now=NOW, position=1)
    page_requests.answer(connection, page_id, "ama", [one])
    found, total = pages.worst(connection, page_id, 2)
    assert ([incident.id for incident in found], total) == ([one], 1)
    assert pages.incident_ids(connection, page_id) == [one]


def test_a_page_is_not_needed_once_nothing_of_it_is_open(connection: Connection) -> None:
    one, two = open_incident(connection, "one", now=NOW), open_incident(connection, "two", now=NOW)
    ask(connection, [one, two], AMA, now=NOW)
    page_id = page(connection, [one, two], AMA, now=NOW)
    incident_moves.acknowledge(connection, [one], by="Ama", now=NOW, again_at={})
    assert pages.unanswered(connection, [one]) == []
    incident_moves.resolve(connection, [two], by="Ama", now=NOW)
    assert [found.id for found in pages.unanswered(connection, [two])] == [page_id]
    send(connection, page_id, None, now=NOW)
    assert pages.unanswered(connection, [one, two]) == []


def test_nobody_is_asked_for_twice_about_one_incident_while_a_page_waits(connection: Connection) -> None:
    one = open_incident(connection, now=NOW)
    ask(connection, [one], AMA, now=NOW)
    ask(connection, [one], AMA, now=NOW + MINUTE, position=1)
    assert page_requests.requested(connection, "ama", NOW) == [one]
    page_id = page(connection, [one], AMA, now=NOW)
    ask(connection, [one], AMA, now=NOW + MINUTE, position=1)
    assert page_requests.waiting(connection) == {}
    send(connection, page_id, State.ACCEPTED, now=NOW)
    ask(connection, [one], AMA, now=NOW + MINUTE, position=1)
    assert page_requests.waiting(connection) == {"ama": NOW + MINUTE}
    page_requests.drop(connection, [one])
    assert page_requests.waiting(connection) == {}


@pytest.mark.parametrize("state", [State.REJECTED, State.FAILED])
def test_a_step_whose_every_page_could_not_be_sent_has_nobody_left(connection: Connection, state: State) -> None:
    one = open_incident(connection, now=NOW)
    incidents.set_timers(connection, [(one, 1, NOW + MINUTE)])
    ask(connection, [one], KOFI, now=NOW)
    sent_page(connection, [one], AMA, state, now=NOW)
    assert page_requests.exhausted(connection, [one]) == []
    other = page(connection, [one], KOFI, now=NOW)
    assert page_requests.exhausted(connection, [one]) == []
    send(connection, other, state, now=NOW)
    assert page_requests.exhausted(connection, [one]) == [one]


def test_a_step_that_ran_meanwhile_has_not_ended_by_an_older_page(connection: Connection) -> None:
    one = open_incident(connection, now=NOW)
    incidents.set_timers(connection, [(one, 2, NOW + MINUTE)])
    sent_page(connection, [one], AMA, State.REJECTED, now=NOW)
    assert page_requests.exhausted(connection, [one]) == []


def test_a_step_that_runs_again_after_an_ack_ran_out_counts_only_its_own_pages(connection: Connection) -> None:
    """Ama got the page in the first round, and her number is rejected in the second: the next person, now."""
    one = open_incident(connection, now=NOW)
    incidents.set_timers(connection, [(one, 1, NOW + MINUTE)])
    sent_page(connection, [one], AMA, State.ACCEPTED, now=NOW)
    incident_moves.acknowledge(connection, [one], by="Ama", now=NOW, again_at={one: NOW + 60 * MINUTE})
    incident_moves.reopen(connection, one, NOW + 60 * MINUTE)
    incidents.set_timers(connection, [(one, 1, NOW + 65 * MINUTE)])
    sent_page(connection, [one], AMA, State.REJECTED, now=NOW + 60 * MINUTE)
    assert page_requests.exhausted(connection, [one]) == [one]


def test_who_waits_for_a_page_since_an_earlier_step_is_of_the_newest_step_too(connection: Connection) -> None:
    one = open_incident(connection, now=NOW)
    ask(connection, [one], AMA, now=NOW)
    incidents.set_timers(connection, [(one, 2, NOW + 9 * MINUTE)])
    ask(connection, [one], AMA, now=NOW + MINUTE, position=1)
    sent_page(connection, [one], KOFI, State.REJECTED, now=NOW + MINUTE, position=1)
    assert page_requests.exhausted(connection, [one]) == []
    send(connection, page(connection, [one], AMA, now=NOW + MINUTE), State.ACCEPTED, now=NOW + MINUTE)
    assert page_requests.exhausted(connection, [one]) == []


def test_a_step_whose_every_page_will_not_be_made_has_nobody_left(connection: Connection) -> None:
    one = open_incident(connection, now=NOW)
    incidents.set_timers(connection, [(one, 1, NOW + MINUTE)])
    ask(connection, [one], AMA, now=NOW)
    ask(connection, [one], KOFI, now=NOW)
    page_requests.drop(connection, [one], person="ama")
    assert page_requests.exhausted(connection, [one]) == []
    page_requests.drop(connection, [one], person="kofi")
    assert page_requests.exhausted(connection, [one]) == [one]
    incident_moves.acknowledge(connection, [one], by="Ama", now=NOW, again_at={})
    assert page_requests.exhausted(connection, [one]) == []


def test_a_step_that_asked_for_no_page_has_its_wait(connection: Connection) -> None:
    """Its people have Telegram only, and somebody of the step before has no phone any more."""
    one = open_incident(connection, now=NOW)
    ask(connection, [one], AMA, now=NOW)
    incidents.set_timers(connection, [(one, 2, NOW + MINUTE)])
    page_requests.drop(connection, [one], person="ama")
    assert page_requests.exhausted(connection, [one]) == []


def test_after_an_absence_only_what_was_queued_before_may_be_a_repeat(connection: Connection) -> None:
    one = open_incident(connection, now=NOW)
    out = sent_page(connection, [one], AMA, State.ACCEPTED, now=NOW)
    ask(connection, [one], KOFI, now=NOW)
    waiting = page(connection, [one], KOFI, now=NOW)
    two = open_incident(connection, "two", now=NOW + 2 * MINUTE)
    ask(connection, [two], AMA, now=NOW + 2 * MINUTE)
    after = page(connection, [two], AMA, now=NOW + 2 * MINUTE)
    pages.mark_repeats(connection, NOW + MINUTE)
    found = {one.id: one.repeat for key in (out, waiting, after) if (one := pages.get(connection, key))}
    assert found == {out: False, waiting: True, after: False}


def test_how_paging_stands_is_told_in_the_order_in_which_it_was_asked_for(connection: Connection) -> None:
    one = open_incident(connection, now=NOW)
    sent_page(connection, [one], KOFI, State.UNKNOWN, now=NOW)
    ask(connection, [one], AMA, now=NOW + MINUTE, position=1)
    assert [(paged.person, paged.state, paged.position) for paged in pages.of_incident(connection, one)] == [
        ("kofi", State.UNKNOWN, 0),
        ("ama", None, 1),
    ]


def test_the_token_of_an_ack_link_finds_its_page_and_no_other(connection: Connection) -> None:
    one = open_incident(connection, now=NOW)
    ask(connection, [one], AMA, now=NOW)
    page_id = page(connection, [one], AMA, now=NOW)
    hash_ = connection.exec_driver_sql("SELECT token_hash FROM pages").scalar_one()
    found = pages.by_token(connection, hash_)
    assert found is not None
    assert found.id == page_id
    assert pages.by_token(connection, "no hash") is None
