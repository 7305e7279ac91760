"""Trouble between a bot and Telegram, as the bot sees it."""

import asyncio
from typing import Any

import httpx
import pytest
from telegram import Bot
from telegram.error import BadRequest, Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut

from bridge.sandbox import telegram_faults as faults
from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_faults import Break, Fault

from .conftest import AMA


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (faults.BAD_GATEWAY, NetworkError, "Bad Gateway"),
        (faults.SERVER_ERROR, NetworkError, "Internal Server Error"),
        (faults.UNAUTHORIZED, InvalidToken, "Unauthorized"),
        (faults.CONFLICT, Conflict, "terminated by other getUpdates"),
        (faults.flood(7), RetryAfter, "Flood control exceeded. Retry in 0:00:07"),
        (faults.SHORT_JSON, TelegramError, "Invalid server response"),
        (faults.CUT_JSON, NetworkError, "RemoteProtocolError"),
        (faults.RESET, NetworkError, "ReadError"),
        (faults.CLOSE, NetworkError, "RemoteProtocolError"),
    ],
)
async def test_a_fault_hits_once_and_only_its_method(
    telegram: TelegramSandbox, bot: Bot, fault: Fault, error: type[TelegramError], words: str
) -> None:
    telegram.fault(fault, method="sendMessage")
    await bot.get_me()
    with pytest.raises(error, match=words):
        await bot.send_message(AMA, "x")
    assert telegram.messages(AMA) == []
    await bot.send_message(AMA, "x")


async def test_a_hang_lasts_until_the_bot_gives_up_and_the_method_may_have_been_done(
    telegram: TelegramSandbox, bot: Bot
) -> None:
    telegram.fault(faults.HANG, method="sendMessage")
    with pytest.raises(TimedOut):
        await bot.send_message(AMA, "x", read_timeout=0.1)
    assert telegram.messages(AMA) == []
    telegram.fault(Fault(breaks=Break.HANG, done=True), method="sendMessage")
    with pytest.raises(TimedOut):
        await bot.send_message(AMA, "x", read_timeout=0.1)
    assert telegram.last_text(AMA) == "x"


async def test_a_standing_fault_stays_until_it_is_removed(telegram: TelegramSandbox, bot: Bot) -> None:
    remove = telegram.fault(faults.BAD_GATEWAY, times=None)
    for _ in range(3):
        with pytest.raises(NetworkError):
            await bot.get_me()
    remove()
    await bot.get_me()


async def test_the_hooks_see_the_world_before_and_after_the_method(telegram: TelegramSandbox, bot: Bot) -> None:
    seen: list[tuple[str, str, Any, int]] = []

    async def before(method: str, params: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        seen.append(("before", method, params["text"], len(telegram.messages(AMA))))

    telegram.on_call = before
    telegram.on_done = lambda method, params: seen.append(
        ("after", method, params["text"], len(telegram.messages(AMA)))
    )
    await bot.send_message(AMA, "x")
    assert seen == [("before", "sendMessage", "x", 0), ("after", "sendMessage", "x", 1)]


async def test_out_of_reach_and_back_on_the_same_port_forgets_nothing(telegram: TelegramSandbox, bot: Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await telegram.wait_for(lambda: telegram.polled)
    port = telegram.port
    await telegram.stop()
    with pytest.raises(NetworkError):
        await poll
    with pytest.raises(NetworkError):
        await bot.get_me()
    telegram.say(AMA, "while you were away")
    await telegram.start()
    assert telegram.port == port
    assert len(await bot.get_updates()) == 1


async def test_every_call_is_recorded_with_its_typed_parameters_and_answer(telegram: TelegramSandbox, bot: Bot) -> None:
    with pytest.raises(BadRequest):
        await bot.send_message(-5, "123")
    call = telegram.calls_of("sendmessage")[-1]
    assert (call.params["chat_id"], call.params["text"]) == (-5, "123")
    assert (call.ok, call.status, call.description) == (False, 400, "Bad Request: chat not found")
    assert call.answered_at is not None


@pytest.mark.parametrize("way", ["get", "form", "json", "multipart"])
async def test_parameters_come_by_every_way_that_telegram_takes(telegram: TelegramSandbox, way: str) -> None:
    url = f"{telegram.url}/bot{telegram.token}/sendMessage"
    fields = {"chat_id": str(AMA), "text": "naïve 🔥"}
    async with httpx.AsyncClient() as client:
        match way:
            case "get":
                answer = await client.get(url, params=fields)
            case "form":
                answer = await client.post(url, data=fields)
            case "json":
                answer = await client.post(url, json=fields | {"chat_id": AMA})
            case _:
                parts = {name: (None, value) for name, value in fields.items()}
                answer = await client.post(url, files=parts)
    assert answer.json()["result"]["text"] == "naïve 🔥"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "can't parse JSON object"),
        (b"[]", "object expected"),
        (b'{"chat_id": 111111111, "text": "\\ud83d"}', "strings must be encoded in UTF-8"),
        (b'{"chat_id": 111111111, "text": "x", "reply_markup": "{"}', "can't parse reply keyboard markup JSON object"),
        (b'{"text": "x"}', "chat_id is empty"),
    ],
)
async def test_a_request_that_cannot_be_read_is_refused(telegram: TelegramSandbox, body: bytes, words: str) -> None:
    async with httpx.AsyncClient() as client:
        url = f"{telegram.url}/bot{telegram.token}/sendMessage"
        answer = await client.post(url, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json() == {"ok": False, "error_code": 400, "description": f"Bad Request: {words}"}


async def test_a_wrong_and_a_malformed_token_differ_as_at_telegram(telegram: TelegramSandbox) -> None:
    async with httpx.AsyncClient() as client:
        wrong = await client.get(f"{telegram.url}/bot123456:{'x' * 35}/getMe")
        malformed = await client.get(f"{telegram.url}/botnonsense/getMe")
    assert (wrong.status_code, wrong.json()["description"]) == (401, "Unauthorized")
    assert (malformed.status_code, malformed.json()["description"]) == (404, "Not Found")
