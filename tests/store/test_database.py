import asyncio
import sqlite3
import traceback
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import pytest
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from bridge.domain.errors import Refused, StoreUnavailable
from bridge.store.database import BUSY_TIMEOUT_S, GROUP_LIMIT, Database
from bridge.store.migrate import migrate
from bridge.store.tables import switches
from tests.support.manual_clock import MONDAY_MORNING


def put(name: str) -> Callable[[Connection], str]:
    def operation(connection: Connection) -> str:
        connection.execute(insert(switches).values(name=name, value="", set_by="", set_at=MONDAY_MORNING))
        return name

    return operation


def listed(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


def names(connection: Connection) -> set[str]:
    return set(connection.execute(select(switches.c.name)).scalars())


async def test_a_write_is_answered_after_its_commit(path: Path, database: Database) -> None:
    assert await database.write(put("one")) == "one"
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM switches").fetchall() == [("one",)]
    other.close()


async def test_many_writes_at_once_share_commits_and_all_are_kept(path: Path) -> None:
    commits: list[float] = []
    database = Database(path, on_commit=commits.append)
    results = await asyncio.gather(*(database.write(put(f"n{index}")) for index in range(1000)))
    assert results == [f"n{index}" for index in range(1000)]
    assert len(await database.read(names)) == 1000
    assert 1000 / GROUP_LIMIT <= len(commits) < 100
    await database.aclose()


async def test_one_that_fails_harms_none_of_its_neighbours(database: Database) -> None:
    def fail(connection: Connection) -> None:
        put("half")(connection)
        raise Refused("paused", "no")

    results = await asyncio.gather(
        *(database.write(fail if index % 10 == 3 else put(f"n{index}")) for index in range(50)), return_exceptions=True
    )
    failed = [index for index, result in enumerate(results) if isinstance(result, Refused)]
    assert failed == [3, 13, 23, 33, 43]
    assert await database.read(names) == {f"n{index}" for index in range(50) if index not in failed}


async def test_one_that_breaks_a_constraint_is_told_and_harms_none_of_its_neighbours(database: Database) -> None:
    results = await asyncio.gather(
        *(database.write(put(name)) for name in ("a", "b", "a", "c")), return_exceptions=True
    )
    assert [result for result in results if isinstance(result, str)] == ["a", "b", "c"]
    assert isinstance(results[2], IntegrityError)  # a bug of ours: it does not pass, so it is no outage
    assert await database.read(names) == {"a", "b", "c"}


async def test_a_caller_that_is_cancelled_takes_nothing_back(database: Database) -> None:
    writes = [asyncio.create_task(database.write(put(f"n{index}"))) for index in range(20)]
    await asyncio.sleep(0)
    for write in writes[::2]:
        write.cancel()
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert {type(result) for result in results[::2]} == {asyncio.CancelledError}
    assert {type(result) for result in results[1::2]} == {str}
    assert len(await database.read(names)) == 20


async def test_a_cancelled_caller_whose_write_fails_is_no_unheard_error(database: Database) -> None:
    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: heard.append(context))

    def fail(connection: Connection) -> None:
        raise Refused("paused", "no")

    write = asyncio.create_task(database.write(fail))
    await asyncio.sleep(0)
    write.cancel()
    await asyncio.gather(write, return_exceptions=True)
    await database.write(put("after"))
    assert heard == []


async def test_reading_sees_only_what_is_committed_and_cannot_write(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="read-only"):
        await database.read(put("one"))
    assert await database.read(names) == set()


async def test_a_locked_database_is_said_to_all_within_one_wait_and_recovers(path: Path, database: Database) -> None:
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


async def test_a_closed_database_refuses_and_keeps_what_was_asked_before(path: Path) -> None:
    database = Database(path)
    write = asyncio.create_task(database.write(put("one")))
    await asyncio.sleep(0)
    await database.aclose()
    await database.aclose()
    assert await write == "one"
    with pytest.raises(StoreUnavailable, match="closed"):
        await database.write(put("two"))
    with pytest.raises(StoreUnavailable, match="closed"):
        await database.read(names)


async def test_what_the_log_is_told_holds_no_values(database: Database) -> None:
    secret = put("name-of-a-person")
    await database.write(secret)
    with pytest.raises(IntegrityError) as caught:
        await database.write(secret)
    assert "name-of-a-person" not in "".join(traceback.format_exception(caught.value))


async def test_an_outage_is_said_without_sql(database: Database) -> None:
    await database.write(lambda connection: connection.exec_driver_sql("PRAGMA query_only = ON"))
    with pytest.raises(StoreUnavailable) as caught:
        await database.write(put("name-of-a-person"))
    assert str(caught.value) == "database: it is read-only"


async def test_wrong_sql_is_a_bug_of_ours_whoever_runs_it(database: Database) -> None:
    def wrong(connection: Connection) -> None:
        connection.execute(text("SELECT :one"), {"two": 2})

    for run in (database.read, database.write):
        with pytest.raises(StatementError):
            await run(wrong)


@pytest.mark.parametrize("name", ["what?.db", "a#b.db", "100%25.db", "a b&c=d.db", "ɛ.db"])
async def test_any_name_of_a_file_is_that_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert migrate(path)
    assert not migrate(path)
    database = Database(path)
    await database.write(put("one"))
    await database.aclose()
    assert listed(tmp_path) == [name]


async def test_a_full_disk_is_said_and_nothing_is_half_written(path: Path, database: Database) -> None:
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


async def test_a_file_that_may_only_be_read_is_said(database: Database) -> None:
    """SQLite's own switch stands for the file's mode (root may write any file): it fails in the same way."""
    await database.write(lambda connection: connection.exec_driver_sql("PRAGMA query_only = ON"))
    with pytest.raises(StoreUnavailable, match="read-only"):
        await database.write(put("one"))


async def test_a_file_that_is_removed_or_replaced_takes_nothing_more(database: Database) -> None:
    await database.write(put("one"))
    database.path.rename(database.path.with_suffix(".old"))
    with pytest.raises(StoreUnavailable, match="was removed or replaced"):
        await database.write(put("two"))
    database.path.write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="was removed or replaced"):
        await database.write(put("three"))
