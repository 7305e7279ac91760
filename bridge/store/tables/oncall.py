"""Who is on call, as far as it is not the file's alone; and who reports to be alive."""

from sqlalchemy import Column, Index, Integer, String, Table, Text

from bridge.store.tables.base import RowId, UtcTime, metadata

# Somebody takes a schedule for a while, whatever it says.
overrides = Table(
    "overrides",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("schedule", String(80), nullable=False),
    Column("person", String(80), nullable=False),
    Column("start_at", UtcTime, nullable=False),
    Column("end_at", UtcTime, nullable=False),
    Column("set_by", String(200), nullable=False),
    Column("set_at", UtcTime, nullable=False),
    Index("ix_overrides_end", "end_at"),
    sqlite_autoincrement=True,
)

# On-call files that were accepted; the newest one is in force, in every process.
oncall_files = Table(
    "oncall_files",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("hash", String(64), nullable=False),  # SHA-256 of the text, hex
    Column("text", Text, nullable=False),
    Column("accepted_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)

# The last good text of each calendar.
calendars = Table(
    "calendars",
    metadata,
    Column("schedule", String(80), primary_key=True),
    Column("text", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("read_at", UtcTime, nullable=False),
    Column("trouble", String(200), nullable=False),  # why the last reading failed; empty: it did not
)

# Dead man's switches: armed when first seen in the file.
heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("armed_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime),  # the last ping
    Column("silent_since", UtcTime, nullable=False),  # last ping, or armed; less what nobody could hear
    Column("allowed_s", Integer, nullable=False),  # seconds of silence, as the file had it when due_at was set
    Column("due_at", UtcTime, nullable=False),  # when silence becomes an incident, or is looked at again
    Column("pings", Integer, nullable=False),
)
