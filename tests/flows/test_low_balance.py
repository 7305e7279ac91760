"""Admins hear before a gateway's balance is gone: the whole service against gateways that tell what is left."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.flows.conftest import StartTeam
from tests.gateways.described_services import SECRETS, Vonage
from tests.gateways.examples import at, example
from tests.gateways.fake_service import Asked, Decision, FakeService
from tests.gateways.textlocal_service import API_KEY, Textlocal, success
from tests.support.team import Team


@pytest.fixture
async def textlocal() -> AsyncIterator[FakeService]:
    fake = FakeService(Textlocal())
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def vonage() -> AsyncIterator[FakeService]:
    fake = FakeService(Vonage())
    await fake.start()
    yield fake
    await fake.stop()


def settings_of(textlocal: FakeService, **more: str) -> dict[str, str]:
    return {
        "BRIDGE_GATEWAYS": "textlocal",
        "BRIDGE_TEXTLOCAL_URL": textlocal.url,
        "BRIDGE_TEXTLOCAL_API_KEY": API_KEY,
        "BRIDGE_TEXTLOCAL_SENDER": "BRIDGE",
        **more,
    }


async def sms(team: Team, text: str) -> None:
    """Kofi sends it, and everything that follows is done."""
    asked = await team.kofi.says(f"/sms 0241109433 {text}")
    await team.kofi.chat.shows("✅ +233241109433 accepted", to=asked)
    for balance in team.app.replica.outbox.balances.values():
        await balance.stop()
    await team.settled()


def notices(team: Team) -> list[str]:
    """What Ama, the admin, reads about gateways."""
    return [post.text for post in team.ama.chat.posts if "Gateway" in post.text]


async def test_admins_hear_once_at_the_mark_once_at_a_tenth_of_it_and_once_that_it_is_topped_up(
    start_team: StartTeam, textlocal: FakeService
) -> None:
    textlocal.service = service = Textlocal(balance=101)
    team = await start_team(**settings_of(textlocal))
    await sms(team, "one")
    assert notices(team) == []

    service.balance = 100
    await sms(team, "two")
    await team.ama.chat.shows("⚠️ Gateway textlocal: its balance is low, 100 is left.", "BRIDGE_TEXTLOCAL_LOW_BALANCE")
    service.balance = 99
    await sms(team, "three")

    await team.restart(after_s=60)
    service.balance = 98
    await sms(team, "four")
    assert len(notices(team)) == 1

    service.balance = 9
    await sms(team, "five")
    await team.ama.chat.shows("⚠️ Gateway textlocal: its balance is almost gone, 9 is left.")
    service.balance = 8
    await sms(team, "six")
    assert len(notices(team)) == 2

    await team.restart(after_s=60)
    service.balance = 1162
    await sms(team, "seven")
    await team.ama.chat.shows("✅ Gateway textlocal: its balance is above the mark again, 1162 is left")
    await sms(team, "eight")
    assert len(notices(team)) == 3
    assert not [text for text in notices(team) if API_KEY in text or "233" in text]


async def test_fifty_calls_that_bring_it_below_the_mark_are_one_notice(
    start_team: StartTeam, textlocal: FakeService
) -> None:
    left = 120

    def spends(asked: Asked) -> Decision:
        nonlocal left
        left -= 1
        answer = success(asked.numbers, batch_id=len(textlocal.calls), balance=left)
        return Decision(answer=answer, takes=asked.numbers)

    textlocal.decides = spends
    more = {"BRIDGE_CONFIRM_ABOVE": "50", "BRIDGE_GATEWAY_SLOTS": "16"}
    team = await start_team(**settings_of(textlocal, **more))
    numbers = ",".join(f"+2332411094{index:02}" for index in range(50))
    await team.kofi.says(f"/sms {numbers} hello")
    await team.kofi.chat.shows("50 accepted")
    await team.ama.chat.shows("⚠️ Gateway textlocal: its balance is low")
    await team.settled()
    assert len(notices(team)) == 1
    assert (left, len(textlocal.sent)) == (70, 50)


async def test_a_mark_of_0_is_never_reached(start_team: StartTeam, textlocal: FakeService) -> None:
    textlocal.service = Textlocal(balance=0)
    team = await start_team(**settings_of(textlocal, BRIDGE_TEXTLOCAL_LOW_BALANCE="0"))
    await sms(team, "one")
    assert notices(team) == []


async def test_a_described_gateway_has_its_mark_in_the_file(
    start_team: StartTeam, vonage: FakeService, tmp_path: Path
) -> None:
    file = tmp_path / "gateways.toml"
    file.write_text(at(example("vonage"), vonage.origin))
    assert "low_balance = 5 " in file.read_text()
    vonage.service = service = Vonage(balance="4.99860000")
    variables = {name: value for name, value in SECRETS.items() if name.startswith("VONAGE")}
    team = await start_team(BRIDGE_GATEWAYS="vonage", BRIDGE_HTTP_GATEWAYS=str(file), **variables)
    await sms(team, "one")
    said = await team.ama.chat.shows("⚠️ Gateway vonage: its balance is low, 5 is left.", "gateways.vonage.low_balance")
    assert not [value for value in SECRETS.values() if value in said.text]
    service.balance = "15.53590000"
    await sms(team, "two")
    await team.ama.chat.shows("✅ Gateway vonage: its balance is above the mark again, 15.54 is left (the mark: 5).")


async def test_the_metrics_tell_the_last_balance_and_when_it_was_told_also_after_a_restart(
    start_team: StartTeam, textlocal: FakeService
) -> None:
    team = await start_team(**settings_of(textlocal))

    async def metric(name: str) -> float | None:
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"http://127.0.0.1:{team.app.port}/metrics")).text
        found = re.search(rf'^{name}\{{gateway="textlocal"\}} (\S+)$', text, re.MULTILINE)
        return float(found[1]) if found else None

    assert await metric("bridge_gateway_balance") is None
    began = team.clock.now().timestamp()
    await sms(team, "one")
    assert await metric("bridge_gateway_balance") == 1162
    told = await metric("bridge_gateway_balance_timestamp_seconds")
    assert told is not None
    assert began <= told <= team.clock.now().timestamp()
    await team.restart(after_s=60)
    assert await metric("bridge_gateway_balance") == 1162
    assert await metric("bridge_gateway_balance_timestamp_seconds") == told
