"""The same updates as by getUpdates, brought: in the order of each chat, again until they are taken."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from lo_bot_api_emulator import LoBotApiEmulator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Bot
from telegram.error import BadRequest, Conflict

from bridge.sandbox.loopback import Loopback
from bridge.sandbox.telegram import TelegramSandbox
from bridge.web.server import web_app
from tests.support.eventually import until

from .conftest import AMA, KOFI, START, bot_at


@dataclass
class Hook:
    """A program that takes updates. `answers`: statuses of the next ones, then 200."""

    url: str = ""
    bodies: list[dict[str, object]] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    wait: Callable[[], Awaitable[object]] | None = None

    async def take(self, request: Request) -> Response:
        self.bodies.append(json.loads(await request.body()))
        self.secrets.append(request.headers.get("x-telegram-bot-api-secret-token", ""))
        if self.wait is not None:
            await self.wait()
        return Response(status_code=self.answers.pop(0) if self.answers else 200, headers=self.headers)

    @property
    def texts(self) -> list[object]:
        return [body["message"]["text"] for body in self.bodies]  # type: ignore[index]


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    found = Hook()
    server = Loopback(web_app([Route("/hook", found.take, methods=["POST"])]))
    await server.start()
    found.url = f"{server.url}/hook"
    yield found
    await server.stop()


@pytest.fixture(autouse=True)
def quick(telegram: TelegramSandbox) -> None:
    telegram.deliveries._second_s = 0.01


async def test_what_is_brought_is_what_would_have_been_handed_out(
    telegram: TelegramSandbox, bot: Bot, hook: Hook
) -> None:
    for text in ("one", "two"):
        telegram.say(AMA, text)
    handed_out = [update.json() for update in telegram.unconfirmed_updates]
    await bot.set_webhook(hook.url, secret_token="only-ours", allowed_updates=["message"], max_connections=7)
    await until(lambda: not telegram.unconfirmed_updates)
    assert hook.bodies == handed_out
    assert hook.secrets == ["only-ours"] * 2
    with pytest.raises(Conflict):
        await bot.get_updates()
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count, info.max_connections) == (hook.url, 0, 7)
    assert (info.allowed_updates, info.last_error_message) == (("message",), None)


async def test_one_that_is_refused_comes_again_and_before_it_nothing_else_of_its_chat(
    telegram: TelegramSandbox, bot: Bot, hook: Hook
) -> None:
    hook.answers = [503, 401, 500]
    await bot.set_webhook(hook.url)
    for text in ("one", "two"):
        telegram.say(AMA, text)
    await until(lambda: not telegram.unconfirmed_updates)
    assert hook.texts == ["one", "one", "one", "one", "two"]
    info = await bot.get_webhook_info()
    assert info.last_error_message == "Wrong response from the webhook: 500 Internal Server Error"
    assert info.last_error_date is not None
    assert info.last_error_date.timestamp() == START


async def test_another_chat_does_not_wait(telegram: TelegramSandbox, bot: Bot, hook: Hook) -> None:
    telegram.deliveries._second_s = 1000
    hook.answers, hook.headers = [503], {"Retry-After": "5"}
    await bot.set_webhook(hook.url)
    telegram.say(AMA, "one")
    await until(lambda: telegram.world.webhook_error)
    telegram.say(KOFI, "two")
    telegram.say(AMA, "three")
    await until(lambda: len(telegram.unconfirmed_updates) == 2)
    assert hook.texts == ["one", "two"]


async def test_no_more_come_at_a_time_than_the_bot_asked_for(telegram: TelegramSandbox, bot: Bot, hook: Hook) -> None:
    go = asyncio.Event()
    hook.wait = go.wait
    await bot.set_webhook(hook.url, max_connections=2)
    for number in range(5):
        telegram.say(telegram.add_user(900_000_000 + number, f"U{number}"), f"{number}")
    await until(lambda: len(hook.bodies) == 2)
    go.set()
    await until(lambda: not telegram.unconfirmed_updates)
    assert sorted(map(str, hook.texts)) == ["0", "1", "2", "3", "4"]


async def test_an_answer_that_is_lost_makes_it_come_again(telegram: TelegramSandbox, bot: Bot, hook: Hook) -> None:
    telegram.deliveries.loses = 1
    await bot.set_webhook(hook.url)
    telegram.say(AMA, "one")
    await until(lambda: not telegram.unconfirmed_updates)
    assert hook.texts == ["one", "one"]


async def test_without_a_webhook_what_waits_is_handed_out_again(
    telegram: TelegramSandbox, bot: Bot, hook: Hook
) -> None:
    await bot.set_webhook("https://bridge.example/hook")
    telegram.say(AMA, "one")
    await until(lambda: telegram.world.webhook_error)
    await bot.delete_webhook()
    assert len(await bot.get_updates()) == 1


@pytest.mark.parametrize("url", ["https://bridge.example:9000/", "http://bridge.example/", "ftp://bridge.example/"])
async def test_an_address_that_telegram_does_not_deliver_to_is_refused(bot: Bot, url: str) -> None:
    with pytest.raises(BadRequest, match="Bad webhook"):
        await bot.set_webhook(url)


async def test_a_secret_of_other_characters_is_refused(bot: Bot) -> None:
    with pytest.raises(BadRequest, match="Secret token contains unallowed characters"):
        await bot.set_webhook("https://bridge.example/", secret_token="two words")


async def test_another_emulator_brings_the_same(telegram: TelegramSandbox, bot: Bot, hook: Hook) -> None:
    emulator = LoBotApiEmulator(allow_insecure_loopback_webhooks=True)
    runner = web.AppRunner(emulator.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    telegram.say(AMA, "one")
    (update,) = telegram.unconfirmed_updates
    await bot.set_webhook(hook.url, secret_token="only-ours")
    await until(lambda: not telegram.unconfirmed_updates)
    host, port = runner.addresses[0][:2]
    async with bot_at(f"http://{host}:{port}", telegram.token) as other:
        await other.set_webhook(hook.url, secret_token="only-ours")
        hook.answers = [503]
        await emulator.enqueue_update(update.json(), token=telegram.token)
        await emulator.deliver_updates(token=telegram.token)
    await runner.cleanup()
    assert hook.bodies == [update.json()] * 3
    assert hook.secrets == ["only-ours"] * 3
