import asyncio
import traceback

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError, StatementError

from bridge.domain.errors import Refused, StoreUnavailable
from bridge.store.database import GROUP_LIMIT, Database
from bridge.store.homes import home_of
from tests.support.named_values import names, put


async def test_many_writes_at_once_share_commits_and_all_are_kept(url: str) -> None:
    commits: list[float] = []
    database = home_of(url).open(commits.append)
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


async def test_a_closed_database_refuses_and_keeps_what_was_asked_before(url: str) -> None:
    database = home_of(url).open()
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


async def test_wrong_sql_is_a_bug_of_ours_whoever_runs_it(database: Database) -> None:
    def wrong(connection: Connection) -> None:
        connection.execute(text("SELECT :one"), {"two": 2})

    for run in (database.read, database.write):
        with pytest.raises(StatementError):
            await run(wrong)
