"""Each query of the store in a year of a busy team: by index, and as quick at its end as on its first day."""

import inspect
import pkgutil
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Connection, event

from bridge import store
from tests.store.every_operation import EVERY
from tests.store.year import BIG, fill
from tests.support.manual_clock import MONDAY_MORNING as NOW

SMALL, FULL = 20_000, 200_000
"""Messages of a year: where plans are looked at, and where queries are timed."""

LONGEST_MS = 20.0

NO_QUERIES = {"database", "dialect", "leading", "migrate"}
"""What others are made of, and locks."""

WHOLE_TABLES = {
    "clock_set.move_incidents": "only after our clock was set back: what it wrote ahead is looked for, once",
    "clock_set.move_pages": "the same",
}
"""Operation -> why it may read a whole table."""

BY_ROW = {
    "clock_set.written_ahead": "the last line of any log",
    "messages.latest": "the newest messages, by their id, until there are ten",
    "retention.blank": "the newest on-call file",
}
"""Operation -> what it reads in the order of its ids, with a limit."""


@dataclass
class Asked:
    """The statements of an operation, as the database got them; and when each began, with the end behind."""

    statements: list[tuple[str, Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    @property
    def took_ms(self) -> list[float]:
        return [1000 * (after - before) for before, after in pairwise(self.times)]


@contextmanager
def listening(connection: Connection) -> Iterator[Asked]:
    asked = Asked()

    def note(_c: object, _cursor: object, statement: str, parameters: Any, _context: object, many: bool) -> None:
        asked.statements.append((statement, parameters[0] if many else parameters))
        asked.times.append(time.perf_counter())

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield asked
        asked.times.append(time.perf_counter())
    finally:
        event.remove(connection, "before_cursor_execute", note)


def of_everything(connection: Connection, size: int) -> Iterator[tuple[str, Asked]]:
    """Each operation by its name, and what it asked; nothing of it stays."""
    for name, operation in EVERY.items():
        with connection.begin_nested() as savepoint:
            with listening(connection) as asked:
                operation(connection, size)
            yield name, asked
            savepoint.rollback()


def test_every_operation_of_the_store_is_tried() -> None:
    found = set()
    for module in pkgutil.iter_modules(store.__path__):
        if module.ispkg or module.name in NO_QUERIES:
            continue
        for name, one in vars(import_module(f"bridge.store.{module.name}")).items():
            if inspect.isfunction(one) and one.__module__ == f"bridge.store.{module.name}" and not name.startswith("_"):
                parameters = iter(inspect.signature(one).parameters.values())
                if (first := next(parameters, None)) and first.annotation is Connection:
                    found.add(f"{module.name}.{name}")
    assert found == set(EVERY)


def test_no_query_reads_a_table_that_grows(connection: Connection) -> None:
    fill(connection, SMALL, NOW)
    read: dict[str, list[str]] = {}
    for name, asked in of_everything(connection, SMALL):
        for statement, parameters in asked.statements:
            if re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)", statement):
                plan = [one for one in _plan(connection, statement, parameters) if not _is_fine(name, one)]
                if plan:
                    read.setdefault(name, []).extend([statement, *plan])
    found = ["\n".join([name, *lines]) for name, lines in read.items() if name not in WHOLE_TABLES]
    assert not found, "\n\n".join(found)
    assert set(read) >= set(WHOLE_TABLES), "it needs no exception any more"


def _plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    if connection.dialect.name == "sqlite":
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    return [line.strip(" ->") for line in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars()]


def _is_fine(name: str, line: str) -> bool:
    """Whether a line of a plan reads part of a table, or a small one. A partial index holds only what is under way."""
    read = re.match(r"SCAN (\w+)(?: AS \w+)?(.*)", line) or re.match(r"(?:Parallel )?Seq Scan on (\w+)(.*)", line)
    if read is None or read[1] not in BIG:
        return True
    if name in BY_ROW and read[2] == "":
        return line.startswith("SCAN")
    return any(f" {index}" in read[2] for index in PARTIAL)


PARTIAL = {
    index.name
    for table in store.tables.metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}


@pytest.mark.soak
def test_no_query_takes_longer_than_20_ms_at_the_end_of_a_year(connection: Connection) -> None:
    fill(connection, FULL, NOW)
    print(f"\n{_size(connection) / 1e6:.0f} MB")
    quickest: dict[tuple[str, str], float] = {}
    for _ in range(3):  # whoever else is busy on this machine is no finding
        for name, asked in of_everything(connection, FULL):
            for (statement, _parameters), took in zip(asked.statements, asked.took_ms, strict=True):
                quickest[name, statement] = min(took, quickest.get((name, statement), took))
    slowest = sorted(((took, *which) for which, took in quickest.items()), reverse=True)
    print(f"\n{len(slowest)} queries in a year of {FULL} messages; the slowest:")
    print(*(f"{took:8.2f} ms  {name}" for took, name, _ in slowest[:8]), sep="\n")
    assert not [one for one in slowest if one[0] > LONGEST_MS and one[1] not in WHOLE_TABLES]


def _size(connection: Connection) -> int:
    """Bytes of the database."""
    sqlite, postgres = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", "pg_database_size"
    query = sqlite if connection.dialect.name == "sqlite" else f"SELECT {postgres}(current_database())"
    return int(connection.exec_driver_sql(query).scalar_one())
