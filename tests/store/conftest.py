"""Every test here runs on both databases, but those that are about a file: they ask for its `path`."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from bridge.store.database import Database
from bridge.store.home import home_of
from bridge.store.sqlite import sqlite_engine
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


@pytest.fixture
def plain(kind: str, url: str) -> Iterator[Plain | None]:
    """What runs plain functions on PostgreSQL; None where nothing is needed for that."""
    if kind == "sqlite":
        yield None
        return
    plain = Plain(url)
    yield plain
    plain.close()


@pytest.fixture
def engine(url: str, plain: Plain | None) -> Iterator[Engine]:
    if plain is not None:
        yield plain.engine
        return
    engine = sqlite_engine(Path(url.removeprefix("sqlite:///")))
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine, plain: Plain | None) -> Iterator[Connection]:
    """In a transaction; operations see what earlier ones wrote."""
    if plain is None:
        with engine.begin() as connection:
            yield connection
        return
    connection = plain.call(engine.connect)
    yield connection
    plain.call(connection.close)


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
