"""New databases to measure on: files, or of a PostgreSQL server of our own that waits for the disk at each commit."""

import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy import text

from bridge.store.database import Database
from bridge.store.homes import home_of
from tests.support.postgres import Server, drop, make_template, with_name

NewUrl = Callable[[], str]
"""Gives the address of a database that is not there yet."""

DURABLE = ("max_connections=60", "shared_buffers=128MB")
"""Of the server: as it comes, but for these."""


@contextmanager
def sqlite() -> Iterator[NewUrl]:
    with tempfile.TemporaryDirectory(prefix="bridge-bench-") as folder:
        yield lambda: f"sqlite:///{Path(folder, f'{uuid.uuid4().hex}.db')}"


@contextmanager
def postgresql() -> Iterator[NewUrl]:
    with tempfile.TemporaryDirectory(prefix="bridge-bench-") as folder:
        server = Server(Path(folder), DURABLE)
        server.start()
        try:
            yield lambda: with_name(server.url, f"bench_{uuid.uuid4().hex}")
        finally:
            server.stop()


KINDS: dict[str, Callable[[], AbstractContextManager[NewUrl]]] = {"SQLite": sqlite, "PostgreSQL": postgresql}


@asynccontextmanager
async def migrated(new_url: NewUrl) -> AsyncIterator[str]:
    """The address of a new database of this version; it is gone afterwards."""
    url = new_url()
    if url.startswith("sqlite"):
        await home_of(url).migrate()
        yield url
    else:
        server = with_name(url, "postgres")
        await make_template(server, url.rpartition("/")[2])
        try:
            yield url
        finally:
            await drop(server, [url])


async def count(database: Database, rows: str) -> int:
    """How many there are; `rows`: a table's name, and which of it."""
    statement = text(f"SELECT count(*) FROM {rows}")
    return int(await database.read(lambda connection: connection.execute(statement).scalar()) or 0)
