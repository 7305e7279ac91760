from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bridge.sandbox.msmpusher import MsmpusherSandbox
from tests.services.rig import Rig
from tests.support.databases import new_database
from tests.support.sandboxes import gateway  # noqa: F401 - a fixture

MakeRig = Callable[..., Awaitable[Rig]]


@pytest.fixture
async def make_rig(gateway: MsmpusherSandbox, tmp_path: Path) -> AsyncIterator[MakeRig]:  # noqa: F811
    """Makes a delivering half of bridge: see `Rig` for what may be set."""
    made: list[Rig] = []

    async def make(**how: object) -> Rig:
        made.append(Rig(new_database(tmp_path, f"{len(made)}.db"), gateway, **how))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for rig in made:
        await rig.close()
