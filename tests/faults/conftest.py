import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.scene import Scene
from tests.support import postgres
from tests.support.postgres import Server


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """Sandbox servers and an empty folder. At the end: no process is left, and no log holds what it must not."""
    found = Scene(tmp_path)
    await found.open()
    yield found
    await found.close()
    found.check_logs()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A PostgreSQL server of this test's own."""
    with tempfile.TemporaryDirectory(prefix="bridge-postgres-") as folder:
        server = Server(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
async def server_scene(tmp_path: Path, server: Server) -> AsyncIterator[Scene]:
    """As `scene`, with its database on that server."""
    found = Scene(tmp_path)
    await postgres.run(server.url, "CREATE DATABASE bridge")
    found.put_server(postgres.with_name(server.url, "bridge"))
    await found.open()
    yield found
    await found.close()
    found.books.close()
    found.check_logs()
