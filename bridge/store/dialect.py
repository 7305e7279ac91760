"""What SQLite and PostgreSQL say in words of their own; and a word to their planners."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Insert, Table, literal_column
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(connection: Connection, table: Table, values: dict[str, Any]) -> bool:
    """Insert a row unless its key is there already; True when it is new."""
    return connection.execute(_insert(table, connection.dialect.name), values).rowcount > 0


def insert_new_rows(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows whose key is not there yet."""
    if rows:
        connection.execute(_insert(table, connection.dialect.name), rows)


def by_no_index(column: Column[str]) -> ColumnElement[str]:
    """The column, where no index of it shall be used: SQLite takes an equality for a few rows, and reads all that a
    person or a token ever had."""
    return column.concat("")


@cache
def _insert(table: Table, dialect: str) -> Insert:
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return make(table).on_conflict_do_nothing()


_NOW = {
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)",
}


def server_now(connection: Connection) -> ColumnElement[int]:
    """What the database's own clock shows, as a time is kept: of several processes each has a clock of its own."""
    return literal_column(_NOW[connection.dialect.name])


_SESSION = {"postgresql": "pg_backend_pid()", "sqlite": "0"}


def server_session(connection: Connection) -> ColumnElement[int]:
    """Number of the server's process that serves this connection; 0 for a file."""
    return literal_column(_SESSION[connection.dialect.name])
