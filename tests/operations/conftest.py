from pathlib import Path

import pytest

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from tests.cli.program import Shell
from tests.support.sandboxes import gateway, telegram, variables  # noqa: F401 - fixtures


@pytest.fixture
def shell(tmp_path: Path, gateway: MsmpusherSandbox, telegram: TelegramSandbox) -> Shell:  # noqa: F811
    """Everything is set but the database."""
    return Shell(tmp_path, **variables(telegram, gateway), BRIDGE_API_TOKENS="ci=0123456789abcdef0123456789abcdef")
