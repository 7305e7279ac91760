"""The fake is strict: what the page forbids, it refuses; and what it says it sent, it sent."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bridge.sandbox.msmpusher import Call, Mode, MsmpusherSandbox, SentSms
from tests.gateways.conftest import PRIVATE_KEY, PUBLIC_KEY

GOOD = {
    "privatekey": PRIVATE_KEY,
    "publickey": PUBLIC_KEY,
    "sender": "elevenchars",
    "numbers": "233241109433,233551234567",
    "message": "hello",
}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in GOOD.items() if name not in names}


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"json": GOOD}, 1000),
        ({"data": GOOD}, 1000),
        ({"method": "GET", "params": GOOD}, 1000),
        *[({"json": without(name)}, 1002) for name in GOOD],
        ({"json": {**GOOD, "numbers": ["233241109433"]}}, 1002),
        ({"json": list(GOOD.items())}, 1002),
        ({"json": "x"}, 1002),
        ({"json": {**without("privatekey"), "private_key": PRIVATE_KEY}}, 1002),
        ({"content": b'{"privatekey": "x", ', "headers": {"Content-Type": "application/json"}}, 1002),
        ({"content": b"{}", "headers": {"Content-Type": "text/plain"}}, 1002),
        ({"data": {**GOOD, "sender": ["a", "b"]}}, 1002),
        ({"json": {**GOOD, "privatekey": "other"}}, 1004),
        ({"json": {**GOOD, "publickey": "other"}}, 1004),
        ({"json": {**GOOD, "sender": "twelve chars"}}, 1006),
        ({"json": {**GOOD, "sender": ""}}, 1006),
        ({"json": {**GOOD, "message": " "}}, 1008),
        *[
            ({"json": {**GOOD, "numbers": numbers}}, 1005)
            for numbers in ("+233241109433", "00233241109433", "0241109433", "233 241109433", "233241109433,", "x", "")
        ],
    ],
)
async def test_requests_are_judged_as_the_page_says(
    how: dict[str, Any], code: int, fake: MsmpusherSandbox, client: httpx.AsyncClient
) -> None:
    answer = (await client.request(**{"method": "POST", "url": fake.url, **how})).json()

    assert answer.get("status", answer.get("code")) == code
    assert len(fake.sent) == (2 if code == 1000 else 0)
    assert len(fake.calls) == 1


async def test_other_paths_and_methods_are_not_the_gateway(fake: MsmpusherSandbox, client: httpx.AsyncClient) -> None:
    assert (await client.post(fake.url + "x", json=GOOD)).status_code == 404
    assert (await client.put(fake.url, json=GOOD)).status_code == 405
    assert fake.sent == []


async def test_what_was_sent_is_told_to_the_phones(fake: MsmpusherSandbox, client: httpx.AsyncClient) -> None:
    buzzed: list[SentSms] = []
    fake.on_sms = buzzed.append

    await client.post(fake.url, json=GOOD)

    assert [(sms.number, sms.text, sms.sender, sms.call) for sms in buzzed] == [
        ("+233241109433", "hello", "elevenchars", 1),
        ("+233551234567", "hello", "elevenchars", 1),
    ]
    assert fake.sent == buzzed


async def test_hooks_stand_before_the_decision_and_before_the_answer(
    fake: MsmpusherSandbox, client: httpx.AsyncClient
) -> None:
    seen: list[tuple[str, int]] = []

    async def asked(call: Call) -> None:
        seen.append(("asked", len(fake.sent)))

    fake.on_request = asked
    fake.on_decided = lambda call: seen.append(("decided", len(fake.sent)))
    fake.answer_after_s = 0.01

    answer = await client.post(fake.url, json=GOOD)

    assert answer.json()["status"] == 1000
    assert seen == [("asked", 0), ("decided", 2)]


async def test_one_shot_modes_come_first_then_those_of_numbers_then_the_standing_one(
    fake: MsmpusherSandbox, client: httpx.AsyncClient
) -> None:
    fake.mode = Mode.FAILS
    fake.next_modes.append(Mode.NO_BALANCE)
    fake.number_modes["+233241109433"] = Mode.BAD_SENDER
    codes = [(await client.post(fake.url, json=GOOD)).json()["code"] for _ in range(2)]
    codes.append((await client.post(fake.url, json={**GOOD, "numbers": "233551234567"})).json()["code"])

    assert codes == [1003, 1006, 1009]


async def test_it_goes_down_and_comes_back_on_the_same_port(fake: MsmpusherSandbox, client: httpx.AsyncClient) -> None:
    url = fake.url
    for _ in range(3):
        fake.mode = Mode.DOWN
        with pytest.raises(httpx.ConnectError):
            await httpx.AsyncHTTPTransport().handle_async_request(httpx.Request("GET", url))
        fake.mode = Mode.OK
        assert (await client.post(url, json=GOOD, headers={"Connection": "close"})).json()["status"] == 1000


async def test_it_may_start_down_and_stop_twice() -> None:
    fake = MsmpusherSandbox(mode=Mode.DOWN)
    await fake.start()
    with pytest.raises(httpx.ConnectError):
        await httpx.AsyncHTTPTransport().handle_async_request(httpx.Request("GET", fake.url))
    await fake.stop()
    await fake.stop()
