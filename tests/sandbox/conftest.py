from collections.abc import AsyncIterator

import pytest
from telegram import Bot

from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_limits import NO_LIMITS

AMA, KOFI = 111111111, 222222222


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramSandbox]:
    sandbox = TelegramSandbox(limits=NO_LIMITS)
    sandbox.add_user(AMA, "Ama", "Mensah")
    sandbox.add_user(KOFI, "Kofi", "Boateng")
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def bot(telegram: TelegramSandbox) -> AsyncIterator[Bot]:
    async with Bot(telegram.token, base_url=f"{telegram.url}/bot") as bot:
        yield bot
