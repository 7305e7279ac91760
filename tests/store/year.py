"""A year of a busy team as rows: most of it long over, a little under way. Written by the database itself, in seconds.

One SQL for SQLite and PostgreSQL. For n messages: two in five are pages, n / 4 incidents with two requests for a page
each, six lines of log each, a card for each message and incident, 1.5 n entries of the audit.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.store.tables import metadata, microseconds

YEAR = timedelta(days=365)
UNDER_WAY = 40
"""Messages and incidents that are not over: the newest."""
PEOPLE = 8
RECENT = 5000
"""Rows of what is kept for a week or so, however large the year was."""

BIG = {
    "messages", "deliveries", "attempts", "posts", "incidents", "incident_log", "page_requests", "pages", "audit",
    "inbox", "alert_ends", "idempotency",
}  # fmt: skip
"""Tables that grow with the use of bridge. The others have a row for each gateway, schedule, storm and the like."""


def fill(connection: Connection, size: int, now: datetime) -> None:
    """Write a year of `size` messages that ends at `now`. `size`: a multiple of 40."""
    at_end, year = microseconds(now), YEAR // timedelta(microseconds=1)
    assert at_end is not None

    def rows(count: int, table: str, **columns: str) -> None:
        """`columns`: SQL of i, which counts from 1. `{at}`: a time of the year that grows with i."""
        at = f"({at_end} - {year} + i * ({year} / {count}))"
        values = ", ".join(sql.format(at=at, now=at_end) for sql in columns.values())
        names = ", ".join(f'"{name}"' for name in columns)
        connection.exec_driver_sql(
            f"INSERT INTO {table} ({names}) SELECT {values} FROM (WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) "
            f"UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n) AS counted"
        )

    def of(count: int, live: str, over: str) -> str:
        return f"CASE WHEN i > {count - UNDER_WAY} THEN {live} ELSE {over} END"

    def text(count: int, words: str) -> str:
        return f"CASE WHEN i > {count * 3 // 4} THEN {words} ELSE '' END"

    _trust(connection)
    incidents, pages, requests = size // 4, size * 2 // 5, size // 2
    is_page = "(i - 1) % 5 < 2"
    person = f"'person-' || (i % {PEOPLE})"
    rows(
        size, "messages",
        id="i", source=f"CASE WHEN {is_page} THEN 'page' ELSE 'telegram' END", source_key="'key-' || i",
        owner=f"CASE WHEN {is_page} THEN 'oncall' ELSE 'tg:' || (i % 50) END", owner_name="'Ama Mensah'",
        text=text(size, "'Disk full on db' || i || ': /var/lib is at 97 %, please look at it before it is full'"),
        encoding="'gsm7'", segments="1", recipients="CASE WHEN (i - 1) % 5 = 4 THEN 3 ELSE 1 END", remarks="'{{}}'",
        created_at="{at}", hold=f"CASE WHEN i > {size - UNDER_WAY} AND i % 5 = 0 THEN 'paused' ELSE '' END",
        buttons_until=of(size, "{now}", "NULL"), decision="''",
        blanked=f"CASE WHEN i > {size * 3 // 4} THEN 0 ELSE 1 END",
    )  # fmt: skip
    states = (
        f"CASE WHEN message > {size - UNDER_WAY} THEN "
        "CASE (message % 5) WHEN 0 THEN 'held' WHEN 1 THEN 'sending' WHEN 2 THEN 'accepted' ELSE 'queued' END "
        "WHEN message % 100 = 1 THEN 'unknown' WHEN message % 50 = 3 THEN 'rejected' ELSE 'accepted' END"
    )
    deliveries = size + size * 2 // 5
    # Five messages have seven deliveries: the fifth has three.
    message, position = (
        "((i - 1) / 7 * 5 + CASE WHEN (i - 1) % 7 > 4 THEN 5 ELSE (i - 1) % 7 + 1 END)",
        "(i - 1) % 7 - 4",
    )
    rows(
        deliveries, "deliveries",
        id="i", message_id=message, position=f"CASE WHEN {position} > 0 THEN {position} ELSE 0 END",
        number="'+23324' || (1000000 + i)", state=states.replace("message", message),
        priority=f"CASE WHEN ({message} - 1) % 5 < 2 THEN 0 ELSE 1 END", due_at="{at}", attempt="1", tries="1",
        group_size="1", maybe_sent="0", changed_at="{at}", gateway="'msmpusher'", reason="'accepted'", code="'1000'",
        type="'success'", error="''", detail="''", sms_id="'sms-' || i", asked="''", claimed_by="''",
    )  # fmt: skip
    rows(
        deliveries, "attempts",
        delivery_id="i", attempt="1", call="'call-' || i", gateway="'msmpusher'", started_at="{at}", finished_at="{at}",
        outcome="'accepted'", reason="'accepted'", code="'1000'", type="'success'", error="''", detail="''",
        sms_id="'sms-' || i", http_status="200",
    )  # fmt: skip
    rows(
        incidents, "incidents",
        id="i", source="'alertmanager'", fingerprint=of(incidents, "'alert-' || i", "'alert-' || (i % 500)"),
        state=of(incidents, "CASE WHEN i % 2 = 0 THEN 'open' ELSE 'acknowledged' END", "'resolved'"),
        title="'Disk full on db' || i", text=text(incidents, "'The volume fills up within four hours'"),
        severity="'critical'", labels="'{{\"alertname\": \"DiskFull\", \"team\": \"db\"}}'", links="'[]'",
        policy="'default'", opened_at="{at}", paging_since="{at}", news_at="{at}", news="3", position="1",
        due_at=of(incidents, "{at}", "NULL"), acked_by="'Ama'", acked_at="{at}",
        resolved_by=of(incidents, "''", "'alertmanager'"), resolved_at=of(incidents, "NULL", "{at}"),
        storm_id="NULL", blanked=f"CASE WHEN i > {incidents * 3 // 4} THEN 0 ELSE 1 END",
    )  # fmt: skip
    rows(
        pages, "pages",
        id="i", person=person, person_name=person, message_id="(i - 1) / 2 * 5 + (i - 1) % 2 + 1",
        token_hash="'hash-' || i", created_at="{at}", repeat="0",
    )  # fmt: skip
    rows(
        requests, "page_requests",
        id="i", incident_id="(i - 1) / 2 + 1", person=person, person_name=person, position="0",
        requested_at="{at}", due_at="{at}", page_id=of(requests, "NULL", "(i - 1) * 4 / 5 + 1"), dropped="0",
    )  # fmt: skip
    rows(
        incidents * 6, "incident_log",
        incident_id="(i - 1) / 6 + 1", at="{at}", words="'Step 1 of 3: pages Ama Mensah'",
        event="CASE i % 6 WHEN 0 THEN 'resolved' WHEN 1 THEN 'opened' WHEN 2 THEN 'acknowledged' ELSE 'step' END",
    )  # fmt: skip
    cards = size + incidents
    rows(
        cards, "posts",
        key="'post-' || i", chat_id="-1000 - i % 20", telegram_id=of(cards, "NULL", "i"), wanted="3",
        message_id=f"CASE WHEN i <= {size} THEN i END", incident_id=f"CASE WHEN i > {size} THEN i - {size} END",
        text="''", shown=of(cards, "1", "3"), due_at="{at}", tries="0", trouble="''",
        pressed=of(cards, "i % 2", "0"),
    )  # fmt: skip
    rows(
        size * 3 // 2, "audit",
        at="{at}", who="'tg:' || (i % 50)", name="'Ama Mensah'", door="'telegram'", place="'-1001234567890'",
        act="'/sms'", about="'#' || i", outcome="'done'", detail="'1 recipient, 1 segment'",
    )  # fmt: skip
    rows(RECENT, "inbox", update_id="i", raw="''", received_at="{at}", done_at=of(RECENT, "NULL", "{at}"))
    rows(RECENT, "alert_ends", source="'alertmanager'", fingerprint="'alert-' || i", ended_at="{at}")
    rows(
        RECENT, "idempotency",
        owner="'api:ci'", key="'key-' || i", body_hash="'hash'", message_id="i", created_at="{at}",
    )  # fmt: skip
    rows(size // 400, "storms", opened_at="{at}", joined_at="{at}")
    _know(connection)


def _trust(connection: Connection) -> None:
    """PostgreSQL looks up each reference of each row, which takes most of the time: where it can, it is told not to."""
    if connection.dialect.name != "postgresql":
        return
    connection.exec_driver_sql("SET statement_timeout = 0")
    if connection.exec_driver_sql("SHOW is_superuser").scalar() == "on":
        connection.exec_driver_sql("SET session_replication_role = replica")


def _know(connection: Connection) -> None:
    """PostgreSQL looks at its tables now and then; SQLite has no need to, and bridge never has it do so."""
    if connection.dialect.name != "postgresql":
        return
    connection.exec_driver_sql("RESET session_replication_role")
    for table in metadata.tables.values():
        if "id" in table.columns:
            connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), coalesce(max(id), 1)) FROM {table.name}"
            )
    connection.exec_driver_sql("ANALYZE")
    connection.exec_driver_sql("RESET statement_timeout")
