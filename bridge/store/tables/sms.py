"""Updates, messages, deliveries, attempts, and what the chat shows."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, text

from bridge.store.tables.base import RowId, UtcTime, metadata, partial_index

# A partial index serves a query only when the database sees its condition word for word in the query: a bound value
# hides it. So each condition is written once, here, and the queries use it.
IS_OPEN_UPDATE = text("done_at IS NULL")
IS_DONE_UPDATE = text("done_at IS NOT NULL")
HAS_BUTTONS = text("buttons_until IS NOT NULL")
IS_QUEUED = text("state = 'queued'")
IS_SENDING = text("state = 'sending'")
ASKS_A_PERSON = text("state IN ('held', 'unknown')")
HAS_SMS_ID = text("sms_id <> ''")
IS_PRESSED = text("shown < wanted AND trouble = '' AND pressed = 1")
IS_OUT_OF_DATE = text("shown < wanted AND trouble = ''")
IS_KEPT_MESSAGE = text("blanked = 0")
HAS_TEXT = text("text <> ''")


# Raw Telegram updates, kept before they are confirmed. `raw` is emptied when the update is done with.
inbox = Table(
    "inbox",
    metadata,
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    Column("raw", Text, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("done_at", UtcTime),
    Column("tries", Integer, nullable=False, server_default="0"),
    partial_index("ix_inbox_open", "update_id", where=IS_OPEN_UPDATE),
    partial_index("ix_inbox_done", "done_at", where=IS_DONE_UPDATE),
)

# One text from one origin. (source, source_key) is unique: a repeated update or request is the same message.
messages = Table(
    "messages",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("source", String(16), nullable=False),  # telegram, api, cli, page
    Column("source_key", String(200), nullable=False),
    Column("owner", String(80), nullable=False),  # tg:<user id>, api:<token name>, cli:<os user>
    Column("owner_name", String(200), nullable=False),
    Column("text", Text, nullable=False),
    Column("encoding", String(8), nullable=False),
    Column("segments", Integer, nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("remarks", Text, nullable=False),  # JSON: what the answer must mention (see services.send_sms)
    Column("created_at", UtcTime, nullable=False),
    Column("hold", String(16), nullable=False),  # why it waits for a person; empty: it does not
    Column("buttons_until", UtcTime),  # until when its buttons may be pressed; null: it has none
    Column("decision", String(300), nullable=False),  # who decided what, last
    Column("blanked", Integer, nullable=False, server_default="0"),  # 1: text and numbers are gone (store.retention)
    UniqueConstraint("source", "source_key"),
    Index("ix_messages_owner", "owner", "id"),
    Index("ix_messages_created", "created_at"),
    partial_index("ix_messages_buttons", "buttons_until", where=HAS_BUTTONS),
    partial_index("ix_messages_kept", "created_at", where=IS_KEPT_MESSAGE),
    sqlite_autoincrement=True,
)

# That text to one number: the state and due time that everything else follows.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("message_id", RowId, ForeignKey("messages.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("number", String(20), nullable=False),
    Column("state", String(12), nullable=False),
    Column("priority", Integer, nullable=False),  # smaller goes first
    Column("due_at", UtcTime, nullable=False),
    Column("attempt", Integer, nullable=False),  # of all rounds; 0: never tried
    Column("tries", Integer, nullable=False),  # of this round: what the retry policy counts
    Column("round_started_at", UtcTime),  # first attempt of this round
    Column("group_size", Integer, nullable=False),  # in lists of at most this many
    Column("maybe_sent", Integer, nullable=False),  # attempts before this round of which nobody knows
    Column("changed_at", UtcTime, nullable=False),
    Column("gateway", String(40), nullable=False),
    Column("asked", String(500), nullable=False, server_default=text("''")),  # gateways of this pass (domain.failover)
    Column("reason", String(24), nullable=False),
    Column("code", String(200), nullable=False),
    Column("type", String(200), nullable=False),
    Column("error", String(200), nullable=False),
    Column("detail", String(200), nullable=False),
    Column("sms_id", String(200), nullable=False),
    Column("claimed_by", String(32), nullable=False, server_default=text("''")),  # the process that claimed it last
    UniqueConstraint("message_id", "position"),
    partial_index("ix_deliveries_queue", "priority", "due_at", "id", where=IS_QUEUED),
    partial_index("ix_deliveries_sending", "id", where=IS_SENDING),
    partial_index("ix_deliveries_asking", "state", "message_id", where=ASKS_A_PERSON),
    sqlite_autoincrement=True,
)

# One gateway call for one delivery, numbered, committed before the call leaves.
attempts = Table(
    "attempts",
    metadata,
    Column("delivery_id", RowId, ForeignKey("deliveries.id"), primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("call", String(32), nullable=False),  # the same for all numbers of one call
    Column("gateway", String(40), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("outcome", String(12), nullable=False),  # empty: not finished
    Column("reason", String(24), nullable=False),
    Column("code", String(200), nullable=False),
    Column("type", String(200), nullable=False),
    Column("error", String(200), nullable=False),
    Column("detail", String(200), nullable=False),
    Column("sms_id", String(200), nullable=False),
    Column("http_status", Integer),
    partial_index("ix_attempts_sms_id", "sms_id", where=HAS_SMS_ID),
)

# How each gateway does; not there: it works, or was never asked.
breakers = Table(
    "breakers",
    metadata,
    Column("gateway", String(40), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("reason", String(24), nullable=False),
    Column("out_since", UtcTime),
    Column("probe_at", UtcTime),
    Column("probe_every_s", Integer, nullable=False),
    Column("rests_until", UtcTime),
)

# What the chat shows: a fixed text, or a message rendered from its state. Synced while shown < wanted.
posts = Table(
    "posts",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("key", String(200), nullable=False, unique=True),  # what makes a repeat the same post
    Column("chat_id", BigInteger, nullable=False),
    Column("thread_id", BigInteger),
    Column("reply_to", BigInteger),
    Column("message_id", RowId, ForeignKey("messages.id")),  # at most one of these four; none: a fixed text
    Column("incident_id", RowId),
    Column("storm_id", RowId),
    Column("page_id", RowId),
    Column("text", Text, nullable=False),
    Column("telegram_id", BigInteger),  # null: not posted yet
    Column("wanted", Integer, nullable=False),
    Column("shown", Integer, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("trouble", String(200), nullable=False),  # why it is given up; empty: it is not
    Column("pressed", Integer, nullable=False, server_default="0"),  # 1: somebody pressed it and waits to see it change
    partial_index("ix_posts_pressed", "due_at", "id", where=IS_PRESSED),
    partial_index("ix_posts_open", "due_at", "id", where=IS_OUT_OF_DATE),
    partial_index("ix_posts_kept", "due_at", where=HAS_TEXT),
    Index("ix_posts_place", "chat_id", "telegram_id"),
    Index("ix_posts_message", "message_id"),
    Index("ix_posts_incident", "incident_id"),
    Index("ix_posts_storm", "storm_id"),
    Index("ix_posts_page", "page_id"),
    sqlite_autoincrement=True,
)

# Named values of the whole installation: the stop switch, when a service was last alive.
switches = Table(
    "switches",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("value", Text, nullable=False),
    Column("set_by", String(200), nullable=False),
    Column("set_at", UtcTime, nullable=False),
)

# Where people have sent to: the first message to a country that is not here asks first.
countries = Table(
    "countries",
    metadata,
    Column("country", String(2), primary_key=True),  # ISO code; empty for numbers of no country
    Column("first_used_at", UtcTime, nullable=False),
)

# Idempotency-Key of POST /v1/sms.
idempotency = Table(
    "idempotency",
    metadata,
    Column("owner", String(80), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("message_id", RowId, ForeignKey("messages.id"), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_idempotency_created", "created_at"),
)
