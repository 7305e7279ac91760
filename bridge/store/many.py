"""One statement for many rows, as fast as the driver takes them; and many ids for one statement.

SQLAlchemy's own executemany spends 25 µs a row on names and types, more than SQLite spends on the row. Here the
statement is compiled once for a database, and rows are handed over as tuples of plain values (times by `microseconds`).
"""

from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Update


class Many:
    """An INSERT, UPDATE or DELETE with bound names, and the order in which rows give them."""

    def __init__(self, statement: Insert | Update | Delete, *names: str) -> None:
        """`names`: at least two, each name of the statement's parameters once."""
        self._statement = statement
        self._names = names
        self._compiled: dict[str, tuple[str, itemgetter[Any]]] = {}

    def run(self, connection: Connection, rows: Iterable[tuple[Any, ...]]) -> int:
        """Run it for each row; gives how many rows of the table were written."""
        name = connection.dialect.name
        if name not in self._compiled:
            compiled = self._statement.compile(dialect=connection.dialect, column_keys=list(self._names))
            order = compiled.positiontup
            if order is None or set(order) != set(self._names):
                raise ValueError(f"the statement's parameters are {order}, not {self._names}")
            self._compiled[name] = (str(compiled), itemgetter(*map(self._names.index, order)))
        sql, in_order = self._compiled[name]
        values = [in_order(row) for row in rows]
        if not values:
            return 0
        result = connection.exec_driver_sql(sql, values, execution_options={"preserve_rowcount": True})
        return result.rowcount


def slices(ids: Iterable[int], size: int = 500) -> Iterator[list[int]]:
    """Ids, each once and in order, in lists that one statement can carry."""
    given = sorted(set(ids))
    for start in range(0, len(given), size):
        yield given[start : start + size]
