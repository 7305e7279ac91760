from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.scene import Scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """Sandbox servers and an empty folder. At the end: no process is left, and no log holds what it must not."""
    found = Scene(tmp_path)
    await found.open()
    yield found
    await found.close()
    found.check_logs()
