from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from bridge.store.database import Database, sqlite_engine
from tests.support.databases import new_database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An empty database of this version."""
    return new_database(tmp_path)


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = sqlite_engine(path)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """In a transaction; operations see what earlier ones wrote."""
    with engine.begin() as connection:
        yield connection


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    database = Database(path)
    yield database
    await database.aclose()
