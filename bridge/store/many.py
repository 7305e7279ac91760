"""One statement for many rows, as fast as the driver takes them; and many ids for one statement.

SQLAlchemy's own executemany spends 25 µs a row on names and types, more than SQLite spends on the row. Here the
statement is compiled once for a database, and rows are handed over as tuples of plain values (times by `microseconds`).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Update

Rows = Iterable[tuple[Any, ...]]


class Many:
    """An INSERT, UPDATE or DELETE with bound names, and the order in which rows give them."""

    def __init__(self, statement: Insert | Update | Delete, *names: str) -> None:
        """`names`: at least two, each name of the statement's parameters once."""
        self._statement = statement.inline() if isinstance(statement, Insert) else statement
        self._names = names
        self._compiled: dict[str, tuple[str, itemgetter[Any]]] = {}
        self._joined = ""

    def run(self, connection: Connection, rows: Rows) -> None:
        """Run it for each row."""
        sql, values = self._for(connection, rows)
        if values:
            connection.exec_driver_sql(sql, values)

    def count(self, connection: Connection, rows: Rows) -> int:
        """Run it, an UPDATE, for each row; gives how many rows of the table were written."""
        sql, values = self._for(connection, rows)
        if not values:
            return 0
        if connection.dialect.name == "postgresql":
            self._joined = self._joined or joined(sql, self._order(connection))
            return connection.exec_driver_sql(self._joined, tuple(map(list, zip(*values, strict=True)))).rowcount
        return connection.exec_driver_sql(sql, values, execution_options={"preserve_rowcount": True}).rowcount

    def _for(self, connection: Connection, rows: Rows) -> tuple[str, list[tuple[Any, ...]]]:
        """The statement, and rows in the order of its parameters."""
        name = connection.dialect.name
        if name not in self._compiled:
            order = self._order(connection)
            sql = str(self._statement.compile(dialect=connection.dialect, column_keys=list(self._names)))
            self._compiled[name] = (sql, itemgetter(*map(self._names.index, order)))
        sql, in_order = self._compiled[name]
        return sql, [in_order(row) for row in rows]

    def _order(self, connection: Connection) -> Sequence[str]:
        order = self._statement.compile(dialect=connection.dialect, column_keys=list(self._names)).positiontup
        if order is None or set(order) != set(self._names):
            raise ValueError(f"the statement's parameters are {order}, not {self._names}")
        return order


def joined(sql: str, order: Sequence[str]) -> str:
    """PostgreSQL's UPDATE of one row as one of all rows, given as an array a parameter: its driver counts no other."""
    types = {int(number): kind for number, kind in re.findall(r"\$(\d+)::(\w+)", sql)}
    by_name = re.sub(r"\$(\d+)(::\w+)?", lambda one: f"given.{order[int(one[1]) - 1]}", sql)
    head, where, tail = by_name.partition(" WHERE ")
    arrays = ", ".join(f"${number}::{types[number]}[]" for number in range(1, len(order) + 1))
    return f"{head} FROM unnest({arrays}) AS given ({', '.join(order)}){where}{tail}"


def slices(ids: Iterable[int], size: int = 500) -> Iterator[list[int]]:
    """Ids, each once and in order, in lists that one statement can carry."""
    given = sorted(set(ids))
    for start in range(0, len(given), size):
        yield given[start : start + size]
