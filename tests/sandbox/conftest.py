from collections.abc import AsyncIterator

import pytest
from telegram import Bot
from telegram.request import HTTPXRequest

from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_limits import NO_LIMITS

AMA, KOFI, EFUA = 111111111, 222222222, 333333333
START = 1_800_000_000.0


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> float:
        return self.at

    def pass_s(self, seconds: float) -> None:
        self.at += seconds


def bot_at(url: str, token: str) -> Bot:
    """python-telegram-bot, without the certificates that plain HTTP does not need: loading them takes 0.1 s a bot."""
    plain = {"verify": False}
    requests = HTTPXRequest(httpx_kwargs=plain), HTTPXRequest(httpx_kwargs=plain)
    return Bot(token, base_url=f"{url}/bot", request=requests[0], get_updates_request=requests[1])


@pytest.fixture(autouse=True)
def seconds_as_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    """python-telegram-bot warns at each RetryAfter without it."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def telegram(clock: Clock) -> AsyncIterator[TelegramSandbox]:
    """With Ama and Kofi, who pressed Start, and Efua, who never did."""
    async with TelegramSandbox(limits=NO_LIMITS, now=clock, clock=clock) as sandbox:
        sandbox.add_user(AMA, "Ama", "Mensah")
        sandbox.add_user(KOFI, "Kofi", "Boateng")
        sandbox.add_user(EFUA, "Efua", started=False)
        yield sandbox


@pytest.fixture
async def bot(telegram: TelegramSandbox) -> AsyncIterator[Bot]:
    async with bot_at(telegram.url, telegram.token) as bot:
        yield bot
