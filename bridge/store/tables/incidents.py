"""Alerts, incidents, and the pages about them."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, text

from bridge.store.tables.base import RowId, UtcTime, metadata, partial_index

# As in `sms`: a partial index serves a query only where its condition stands there word for word.
IS_NEWS = text("trouble = ''")
IS_OPEN_INCIDENT = text("state <> 'resolved'")
IS_RUNNING = text("due_at IS NOT NULL")
IS_OPEN_REQUEST = text("page_id IS NULL AND dropped = 0")
IS_KEPT_INCIDENT = text("blanked = 0 AND resolved_at IS NOT NULL")
# An equality implies these. Without them SQLite looked along these indexes for rows that have none, and those are most
# of all that ever were: each new incident and each look for pages read them all.
HAS_PAGE = text("page_id IS NOT NULL")
HAS_STORM = text("storm_id IS NOT NULL")

# What an alert source posted, as it came: kept before it is answered with 202, read by the intake loop, then deleted.
alert_inbox = Table(
    "alert_inbox",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("source", String(40), nullable=False),
    Column("content_type", String(200), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("taken", Integer, nullable=False),  # of its alerts, so many are taken in
    Column("trouble", String(200), nullable=False),  # why it could not be taken in; empty: it waits
    partial_index("ix_alert_inbox_news", "id", where=IS_NEWS),
    sqlite_autoincrement=True,
)

# One alert, from its first firing to its end. At most one of a (source, fingerprint) is open.
incidents = Table(
    "incidents",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("source", String(40), nullable=False),
    Column("fingerprint", String(200), nullable=False),
    Column("state", String(12), nullable=False),  # open, acknowledged, resolved
    Column("title", String(300), nullable=False),
    Column("text", Text, nullable=False),
    Column("severity", String(8), nullable=False),
    Column("labels", Text, nullable=False),  # JSON object
    Column("links", Text, nullable=False),  # JSON list of [label, url]
    Column("policy", String(80), nullable=False),  # "none": a card only
    Column("chat_id", BigInteger),  # where its card stands; null: where notices go
    Column("thread_id", BigInteger),
    Column("opened_at", UtcTime, nullable=False),
    Column("paging_since", UtcTime, nullable=False),  # since it was opened, or since an Ack ran out
    Column("starts_at", UtcTime),  # as the source told last, by its clock
    Column("news_at", UtcTime, nullable=False),
    Column("news", Integer, nullable=False),  # how often it was heard of
    Column("position", Integer, nullable=False),  # steps of the policy that were run, over all rounds
    Column("due_at", UtcTime),  # when the next step runs; null: none will
    Column("acked_by", String(200), nullable=False),
    Column("acked_at", UtcTime),
    Column("resolved_by", String(200), nullable=False),
    Column("resolved_at", UtcTime),
    Column("storm_id", RowId, ForeignKey("storms.id")),  # the card that it shares with others
    Column("blanked", Integer, nullable=False, server_default="0"),  # 1: its words are gone (store.retention)
    partial_index("ix_incidents_open", "source", "fingerprint", where=IS_OPEN_INCIDENT, unique=True),
    partial_index("ix_incidents_due", "due_at", "id", where=IS_RUNNING),
    partial_index("ix_incidents_storm", "storm_id", where=HAS_STORM),
    partial_index("ix_incidents_kept", "resolved_at", where=IS_KEPT_INCIDENT),
    Index("ix_incidents_opened", "opened_at"),
    sqlite_autoincrement=True,
)

# When an alert was last known to end, by its source's clock: older news than that is late. And when its source said so
# last, by ours; null: a person ended it (or a version that did not note that), and it is deaf until it starts anew.
alert_ends = Table(
    "alert_ends",
    metadata,
    Column("source", String(40), primary_key=True),
    Column("fingerprint", String(200), primary_key=True),
    Column("ended_at", UtcTime, nullable=False),
    Column("noted_at", UtcTime),
    Index("ix_alert_ends_ended", "ended_at"),
)

# What happened to an incident, in order.
incident_log = Table(
    "incident_log",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("incident_id", RowId, ForeignKey("incidents.id"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("event", String(40), nullable=False),
    Column("words", String(300), nullable=False),
    Index("ix_incident_log_incident", "incident_id", "id"),
    sqlite_autoincrement=True,
)

# One card for many incidents that came at once in one chat.
storms = Table(
    "storms",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("chat_id", BigInteger),
    Column("thread_id", BigInteger),
    Column("opened_at", UtcTime, nullable=False),
    Column("joined_at", UtcTime, nullable=False),  # when the last one joined
    Index("ix_storms_joined", "joined_at"),
    sqlite_autoincrement=True,
)

# Somebody shall be paged about an incident. Open until a page stands for it, or it is dropped.
page_requests = Table(
    "page_requests",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("incident_id", RowId, ForeignKey("incidents.id"), nullable=False),
    Column("person", String(80), nullable=False),
    Column("person_name", String(200), nullable=False),
    Column("position", Integer, nullable=False),  # of the escalation, when it was asked for
    Column("requested_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),  # not before: the end of a quiet time
    Column("page_id", RowId, ForeignKey("pages.id")),
    Column("dropped", Integer, nullable=False, server_default="0"),
    partial_index("ix_page_requests_open", "person", "incident_id", where=IS_OPEN_REQUEST, unique=True),
    Index("ix_page_requests_incident", "incident_id"),
    partial_index("ix_page_requests_page", "page_id", where=HAS_PAGE),
    sqlite_autoincrement=True,
)

# One SMS to one person about one or more incidents.
pages = Table(
    "pages",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("person", String(80), nullable=False),
    Column("person_name", String(200), nullable=False),
    Column("message_id", RowId, ForeignKey("messages.id"), nullable=False, unique=True),
    Column("token_hash", String(64), nullable=False, unique=True),  # of its ack link
    Column("created_at", UtcTime, nullable=False),
    Column("repeat", Integer, nullable=False, server_default="0"),  # 1: it says that it may be a repeat
    Index("ix_pages_person", "person", "created_at"),
    sqlite_autoincrement=True,
)
