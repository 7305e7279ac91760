"""What is SQLite's own: a file, its lock, its disk."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter

import pytest
from sqlalchemy import Connection, func, insert, select

from bridge.domain.errors import StoreUnavailable
from bridge.store.database import BUSY_TIMEOUT_S
from bridge.store.migrate import migrate
from bridge.store.sqlite import SqliteDatabase
from bridge.store.tables import switches
from tests.support.manual_clock import MONDAY_MORNING
from tests.support.named_values import names, put


def listed(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(path)
    yield database
    await database.aclose()


async def test_a_write_is_answered_after_its_commit(path: Path, database: SqliteDatabase) -> None:
    assert await database.write(put("one")) == "one"
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM switches").fetchall() == [("one",)]
    other.close()


async def test_a_locked_database_is_said_to_all_within_one_wait_and_recovers(
    path: Path, database: SqliteDatabase
) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    started = perf_counter()
    results = await asyncio.gather(*(database.write(put(f"n{index}")) for index in range(40)), return_exceptions=True)
    took_s = perf_counter() - started
    assert {str(result) for result in results} == {"database: another program holds a lock on it"}
    assert {type(result) for result in results} == {StoreUnavailable}
    # One wait for the write that came first, one for those that came while it waited.
    assert took_s < 2.5 * BUSY_TIMEOUT_S
    assert await database.read(names) == set()
    holder.close()
    assert await database.write(put("after")) == "after"


async def test_an_outage_is_said_without_sql(database: SqliteDatabase) -> None:
    await database.write(lambda connection: connection.exec_driver_sql("PRAGMA query_only = ON"))
    with pytest.raises(StoreUnavailable) as caught:
        await database.write(put("name-of-a-person"))
    assert str(caught.value) == "database: it is read-only"


@pytest.mark.parametrize("name", ["what?.db", "a#b.db", "100%25.db", "a b&c=d.db", "ɛ.db"])
async def test_any_name_of_a_file_is_that_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert migrate(path)
    assert not migrate(path)
    database = SqliteDatabase(path)
    await database.write(put("one"))
    await database.aclose()
    assert listed(tmp_path) == [name]


async def test_a_full_disk_is_said_and_nothing_is_half_written(path: Path, database: SqliteDatabase) -> None:
    """SQLite's own limit of pages stands for the disk: it fails in the same way, SQLITE_FULL."""

    def limit(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def large(connection: Connection) -> None:
        put("small")(connection)
        connection.execute(insert(switches).values(name="large", value="x" * 100_000, set_by="", set_at=MONDAY_MORNING))

    await database.write(limit)
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        await database.write(large)
    assert await database.read(lambda connection: connection.execute(select(func.count(switches.c.name))).scalar()) == 0
    await database.write(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 1000000"))
    await database.write(large)


async def test_a_file_that_may_only_be_read_is_said(database: SqliteDatabase) -> None:
    """SQLite's own switch stands for the file's mode (root may write any file): it fails in the same way."""
    await database.write(lambda connection: connection.exec_driver_sql("PRAGMA query_only = ON"))
    with pytest.raises(StoreUnavailable, match="read-only"):
        await database.write(put("one"))


async def test_a_file_that_is_removed_or_replaced_takes_nothing_more(database: SqliteDatabase) -> None:
    await database.write(put("one"))
    database.path.rename(database.path.with_suffix(".old"))
    with pytest.raises(StoreUnavailable, match="was removed or replaced"):
        await database.write(put("two"))
    database.path.write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="was removed or replaced"):
        await database.write(put("three"))
