"""Who did what."""

from sqlalchemy import Column, Index, String, Table

from bridge.store.tables.base import RowId, UtcTime, metadata

# Only ever added to: triggers of the database refuse anything else (migration 0004). Holds no text and no number.
audit = Table(
    "audit",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("who", String(80), nullable=False),  # tg:<user id>, api:<token name>, link:<person>, cli:<os user> ...
    Column("name", String(200), nullable=False),  # as people know them, at that time
    Column("door", String(16), nullable=False),
    Column("place", String(40), nullable=False),  # chat and topic; empty where there is none
    Column("act", String(60), nullable=False),
    Column("about", String(80), nullable=False),  # #42, A7, P12, a schedule; empty for nothing that there is
    Column("outcome", String(40), nullable=False),
    Column("detail", String(200), nullable=False),  # counts
    Index("ix_audit_at", "at"),
    Index("ix_audit_who", "who", "id"),
    sqlite_autoincrement=True,
)
