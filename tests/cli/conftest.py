from pathlib import Path

import pytest

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from tests.cli.program import Shell
from tests.support.sandboxes import gateway, telegram, variables  # noqa: F401 - fixtures


@pytest.fixture
def shell(tmp_path: Path, gateway: MsmpusherSandbox, telegram: TelegramSandbox) -> Shell:  # noqa: F811
    """Everything is set, and right."""
    database = f"sqlite:///{tmp_path / 'bridge.db'}"
    return Shell(tmp_path, **variables(telegram, gateway), BRIDGE_DATABASE_URL=database)
