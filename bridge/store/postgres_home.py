"""A database of a PostgreSQL server: is it there, of which version, and who leads."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import BigInteger, Connection, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.domain.errors import StoreUnavailable, StoreUnusable
from bridge.store.bell import Bell
from bridge.store.database import Database
from bridge.store.home import Home, OnCommit
from bridge.store.leading import LEADER, LOCKS, WRITER
from bridge.store.lock import ONE_MESSAGE, Holder, Purpose
from bridge.store.migrate import HEAD, refuse_newer, upgrade
from bridge.store.postgres import (
    Connect,
    connecting,
    explain,
    is_no_address,
    postgres_engine,
    unavailable,
)
from bridge.store.postgres_bell import PostgresBell
from bridge.store.postgres_database import PostgresDatabase, Writer
from bridge.store.postgres_url import read_url

MIGRATION_WAITS = "60s"
"""How long the migration of another process, or its last writes, are waited for."""
OLDEST_SERVER = 13
"""What is older gets no corrections any more."""

_HOLDER = text(
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE locktype = 'advisory' AND classid = :ours AND objid = :leader AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
).bindparams(bindparam("ours", LOCKS, BigInteger), bindparam("leader", LEADER, BigInteger))
_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")


class PostgresHome(Home):
    """Any number of processes deliver from it; one of them leads (`store/leading.py`)."""

    shared = True

    def __init__(self, url: str) -> None:
        self._dsn, self._shown = read_url(url)
        self._writer = Writer(self._connecting("added"), uuid.uuid4().hex)
        self._open: PostgresDatabase | None = None

    def __str__(self) -> str:
        return self._shown

    def _connecting(self, purpose: str) -> Connect:
        return connecting(self._dsn, purpose)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncConnection]:
        """A session for one look. Raises `StoreUnusable` for a server that cannot be asked."""
        engine = postgres_engine(self._connecting("look"))
        try:
            async with engine.connect() as session:
                yield session
        except (StoreUnusable, StoreUnavailable):
            raise
        except Exception as error:
            raise self._unusable(error) from error
        finally:
            await engine.dispose()

    def _unusable(self, error: Exception) -> Exception:
        if is_no_address(error):
            hint = "; sslmode=verify-ca and verify-full need sslrootcert=FILE, the authority's certificate"
            verifies = "sslmode=verify-" in self._dsn and "sslrootcert=" not in self._dsn
            words = f"is no address that the driver can use{hint if verifies else ''}"
            return StoreUnusable(f"BRIDGE_DATABASE_URL: {words}")
        if unavailable(error) is error:
            return error
        return StoreUnusable(f"BRIDGE_DATABASE_URL: cannot use {self}: {explain(error)}")

    async def current(self) -> str | None:
        async with self._session() as session:
            return await session.run_sync(self._version)

    def _version(self, connection: Connection) -> str | None:
        server = int((connection.dialect.server_version_info or (OLDEST_SERVER,))[0])
        if server < OLDEST_SERVER:
            raise StoreUnusable(f"BRIDGE_DATABASE_URL: {self} is PostgreSQL {server}; the oldest must be 13")
        tables = set(connection.execute(_TABLES).scalars())
        if not tables:
            return None
        if not {"alembic_version", "deliveries", "inbox"} <= tables:  # others use alembic, too
            raise StoreUnusable(f"BRIDGE_DATABASE_URL: {self} is a database of another program")
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return None if found is None else str(found)

    async def check_start(self, version: str | None) -> None:
        async with self._session() as session:
            await session.run_sync(_is_writable)
            if version is None:
                await session.exec_driver_sql("CREATE TABLE bridge_check (one integer)")
            await session.rollback()

    async def migrate(self) -> bool:
        async with self._session() as session:
            if await session.run_sync(self._version) == HEAD:
                await session.run_sync(_is_writable)
                return False
            await session.rollback()
            return await session.run_sync(self._upgrade)

    def _upgrade(self, connection: Connection) -> bool:
        """As the one who writes: of processes that start together one migrates, and the others find it done."""
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{MIGRATION_WAITS}'")
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCKS}, {WRITER})")
        found = self._version(connection)
        refuse_newer(self, found)
        if found == HEAD:
            return False
        upgrade(connection)
        connection.commit()
        return True

    def open(self, on_commit: OnCommit = lambda seconds: None) -> Database:
        self._open = PostgresDatabase(self._writer, self._connecting("read"), on_commit)
        return self._open

    async def holder(self) -> Holder | None:
        if self._open is not None and self._open.is_open:  # whoever waits asks again and again: no session for each
            found = await self._open.read(lambda connection: connection.execute(_HOLDER).scalar())
        else:
            async with self._session() as session:
                found = (await session.execute(_HOLDER)).scalar()
        if found is None:
            return None
        _, purpose, process = [*str(found).split("/", 2), "", ""][:3]
        return Holder(process=process, purpose=purpose)

    def bell(self) -> Bell:
        return PostgresBell(self._connecting("bell"))

    async def check_lock(self) -> None:
        return

    async def try_take(self, purpose: Purpose) -> bool:
        """Any number may deliver, each what it has claimed; one message alone where no service is there to do so."""
        if purpose == ONE_MESSAGE and await self.holder() is not None:
            return False
        await self._write_as(purpose)
        return True

    async def take(self) -> None:
        await self._write_as("service")

    async def release(self) -> None:
        await self._write_as("added")

    async def _write_as(self, purpose: str) -> None:
        """The session that writes is made anew, and bears that name; the old one lets go of its locks."""
        async with self._writer.turn:
            await self._writer.aclose()
            self._writer.connect = self._connecting(purpose)


def _is_writable(connection: Connection) -> None:
    """Raises what the server says of one that only reads: a replica, or one that is set so."""
    connection.exec_driver_sql("SELECT pg_current_xact_id()")
