from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.store.database import Database
from bridge.store.sqlite import SqliteDatabase
from tests.support.databases import new_database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = SqliteDatabase(new_database(tmp_path))
    yield made
    await made.aclose()
