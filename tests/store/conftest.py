"""Every test here runs on both databases, but those that are about a file: they ask for its `path`."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from bridge.store.database import Database
from bridge.store.homes import home_of
from bridge.store.sqlite import sqlite_engine
from tests.support import postgres
from tests.support.databases import new_database
from tests.support.postgres import Plain


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An empty database of this version, in a file."""
    return new_database(tmp_path)


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest) -> str:
    """An empty database of this version."""
    return (
        f"sqlite:///{request.getfixturevalue('path')}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    )


@pytest.fixture(scope="session")
def rolled_back(postgres_server: str, postgres_template: str) -> Iterator[Plain]:
    """On a database of which nothing is ever committed: one for all: a copy for each test costs more than it."""
    url = postgres.wait(postgres.copy(postgres_server, postgres_template))
    plain = Plain(url)
    yield plain
    plain.close()
    postgres.wait(postgres.drop(postgres_server, [url]))


@pytest.fixture
def plain(kind: str, request: pytest.FixtureRequest) -> Iterator[Plain | None]:
    """What runs plain functions on PostgreSQL; None where nothing is needed for that."""
    if kind == "sqlite":
        yield None
    elif {"url", "engine"}.isdisjoint(request.fixturenames):
        shared: Plain = request.getfixturevalue("rolled_back")
        yield shared
    else:
        own = Plain(request.getfixturevalue("url"))
        yield own
        own.close()


@pytest.fixture
def engine(url: str, plain: Plain | None) -> Iterator[Engine]:
    if plain is not None:
        yield plain.engine
        return
    engine = sqlite_engine(Path(url.removeprefix("sqlite:///")))
    yield engine
    engine.dispose()


@pytest.fixture
def connection(plain: Plain | None, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """In a transaction; operations see what earlier ones wrote. It is not committed."""
    if plain is None:
        with request.getfixturevalue("engine").begin() as connection:
            yield connection
        return
    connection = plain.call(plain.engine.connect)
    plain.call(lambda: connection.execute(_FROM_ONE))
    yield connection
    plain.call(connection.close)


# What a rollback does not take back.
_FROM_ONE = text("SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A test that asks for an engine or a connection runs where these may be used."""
    plain = pyfuncitem.funcargs.get("plain")
    if not isinstance(plain, Plain):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    plain.call(partial(pyfuncitem.obj, **arguments))
    return True


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = home_of(url).open()
    yield database
    await database.aclose()
