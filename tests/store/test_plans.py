"""The queries that run all the time read only what they need, however much the database holds."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from bridge.store import (
    alert_ends,
    alert_inbox,
    inbox,
    incident_log,
    incident_moves,
    incidents,
    messages,
    outcomes,
    page_requests,
    page_standing,
    pages,
    posts,
    queue,
    storms,
    trail,
    waiting_pages,
)
from bridge.store.posts import Place, Post
from tests.support.incidents import AMA, alert, ask, open_incident, page
from tests.support.manual_clock import MONDAY_MORNING as NOW
from tests.support.outbox import add_message, claim

CALL = queue.Call(id="b", message_id=1, text="", deliveries=(), claimed_at=NOW, gateway="msmpusher")
POST = Post(
    id=1, place=Place(chat_id=1), subject=posts.FIXED, text="", telegram_id=None, wanted=1, tries=0, pressed=False
)


def plans(connection: Connection, operation: Callable[[Connection], object]) -> list[str]:
    """What the database says of each statement of an operation: one line a table that it reads."""
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, _context: object, many: bool) -> None:
        seen.append((statement, parameters[0] if many else parameters))

    event.listen(connection, "before_cursor_execute", note)
    operation(connection)
    event.remove(connection, "before_cursor_execute", note)
    lines = []
    for statement, parameters in seen:
        if re.match(r"\s*(SELECT|UPDATE|DELETE)", statement):
            lines += _explained(connection, statement, parameters)
    return lines


def _explained(connection: Connection, statement: str, parameters: Any) -> list[str]:
    if connection.dialect.name == "sqlite":
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    # Of a small table it reads all, because that is quicker: what is asked here is whether it must.
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars()
    return [line.strip(" ->") for line in rows if " Scan " in line]


HOT: dict[str, tuple[Callable[[Connection], object], str]] = {
    "claim": (lambda c: claim(c, 4, now=NOW, batch=10), "ix_deliveries_queue"),
    "claim of one message": (lambda c: claim(c, 4, now=NOW, only_message=1), "deliveries"),
    "next_due": (queue.next_due, "ix_deliveries_queue"),
    "posts.due": (lambda c: posts.due(c, NOW, 64, {1, 2}), "ix_posts_open"),
    "posts.due_pressed": (lambda c: posts.due_pressed(c, NOW, 16), "ix_posts_pressed"),
    "posts.next_due": (lambda c: posts.next_due(c, NOW), "ix_posts_open"),
    "posts.oldest_open": (posts.oldest_open, "ix_posts_open"),
    "posts.shown": (lambda c: posts.shown(c, POST, 7), "posts USING INTEGER PRIMARY KEY"),
    "posts.touch": (lambda c: posts.touch(c, [1]), "ix_posts_message"),
    "open_updates": (lambda c: inbox.open_updates(c, 100), "ix_inbox_open"),
    "inbox.done": (lambda c: inbox.done(c, 1, NOW), "sqlite_autoindex_inbox"),
    "inbox.forget": (lambda c: inbox.forget(c, NOW - timedelta(days=9)), "ix_inbox_done"),
    "abandon": (lambda c: outcomes.abandon(c, now=NOW, buttons_until=NOW), "ix_deliveries_sending"),
    "with_ended_buttons": (lambda c: messages.with_ended_buttons(c, NOW), "ix_messages_buttons"),
    "without_post": (messages.without_post, "ix_messages_buttons"),
    "seen_before": (lambda c: outcomes.seen_before(c, {"a": CALL}), "ix_attempts_sms_id"),
    "view": (lambda c: messages.view(c, 1), "uq_deliveries_message_id_position|sqlite_autoindex_deliveries"),
    "find": (lambda c: messages.find(c, "a", "b"), "uq_messages_source_source_key|sqlite_autoindex_messages"),
    "latest": (lambda c: messages.latest(c, "tg:1", 10), "ix_messages_owner"),
    "segments_since": (lambda c: messages.segments_since(c, NOW, None), "ix_messages_created"),
}

POSTED = alert_inbox.Posted(id=1, source="a", content_type="", body=b"", received_at=NOW, taken=0)
ALERTING: dict[str, tuple[Callable[[Connection], object], str]] = {
    "alert_inbox.waiting_ids": (lambda c: alert_inbox.waiting_ids(c, 10, 1 << 20), "ix_alert_inbox_news"),
    "alert_inbox.oldest": (alert_inbox.oldest, "ix_alert_inbox_news"),
    "alert_inbox.done": (lambda c: alert_inbox.done(c, [1]), "PRIMARY KEY"),
    "alert_inbox.took": (lambda c: alert_inbox.took(c, POSTED, 1), "PRIMARY KEY"),
    "alert_ends.of": (lambda c: alert_ends.of(c, "a", ["b", "c"]), "sqlite_autoindex_alert_ends"),
    "alert_ends.note": (lambda c: alert_ends.note(c, "a", "b", NOW, NOW), "sqlite_autoindex_alert_ends|^$"),
    "alert_ends.note_by_hand": (
        lambda c: alert_ends.note_by_hand(c, "a", "b", NOW),
        "sqlite_autoindex_alert_ends|^$",
    ),
    "alert_ends.forget": (lambda c: alert_ends.forget(c, NOW), "ix_alert_ends_ended"),
    "incidents.open_of": (lambda c: incidents.open_of(c, "a", ["b", "c"]), "ix_incidents_open"),
    "incidents.due": (lambda c: incidents.due(c, NOW, 10), "ix_incidents_due"),
    "incidents.next_due": (incidents.next_due, "ix_incidents_due"),
    "incidents.heard": (lambda c: incidents.heard(c, [(1, alert())], NOW), "PRIMARY KEY"),
    "incidents.hurry": (lambda c: incidents.hurry(c, [1], NOW), "PRIMARY KEY|ix_incidents_due"),
    "incidents.set_timers": (lambda c: incidents.set_timers(c, [(1, 1, NOW)]), "PRIMARY KEY"),
    "incident_moves.acknowledge": (
        lambda c: incident_moves.acknowledge(c, [1, 2], by="a", now=NOW, again_at={}),
        "PRIMARY KEY",
    ),
    "incident_moves.resolve": (
        lambda c: incident_moves.resolve(c, [1, 2], by="a", now=NOW),
        "PRIMARY KEY|ix_incidents_open",
    ),
    "incidents.not_resolved": (lambda c: incidents.not_resolved(c, 10), "ix_incidents_open"),
    "incident_log.read": (lambda c: incident_log.read(c, 1), "ix_incident_log_incident"),
    "page_requests.ask": (lambda c: ask(c, [1], AMA, now=NOW), "ix_page_requests_incident"),
    "page_requests.waiting": (page_requests.waiting, "ix_page_requests_open"),
    "page_requests.requested": (lambda c: page_requests.requested(c, "ama", NOW), "ix_page_requests_open"),
    "page_requests.answer": (lambda c: page_requests.answer(c, 1, "ama", [1]), "ix_page_requests_open"),
    "page_requests.drop": (lambda c: page_requests.drop(c, [1]), "ix_page_requests_(open|incident)"),
    "page_requests.exhausted": (lambda c: page_requests.exhausted(c, [1]), "ix_page_requests_incident"),
    "page_standing": (lambda c: page_standing.standing(c, 1, 5), "ix_page_requests_page"),
    "pages.last_paged": (lambda c: pages.last_paged(c, "ama"), "ix_pages_person"),
    "pages.queued_of": (lambda c: pages.queued_of(c, "ama"), "ix_pages_person|ix_deliveries_queue"),
    "pages.by_message": (lambda c: pages.by_message(c, [1, 2]), "sqlite_autoindex_pages|uq_pages_message_id"),
    "pages.by_token": (lambda c: pages.by_token(c, "x"), "sqlite_autoindex_pages|uq_pages_token_hash"),
    "pages.incident_ids": (lambda c: pages.incident_ids(c, 1), "ix_page_requests_page"),
    "pages.worst": (lambda c: pages.worst(c, 1, 1), "ix_page_requests_page"),
    "pages.unanswered": (lambda c: pages.unanswered(c, [1, 2]), "ix_page_requests_(page|incident)"),
    "pages.of_incident": (lambda c: pages.of_incident(c, 1), "ix_page_requests_incident"),
    "pages.mark_repeats": (lambda c: pages.mark_repeats(c, NOW), "ix_deliveries_queue"),
    "posts.touch_incidents": (lambda c: posts.touch_incidents(c, [1]), "ix_posts_incident"),
    "storms.cards_since": (lambda c: storms.cards_since(c, None, NOW), "ix_incidents_opened"),
    "storms.running": (lambda c: storms.running(c, None, NOW), "ix_storms_joined"),
    "storms.view": (lambda c: storms.view(c, 1), "ix_incidents_storm"),
    "trail.attempts_of": (lambda c: trail.attempts_of(c, [1]), "deliveries_message_id|sqlite_autoindex_deliveries"),
    "trail.asked_about": (lambda c: trail.asked_about(c, 1), "ix_page_requests_incident"),
    "trail.answered_by": (lambda c: trail.answered_by(c, 1), "ix_page_requests_page"),
    "waiting_pages.stuck": (
        lambda c: waiting_pages.stuck(c, NOW, timedelta(minutes=1)),
        "ix_deliveries_(queue|sending)",
    ),
    "waiting_pages.due": (lambda c: waiting_pages.due(c, NOW), "ix_deliveries_queue"),
    "trail.page_of_message": (lambda c: trail.page_of_message(c, 1), "sqlite_autoindex_pages|uq_pages_message_id"),
    "trail.shown_for": (
        lambda c: trail.shown_for(c, message_ids=[1], incident_id=1, storm_id=1, page_ids=[1]),
        "ix_posts_message",
    ),
}

OF_A_FEW = ("SCAN anon_1",)
"""What a query has picked itself, with a limit."""


@pytest.mark.parametrize("name", list(HOT))
def test_a_hot_query_uses_its_index_and_scans_no_table(connection: Connection, name: str) -> None:
    add_message(connection, 3, now=NOW)
    connection.exec_driver_sql("INSERT INTO inbox VALUES (1, '', 1, NULL, 0)")
    check(connection, *HOT[name])


@pytest.mark.parametrize("name", list(ALERTING))
def test_a_query_on_an_alerts_way_uses_its_index_and_scans_no_table(connection: Connection, name: str) -> None:
    one = open_incident(connection, now=NOW, due_at=NOW)
    ask(connection, [one], AMA, now=NOW)
    page(connection, [one], AMA, now=NOW)
    alert_ends.note(connection, "a", "b", NOW, NOW)
    storms.join(connection, storms.begin(connection, None, NOW), [one], NOW)
    check(connection, *ALERTING[name])


def check(connection: Connection, operation: Callable[[Connection], object], index: str) -> None:
    found = plans(connection, operation)
    if connection.dialect.name == "postgresql":
        # It chooses by what it knows of the rows: here, that some index serves.
        assert found or re.search(index, "")
        assert not [line for line in found if line.startswith("Seq Scan")], found
        return
    assert any(re.search(index, line) for line in found), found
    # A scan along a partial index reads only the rows of that index.
    scans = [line for line in found if line.startswith("SCAN") and not re.search(r"USING .*INDEX ix_\w+", line)]
    assert not [line for line in scans if line not in OF_A_FEW], found
