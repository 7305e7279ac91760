"""What is PostgreSQL's own: a server that goes away and comes back, lines that are cut, other processes."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text, update

from bridge.domain.errors import NotLeading, StoreInDoubt, StoreUnavailable, StoreUnusable
from bridge.store import leading, migrate, switches
from bridge.store.database import Database
from bridge.store.homes import home_of
from bridge.store.leading import Led
from bridge.store.lock import Holder
from bridge.store.postgres import connecting
from bridge.store.postgres_database import PostgresDatabase, Writer
from bridge.store.tables import metadata
from bridge.store.tables import switches as table
from tests.support import postgres
from tests.support.cut_line import CutLine
from tests.support.manual_clock import MONDAY_MORNING as NOW
from tests.support.named_values import names, put
from tests.support.postgres import Plain, Server
from tests.support.relay import Relay


@pytest.fixture(params=["postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server() -> Iterator[Server]:
    """One of the test's own, with a database of this version."""
    with tempfile.TemporaryDirectory(prefix="bridge-postgres-") as folder:
        server = Server(Path(folder))
        server.start()
        postgres.wait(home_of(server.url).migrate())
        yield server
        server.stop()


@pytest.fixture
async def line(url: str) -> AsyncIterator[CutLine]:
    line = CutLine(url)
    await line.start()
    yield line
    await line.stop()


@dataclass(frozen=True, slots=True)
class TwoServers:
    """Both with a database of this version; `line` leads to the old one until a test says otherwise."""

    old: Server
    new: Server
    line: Relay

    def fail_over(self) -> None:
        self.line.to = self.new.url


@pytest.fixture
async def two_servers(server: Server) -> AsyncIterator[TwoServers]:
    with tempfile.TemporaryDirectory(prefix="bridge-postgres-") as folder:
        other = Server(Path(folder))
        other.start()
        await home_of(other.url).migrate()
        line = Relay(server.url)
        await line.start()
        yield TwoServers(server, other, line)
        await line.stop()
        other.stop()


def pid(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())


# a server that goes away


async def test_a_server_that_is_away_is_said_and_one_that_is_back_serves_again(server: Server) -> None:
    database = home_of(server.url).open()
    await database.write(put("one"))
    server.stop()
    for again in (database.write(put("two")), database.read(names)):
        with pytest.raises(StoreUnavailable, match=r"^database: the server cannot be reached$"):
            await again
    server.start()
    assert await database.write(put("three")) == "three"
    assert await database.read(names) == {"one", "three"}
    await database.aclose()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_a_server_that_was_restarted_is_no_news_for_anybody(server: Server, how: signal.Signals) -> None:
    database = home_of(server.url).open()
    await database.write(put("one"))
    assert await asyncio.gather(*(database.read(names) for _ in range(6))) == [{"one"}] * 6
    server.stop(how)
    server.start()
    assert await asyncio.gather(*(database.read(names) for _ in range(6))) == [{"one"}] * 6
    assert await database.write(put("two")) == "two"
    await database.aclose()


async def test_a_session_that_is_ended_in_the_middle_of_an_operation_loses_and_doubles_nothing(
    url: str, database: Database
) -> None:
    """As a failover or an operator does."""
    runs: list[int] = []

    def ended_once(connection: Connection) -> str:
        put("one")(connection)
        runs.append(pid(connection))
        if len(runs) == 1:
            connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
        return put("two")(connection)

    assert await database.write(ended_once) == "two"
    assert len(set(runs)) == 2
    assert await database.read(names) == {"one", "two"}


async def test_who_waits_for_a_lock_for_too_long_is_told(url: str, database: Database) -> None:
    """An operator's own session, say."""
    await database.write(put("one"))
    other = home_of(url).open()

    def locks(connection: Connection) -> None:
        connection.execute(text("SELECT set_config('lock_timeout', '100ms', true)"))
        connection.execute(update(table).values(value="x"))

    holding, free = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        import asyncpg

        connection = await asyncpg.connect(url)
        async with connection.transaction():
            await connection.execute("UPDATE switches SET value = 'mine'")
            holding.set()
            await free.wait()
        await connection.close()

    task = asyncio.create_task(hold())
    await holding.wait()
    with pytest.raises(StoreUnavailable, match="another program holds a lock on it"):
        await other.write(locks)
    free.set()
    await task
    await other.write(locks)
    await other.aclose()


# a commit whose answer is lost


async def test_a_commit_whose_answer_is_lost_is_found_to_be_kept_and_runs_once(line: CutLine) -> None:
    database = home_of(line.url).open()
    await database.write(put("one"))
    line.cut = "after"
    runs: list[int] = []

    def counted(connection: Connection) -> str:
        runs.append(1)
        return put("two")(connection)

    assert await database.write(counted) == "two"
    assert len(runs) == 1
    assert await database.read(names) == {"one", "two"}
    await database.aclose()


async def test_who_waits_behind_a_commit_in_doubt_is_told_and_its_owner_waits_for_the_truth(line: CutLine) -> None:
    database = home_of(line.url).open()
    await database.write(put("one"))
    line.cut, line.stays_down = "after", True
    in_doubt = asyncio.create_task(database.write(put("two")))
    await line.was_cut.wait()
    with pytest.raises(StoreUnavailable, match=r"the server cannot be reached$"):
        await database.write(put("behind"))
    assert not in_doubt.done()
    await line.start()
    assert await in_doubt == "two"
    assert await database.read(names) == {"one", "two"}
    await database.aclose()


async def test_a_commit_of_which_nobody_can_learn_what_became_is_said_to_be_in_doubt(line: CutLine) -> None:
    connect = connecting(line.url, "test")
    database = PostgresDatabase(Writer(connect, "test"), connect, lambda seconds: None, doubt_for_s=0.3)
    await database.write(put("one"))
    line.cut, line.stays_down = "after", True
    runs: list[int] = []

    def counted(connection: Connection) -> str:
        runs.append(1)
        return put("two")(connection)

    with pytest.raises(StoreInDoubt, match="nobody knows whether the last commit was kept"):
        await database.write(counted)
    assert len(runs) == 1
    await line.start()
    assert await database.write(put("three")) == "three"
    assert await database.read(names) == {"one", "two", "three"}
    await database.aclose()


async def test_a_commit_that_never_arrived_is_run_again(line: CutLine) -> None:
    database = home_of(line.url).open()
    await database.write(put("one"))
    line.cut = "before"
    assert await database.write(put("two")) == "two"
    assert await database.read(names) == {"one", "two"}
    await database.aclose()


@pytest.mark.parametrize("crashed", ["the server", "one of its processes"])
async def test_a_commit_that_a_crash_forestalled_is_run_again_whatever_number_was_given_anew(
    server: Server, crashed: str
) -> None:
    line = CutLine(server.url)
    await line.start()
    database, other = home_of(line.url).open(), home_of(server.url).open()
    await database.write(put("one"))
    numbers: list[int] = []

    def numbered(connection: Connection) -> str:
        numbers.append(_number(connection))
        return put("two")(connection)

    line.cut, line.stays_down = "before", True
    writing = asyncio.create_task(database.write(numbered))
    await line.was_cut.wait()
    if crashed == "the server":
        server.stop(signal.SIGQUIT)
        server.start()
    else:  # all others end, too, and what was not committed is forgotten
        os.kill(await other.write(pid), signal.SIGKILL)
    given = 0
    async with asyncio.timeout(20):
        while given < numbers[0]:  # another program, or the server's own housekeeping
            with suppress(StoreUnavailable):
                given = await other.write(_number)
    await line.start()
    assert await writing == "two"
    assert len(numbers) == 2
    assert await database.read(names) == {"one", "two"}
    await asyncio.gather(database.aclose(), other.aclose())
    await line.stop()


def _number(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT pg_current_xact_id()::text").scalar_one())


async def test_marks_of_writers_that_are_gone_for_a_day_are_forgotten(url: str) -> None:
    await postgres.run(url, "INSERT INTO commits (writer, last, at) VALUES ('gone', 7, 0)")
    database = home_of(url).open()
    await database.write(put("one"))
    await database.write(put("two"))
    marks = await database.read(lambda c: c.exec_driver_sql("SELECT last FROM commits").scalars().all())
    assert marks == [2]
    await database.aclose()


# a failover


async def test_reads_follow_writes_to_another_server_though_the_old_one_answers_still(two_servers: TwoServers) -> None:
    database = home_of(two_servers.line.url).open()
    await database.write(put("one"))
    assert await database.read(names) == {"one"}
    session = await database.write(pid)
    two_servers.fail_over()
    await postgres.run(two_servers.old.url, f"SELECT pg_terminate_backend({session})")
    await database.write(put("two"))
    assert await database.read(names) == {"two"}
    await database.aclose()


async def test_a_session_of_a_server_that_only_reads_is_given_up(two_servers: TwoServers) -> None:
    """The address led to the old server for a moment longer."""
    await postgres.run(two_servers.old.url, "ALTER DATABASE postgres SET default_transaction_read_only = on")
    database = home_of(two_servers.line.url).open()
    with pytest.raises(StoreUnavailable, match="read-only"):
        await database.write(put("one"))
    two_servers.fail_over()
    assert await database.write(put("one")) == "one"
    await database.aclose()


async def test_an_answered_commit_is_on_the_disk_however_the_database_is_set(server: Server) -> None:
    await postgres.run(server.url, "ALTER DATABASE postgres SET synchronous_commit = off")
    database = home_of(server.url).open()
    said = await database.write(lambda c: str(c.exec_driver_sql("SHOW synchronous_commit").scalar_one()))
    assert said == "on"
    await database.aclose()


# several processes


async def test_what_an_operation_has_read_is_so_until_it_commits_whoever_else_writes(url: str) -> None:
    databases = [home_of(url).open() for _ in range(4)]
    await databases[0].write(lambda c: switches.put(c, "count", "0", by="", now=NOW))

    def add_one(connection: Connection) -> None:
        found = switches.get(connection, "count")
        assert found is not None
        switches.put(connection, "count", str(int(found.value) + 1), by="", now=NOW)

    await asyncio.gather(*(databases[index % 4].write(add_one) for index in range(200)))
    found = await databases[0].read(lambda c: switches.get(c, "count"))
    assert found is not None
    assert found.value == "200"
    for database in databases:
        await database.aclose()


async def test_a_read_sees_one_moment(url: str, database: Database) -> None:
    home = home_of(url)
    other = home.open()
    await database.write(put("one"))
    loop = asyncio.get_running_loop()
    writes: list[asyncio.Task[str]] = []

    def look(connection: Connection) -> tuple[set[str], set[str]]:
        before = names(connection)
        writes.append(loop.create_task(other.write(put("two"))))
        for _ in range(50):
            connection.exec_driver_sql("SELECT pg_sleep(0.01)")
            if writes[0].done():
                break
        assert writes[0].done()
        return before, names(connection)

    assert await database.read(look) == ({"one"}, {"one"})
    await other.aclose()


async def test_of_processes_that_start_together_one_migrates(postgres_server: str) -> None:
    name = postgres.new_name()
    await postgres.run(postgres_server, f"CREATE DATABASE {name}")
    url = postgres.with_name(postgres_server, name)
    assert await home_of(url).current() is None
    changed = await asyncio.gather(*(home_of(url).migrate() for _ in range(4)))
    assert sorted(changed) == [False, False, False, True]
    assert await home_of(url).current() == migrate.HEAD
    await postgres.drop(postgres_server, [url])


async def test_one_process_leads_and_the_others_are_told_who_it_is(url: str) -> None:
    first, second = home_of(url), home_of(url)
    await first.take()
    await second.take()
    one, two = first.open(), second.open()
    assert await second.holder() is None
    assert await one.write(leading.take)
    assert await one.write(leading.take)
    found = await second.holder()
    assert found is not None
    assert found.is_service
    assert "@" in found.process
    assert not await two.write(leading.take)
    assert not await second.try_take("one message")
    await one.aclose()
    assert await two.write(leading.take)
    assert isinstance(await first.holder(), Holder)
    await two.aclose()
    assert await first.holder() is None
    assert await first.try_take("one message")
    await first.release()


async def test_who_leads_no_more_writes_nothing_that_only_the_leader_may(url: str) -> None:
    """Its session was cut off, and before it was back another one took the lead."""
    one, two = home_of(url).open(), home_of(url).open()
    led = Led(one)
    assert await led.write(put("one")) == "one"
    session = await one.write(pid)
    assert not await two.write(leading.take)
    await postgres.run(url, f"SELECT pg_terminate_backend({session})")
    async with asyncio.timeout(10):  # the server may need a moment to end it
        while not await two.write(leading.take):
            pass
    with pytest.raises(NotLeading, match="another bridge leads now"):
        await led.write(put("two"))
    assert await one.write(put("three")) == "three", "everybody may write the rest"
    await two.aclose()
    assert await led.write(put("four")) == "four", "nobody leads, so it does"
    assert await led.read(names) == {"one", "three", "four"}
    await one.aclose()


async def test_a_leader_whose_session_was_lost_goes_on_where_nobody_else_took_the_lead(url: str) -> None:
    database = home_of(url).open()
    led = Led(database)
    await led.write(put("one"))
    await postgres.run(url, f"SELECT pg_terminate_backend({await database.write(pid)})")
    assert await led.write(put("two")) == "two"
    await database.aclose()


# what is there


def test_the_migrations_make_what_the_tables_say(connection: Connection) -> None:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    assert compare_metadata(context, metadata) == []


def test_the_migrations_make_the_same_indexes_to_the_letter(connection: Connection) -> None:
    """Alembic does not compare the conditions of partial indexes."""
    query = text(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = :schema AND tablename <> 'alembic_version'"
    )
    migrated = {name: sql.replace("public.", "") for name, sql in connection.execute(query, {"schema": "public"})}
    connection.exec_driver_sql("CREATE SCHEMA fresh")
    connection.exec_driver_sql("SET LOCAL search_path = fresh")
    metadata.create_all(connection)
    fresh = {name: sql.replace("fresh.", "") for name, sql in connection.execute(query, {"schema": "fresh"})}
    assert migrated == fresh


async def test_a_newer_database_is_refused_and_left_alone(url: str) -> None:
    await postgres.run(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnusable, match=r"version 9999, newer than this program .*install a newer bridge"):
        await home_of(url).migrate()
    assert await home_of(url).current() == "9999"


async def test_another_programs_database_is_refused(url: str) -> None:
    await postgres.run(url, "DROP TABLE inbox")
    with pytest.raises(StoreUnusable, match="another program"):
        await home_of(url).migrate()


async def test_a_server_that_cannot_be_used_is_named_without_the_password(postgres_server: str) -> None:
    for url, words in (
        (postgres.with_name(postgres_server, "nowhere"), "the server has no such database"),
        ("postgresql://bridge:s3cret@127.0.0.1:9/bridge", "the server cannot be reached"),
    ):
        with pytest.raises(StoreUnusable) as caught:
            await home_of(url).migrate()
        assert str(caught.value).startswith("BRIDGE_DATABASE_URL: cannot use postgresql://")
        assert words in str(caught.value)
        assert "s3cret" not in str(caught.value)


async def test_a_nul_in_a_text_is_kept_as_a_sign_that_stands_for_it(database: Database) -> None:
    await database.write(put("a\0b"))
    assert await database.read(names) == {"a\ufffdb"}


def test_an_update_of_many_rows_counts_those_that_it_wrote(plain: Plain, connection: Connection) -> None:
    for name in ("one", "two"):
        put(name)(connection)
    from sqlalchemy import bindparam

    from bridge.store.many import Many

    rename = Many(
        update(table).where(table.c.name == bindparam("b_old"), text("value = ''")).values(name=bindparam("b_new")),
        *("b_old", "b_new"),
    )
    assert rename.count(connection, [("one", "1"), ("three", "3"), ("two", "2")]) == 2
    assert rename.count(connection, []) == 0
    assert names(connection) == {"1", "2"}
