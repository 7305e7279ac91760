"""The same calls to this sandbox and to PyPI's `lo-bot-api-emulator`: where both model a rule, they agree.

What the other one does not model (targets that exist, markup, flood) stands in `test_telegram_methods.py` alone.
"""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from lo_bot_api_emulator import LoBotApiEmulator
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import TelegramError

from bridge.sandbox.telegram import TelegramSandbox

from .conftest import AMA, bot_at

Probe = Callable[[Bot], Awaitable[object]]


def keys(text: str, data: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(text, callback_data=data)]])


@pytest.fixture
async def other() -> AsyncIterator[Bot]:
    runner = web.AppRunner(LoBotApiEmulator().app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    async with bot_at(f"http://{host}:{port}", "5005005005:synthetic-token-of-nobody-0123456789") as bot:
        yield bot
    await runner.cleanup()


async def same_text_twice(bot: Bot) -> object:
    sent = await bot.send_message(AMA, "x", reply_markup=keys("Go", "go"))
    return await bot.edit_message_text("y", AMA, sent.message_id, reply_markup=keys("Go", "go"))


AGREED: dict[str, tuple[Probe, bool]] = {
    "getMe": (lambda bot: bot.get_me(), True),
    "plain text": (lambda bot: bot.send_message(AMA, "x"), True),
    "no text": (lambda bot: bot.send_message(AMA, ""), False),
    "4096 characters": (lambda bot: bot.send_message(AMA, "x" * 4096), True),
    "4097 characters": (lambda bot: bot.send_message(AMA, "x" * 4097), False),
    "4097 in UTF-16": (lambda bot: bot.send_message(AMA, "🔥" * 2048 + "x"), False),
    "64 bytes of callback data": (lambda bot: bot.send_message(AMA, "x", reply_markup=keys("Go", "x" * 64)), True),
    "65 bytes of callback data": (lambda bot: bot.send_message(AMA, "x", reply_markup=keys("Go", "x" * 65)), False),
    "an edit": (same_text_twice, True),
    "an edit without a message": (lambda bot: bot.edit_message_text("x", AMA, 0), False),
    "a long callback answer": (lambda bot: bot.answer_callback_query("1", "x" * 201), False),
    "no such action": (lambda bot: bot.send_chat_action(AMA, "yawning"), False),
    "typing": (lambda bot: bot.send_chat_action(AMA, "typing"), True),
    "a webhook without TLS": (lambda bot: bot.set_webhook("http://bridge.example/"), False),
    "no webhook": (lambda bot: bot.delete_webhook(), True),
    "no updates": (lambda bot: bot.get_updates(), True),
}


@pytest.mark.parametrize("case", AGREED)
async def test_both_take_or_refuse_a_call(telegram: TelegramSandbox, bot: Bot, other: Bot, case: str) -> None:
    probe, taken = AGREED[case]
    assert {"ours": await _taken(probe, bot), "theirs": await _taken(probe, other)} == {"ours": taken, "theirs": taken}


async def _taken(probe: Probe, bot: Bot) -> bool:
    try:
        await probe(bot)
    except TelegramError:
        return False
    return True
