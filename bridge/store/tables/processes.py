"""Who delivers from this database, and what each has committed last."""

from sqlalchemy import BigInteger, Column, Integer, String, Table

from bridge.store.tables.base import UtcTime, metadata

# A row for each process that claims deliveries. `seen_at` is of the server's clock, for people to read: who is gone is
# told by `missed`, which no clock that is set can change.
processes = Table(
    "processes",
    metadata,
    Column("name", String(32), primary_key=True),  # as in deliveries.claimed_by
    Column("process", String(80), nullable=False),  # its id and host
    Column("version", String(40), nullable=False),
    Column("session", Integer, nullable=False),  # the server's process that serves it; 0: none
    Column("leads", Integer, nullable=False),  # 1: it is the leader
    Column("missed", Integer, nullable=False),  # beats of the leader since its own last one
    Column("started_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
)

# PostgreSQL's alone: a row for each session that writes, or did, with the number of its last transaction, which the
# transaction itself wrote: by it a commit whose answer was lost is found.
commits = Table(
    "commits",
    metadata,
    Column("writer", String(32), primary_key=True),
    Column("last", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),  # by the server's clock
)
