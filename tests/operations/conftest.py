from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from tests.cli.program import Shell

ADMIN = 111111111


@pytest.fixture
async def gateway() -> AsyncIterator[MsmpusherSandbox]:
    sandbox = MsmpusherSandbox()
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramSandbox]:
    sandbox = TelegramSandbox()
    sandbox.add_user(ADMIN, "Ama", "Mensah")
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
def shell(tmp_path: Path, gateway: MsmpusherSandbox, telegram: TelegramSandbox) -> Shell:
    """Everything is set but the database."""
    return Shell(
        tmp_path,
        BRIDGE_TELEGRAM_TOKEN=telegram.token,
        BRIDGE_TELEGRAM_API_URL=telegram.url,
        BRIDGE_TELEGRAM_ADMINS=str(ADMIN),
        BRIDGE_MSMPUSHER_URL=gateway.url,
        BRIDGE_MSMPUSHER_PRIVATE_KEY=gateway.private_key,
        BRIDGE_MSMPUSHER_PUBLIC_KEY=gateway.public_key,
        BRIDGE_MSMPUSHER_SENDER="OPS",
        BRIDGE_API_TOKENS="ci=0123456789abcdef0123456789abcdef",
        BRIDGE_PORT="0",
    )
