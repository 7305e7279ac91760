"""The page's server: what it shows, and what a person can do through it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bridge.sandbox.app import AMA, EFUA, KOFI, Sandbox
from bridge.sandbox.msmpusher import Mode

from .conftest import bot_at

News = AsyncIterator[tuple[str, Any]]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = Sandbox()
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def page(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sandbox.url, timeout=10) as client:
        yield client


async def news(page: httpx.AsyncClient) -> AsyncIterator[tuple[str, Any]]:
    async with page.stream("GET", "/events") as stream:
        name = ""
        async for line in stream.aiter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)


async def until(stream: News, wanted: str) -> Any:
    async with asyncio.timeout(10):
        async for name, data in stream:
            if name == wanted:
                return data
    raise AssertionError("the stream ended")


@pytest.mark.parametrize("path", ["/", "/style.css", "/page.js", "/alerts.js"])
async def test_the_page_loads_nothing_from_elsewhere(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(path)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    addresses = answer.text.replace("http://www.w3.org/2000/svg", "").replace("https://${words}", "")
    assert "http://" not in addresses
    assert "https://" not in addresses
    assert "innerHTML" not in answer.text


async def test_a_reader_gets_everything_first_and_then_the_changes(sandbox: Sandbox, page: httpx.AsyncClient) -> None:
    sandbox.telegram.say(AMA.id, "before")
    async with aclosing(news(page)) as stream:
        snapshot = await until(stream, "snapshot")
        assert [p["short"] for p in snapshot["people"]] == ["Ama", "Kofi", "Efua"]
        assert [m["text"] for m in snapshot["messages"]] == ["before"]
        assert snapshot["gateway"] == "ok"
        said = sandbox.telegram.say(KOFI.id, "/help")
        assert (await until(stream, "message"))["text"] == "/help"
        sandbox.telegram.edit(KOFI.id, said, "/help me")
        edited = await until(stream, "message")
        assert (edited["id"], edited["text"], edited["edited"]) == (said.id, "/help me", True)
        sandbox.telegram.delete(said)
        assert await until(stream, "gone") == {"chat": KOFI.id, "id": said.id}


async def test_the_same_text_on_the_same_phone_is_marked(sandbox: Sandbox, page: httpx.AsyncClient) -> None:
    async with aclosing(news(page)) as stream, httpx.AsyncClient() as service:
        await until(stream, "snapshot")
        call = {
            "privatekey": sandbox.private_key,
            "publickey": sandbox.public_key,
            "sender": sandbox.sender,
            "numbers": "233241109433",
            "message": "Disk full 🔥" * 10,
        }
        await service.post(sandbox.gateway_url, json=call)
        (first,) = await until(stream, "sms")
        await service.post(sandbox.gateway_url, json=call)
        (second,) = await until(stream, "sms")
        assert (first["number"], first["alphabet"], len(first["parts"])) == ("+233241109433", "Unicode", 2)
        assert (first["before"], second["before"]) == (0, 1)
        await page.post("/do/clear", json={})
        assert (await until(stream, "snapshot"))["phones"] == []


async def test_a_person_speaks_replies_and_edits_through_the_page(sandbox: Sandbox, page: httpx.AsyncClient) -> None:
    said = await page.post("/do/say", json={"person": AMA.id, "chat": AMA.id, "text": "/sms 0241109433 hi"})
    reply = {"person": AMA.id, "chat": AMA.id, "text": "and this", "reply_to": said.json()["id"]}
    assert (await page.post("/do/say", json=reply)).status_code == 200
    first, second = sandbox.telegram.messages(AMA.id)
    assert second.reply_to == first
    edit = {"person": AMA.id, "chat": AMA.id, "message": first.id, "text": "/sms 0241109433 ho"}
    assert (await page.post("/do/edit", json=edit)).status_code == 200
    assert sandbox.telegram.messages(AMA.id)[0].text == "/sms 0241109433 ho"


@pytest.mark.parametrize(
    ("verb", "data", "status"),
    [
        ("say", {"person": AMA.id, "chat": KOFI.id, "text": "x"}, 400),
        ("say", {"person": 5, "chat": AMA.id, "text": "x"}, 400),
        ("say", {"person": AMA.id, "chat": AMA.id, "text": " \n"}, 400),
        ("say", {"person": AMA.id, "chat": AMA.id, "text": "x", "reply_to": 99}, 409),
        ("edit", {"person": AMA.id, "chat": AMA.id, "message": 99, "text": "x"}, 409),
        ("press", {"person": AMA.id, "chat": AMA.id, "message": 99, "data": "x"}, 409),
        ("gateway", {"mode": "html_502"}, 400),
        ("alert", {"key": "flood", "state": "firing"}, 400),
        ("alert", {"key": "disk", "state": "x"}, 400),
        ("alert", {"key": ["disk"], "state": "firing"}, 400),
    ],
)
async def test_what_a_person_could_not_do_is_refused(
    page: httpx.AsyncClient, verb: str, data: dict[str, Any], status: int
) -> None:
    assert (await page.post(f"/do/{verb}", json=data)).status_code == status


async def test_another_sites_form_can_do_nothing(sandbox: Sandbox, page: httpx.AsyncClient) -> None:
    body = json.dumps({"person": AMA.id, "chat": AMA.id, "text": "x"})
    answer = await page.post("/do/say", content=body, headers={"content-type": "text/plain"})
    assert answer.status_code == 400
    assert sandbox.telegram.messages(AMA.id) == []


async def test_the_answer_to_a_pressed_button_comes_back_to_the_page(sandbox: Sandbox, page: httpx.AsyncClient) -> None:
    async with bot_at(sandbox.telegram_api_url, sandbox.bot_token) as bot:
        keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Leave it", callback_data="leave")]])
        sent = await bot.send_message(EFUA.id, "Unknown", reply_markup=keyboard)
        data = {"person": EFUA.id, "chat": EFUA.id, "message": sent.message_id, "data": "leave"}
        pressing = asyncio.create_task(page.post("/do/press", json=data))
        (update,) = await bot.get_updates(timeout=5)
        assert update.callback_query
        await update.callback_query.answer("Left as it is")
        assert (await pressing).json() == {"text": "Left as it is", "alert": False}


async def test_a_switch_changes_the_gateway_for_everybody(sandbox: Sandbox, page: httpx.AsyncClient) -> None:
    async with aclosing(news(page)) as stream:
        await until(stream, "snapshot")
        await page.post("/do/gateway", json={"mode": "no_balance"})
        assert await until(stream, "gateway") == {"mode": "no_balance"}
    assert sandbox.gateway.mode is Mode.NO_BALANCE


async def test_an_alert_that_the_service_does_not_take_does_not_fire(page: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.alert_source.target = sandbox.url + "no-such-door"
    refused = await page.post("/do/alert", json={"key": "disk", "state": "firing"})
    assert (refused.status_code, refused.text) == (502, "Bridge answered 404.")
    sandbox.alert_source.target = "http://127.0.0.1:1/"
    refused = await page.post("/do/alert", json={"key": "disk", "state": "firing"})
    assert (refused.status_code, refused.text) == (502, "Bridge could not be reached: ConnectError.")
    assert not sandbox.alert_source.firing


async def test_the_page_is_told_whose_phone_is_whose_and_what_fires(page: httpx.AsyncClient, sandbox: Sandbox) -> None:
    async with aclosing(news(page)) as stream:
        snapshot = await until(stream, "snapshot")
        assert snapshot["oncall"]["people"][0] == {"name": "Ama", "number": "+233241109433"}
        assert [alert["firing"] for alert in snapshot["alerts"]] == [False, False, False]
        assert (await page.post("/do/alert", json={"key": "disk", "state": "resolved"})).status_code == 200
        sandbox.alert_source.firing["disk"] = sandbox.alert_source.now()
        sandbox.telegram.say(AMA.id, "something happened")
        assert [alert["firing"] for alert in await until(stream, "alerts")] == [True, False, False]


async def test_each_person_sees_the_menu_that_was_registered_for_them(
    sandbox: Sandbox, page: httpx.AsyncClient
) -> None:
    async with bot_at(sandbox.telegram_api_url, sandbox.bot_token) as bot:
        await bot.set_my_commands([("help", "What this bot does")])
        await bot.set_my_commands([("pause", "Stop all")], scope={"type": "chat", "chat_id": AMA.id})  # type: ignore[arg-type]
    async with aclosing(news(page)) as stream:
        snapshot = await until(stream, "snapshot")
    menus = {(m["person"], m["chat"]): [c["command"] for c in m["commands"]] for m in snapshot["about"]["menus"]}
    assert menus[AMA.id, AMA.id] == ["pause"]
    assert menus[KOFI.id, KOFI.id] == ["help"]
    assert menus[AMA.id, sandbox.ops.id] == ["help"]


async def test_a_taken_port_is_an_error_and_leaves_nothing_running(sandbox: Sandbox) -> None:
    other = Sandbox()
    with pytest.raises(OSError, match="in use"):
        await other.start(port=int(sandbox.url.rsplit(":", 1)[1].rstrip("/")))
    await other.stop()


async def test_an_open_page_does_not_hold_up_the_end(sandbox: Sandbox, page: httpx.AsyncClient) -> None:
    async with aclosing(news(page)) as stream:
        await until(stream, "snapshot")
        async with asyncio.timeout(2):
            await sandbox.stop()
        with pytest.raises(httpx.TransportError):
            await until(stream, "anything")
