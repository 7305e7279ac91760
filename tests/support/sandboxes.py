"""A Telegram and a gateway of the sandbox, as fixtures; and the settings by which the real program finds both."""

from collections.abc import AsyncIterator

import pytest

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox

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


def variables(telegram: TelegramSandbox, gateway: MsmpusherSandbox) -> dict[str, str]:
    """All that the program needs to use these two, with one admin, on a free port."""
    return {
        "BRIDGE_TELEGRAM_TOKEN": telegram.token,
        "BRIDGE_TELEGRAM_API_URL": telegram.url,
        "BRIDGE_TELEGRAM_ADMINS": str(ADMIN),
        "BRIDGE_MSMPUSHER_URL": gateway.url,
        "BRIDGE_MSMPUSHER_PRIVATE_KEY": gateway.private_key,
        "BRIDGE_MSMPUSHER_PUBLIC_KEY": gateway.public_key,
        "BRIDGE_MSMPUSHER_SENDER": "OPS",
        "BRIDGE_PORT": "0",
    }
