from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bridge.sandbox.msmpusher import MsmpusherSandbox
from tests.services.rig import Rig
from tests.support.databases import new_database

MakeRig = Callable[..., Awaitable[Rig]]


@pytest.fixture
async def gateway() -> AsyncIterator[MsmpusherSandbox]:
    sandbox = MsmpusherSandbox()
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def make_rig(gateway: MsmpusherSandbox, tmp_path: Path) -> AsyncIterator[MakeRig]:
    """Makes a delivering half of bridge: see `Rig` for what may be set."""
    made: list[Rig] = []

    async def make(**how: object) -> Rig:
        made.append(Rig(new_database(tmp_path, f"{len(made)}.db"), gateway, **how))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for rig in made:
        await rig.close()
