"""The queries that run all the time read only what they need, however much the database holds."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from bridge.store import inbox, messages, outcomes, posts, queue
from bridge.store.posts import Place, Post
from tests.support.manual_clock import MONDAY_MORNING as NOW
from tests.support.outbox import add_message, claim

CALL = queue.Call(id="b", message_id=1, text="", deliveries=(), claimed_at=NOW)
POST = Post(
    id=1, place=Place(chat_id=1), subject=posts.FIXED, text="", telegram_id=None, wanted=1, tries=0, pressed=False
)


def plans(connection: Connection, operation: Callable[[Connection], object]) -> list[str]:
    """What SQLite says of each statement of an operation: one line a table that it reads."""
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, _context: object, many: bool) -> None:
        seen.append((statement, parameters[0] if many else parameters))

    event.listen(connection, "before_cursor_execute", note)
    operation(connection)
    event.remove(connection, "before_cursor_execute", note)
    lines = []
    for statement, parameters in seen:
        if re.match(r"\s*(SELECT|UPDATE|DELETE)", statement):
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            lines += [row[3] for row in rows]
    return lines


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


@pytest.mark.parametrize("name", list(HOT))
def test_a_hot_query_uses_its_index_and_scans_no_table(connection: Connection, name: str) -> None:
    operation, index = HOT[name]
    add_message(connection, 3, now=NOW)
    connection.exec_driver_sql("INSERT INTO inbox VALUES (1, '', 1, NULL, 0)")
    found = plans(connection, operation)
    assert any(re.search(index, line) for line in found), found
    # A scan along a partial index reads only the rows of that index.
    assert not [line for line in found if line.startswith("SCAN") and not re.search(r"USING .*INDEX ix_\w+", line)], (
        found
    )
