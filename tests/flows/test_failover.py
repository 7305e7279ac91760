"""Two gateways in the whole service: MSMPUSHER first, Textlocal behind it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from bridge.sandbox.msmpusher import Mode
from tests.flows.conftest import StartTeam
from tests.gateways.fake_service import FakeService
from tests.gateways.textlocal_service import API_KEY, Textlocal, fails
from tests.support.alerting import AMA, ONCALL
from tests.support.team import Team


@pytest.fixture
async def textlocal() -> AsyncIterator[FakeService]:
    fake = FakeService(Textlocal())
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def team(start_team: StartTeam, textlocal: FakeService) -> Team:
    return await start_team(
        BRIDGE_GATEWAYS="msmpusher,textlocal",
        BRIDGE_TEXTLOCAL_URL=textlocal.url,
        BRIDGE_TEXTLOCAL_API_KEY=API_KEY,
        BRIDGE_TEXTLOCAL_SENDER="BRIDGE",
    )


async def test_an_sms_that_the_first_gateway_cannot_send_goes_by_the_second_and_the_chat_names_it(
    team: Team, textlocal: FakeService
) -> None:
    team.gateway.mode = Mode.NO_BALANCE
    await team.kofi.says("/sms 0241109433 hello")
    await team.kofi.chat.shows("✅ +233241109433 accepted · by textlocal", "attempt 2")
    assert [sms.text for sms in textlocal.sent] == ["hello"]
    await team.ama.chat.shows("⚠️ Gateway msmpusher: its balance is used up", "Messages go by textlocal.")
    team.gateway.mode = Mode.OK
    team.time_passes(20)
    await team.kofi.says("/sms 0241109433 again")
    await team.phone("+233241109433").gets("again")
    await team.kofi.chat.shows("by msmpusher")
    await team.ama.chat.shows("✅ Gateway msmpusher works again")


async def test_when_no_gateway_is_left_the_sms_fails_at_once_and_every_admin_hears(
    team: Team, textlocal: FakeService
) -> None:
    team.gateway.mode = Mode.BAD_KEY
    textlocal.decides = lambda asked: fails(7, "Insufficient credits")
    await team.kofi.says("/sms 0241109433 hello")
    await team.kofi.chat.shows("❌ +233241109433 not sent", "by textlocal")
    await team.ama.chat.shows("⚠️ Gateway msmpusher", "keys")
    await team.ama.chat.shows("⚠️ Gateway textlocal", "No gateway is left that works.")
    assert textlocal.sent == []


async def test_a_page_gets_out_while_the_first_gateway_is_not_there(team: Team, textlocal: FakeService) -> None:
    await team.on_call(ONCALL)
    team.gateway.mode = Mode.DOWN
    await team.alertmanager.fires("disk full")
    card = await team.ama.chat.shows("A1", "Ama: sent")
    assert [(sms.number, sms.text) for sms in textlocal.sent] == [(AMA, "CRITICAL disk full (now) /ack P1")]
    await team.ama.presses("Ack", card)
    await team.ama.chat.shows("acknowledged by Ama", at=card)


async def test_a_page_of_which_nobody_knows_is_repeated_by_the_other_gateway_and_says_so(
    team: Team, textlocal: FakeService
) -> None:
    await team.on_call(ONCALL)
    team.gateway.mode = Mode.CLOSE_BEFORE_ANSWER
    await team.alertmanager.fires("disk full")
    card = await team.ama.chat.shows("A1", "Ama: sent")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
    assert [sms.text for sms in textlocal.sent] == ["Maybe a repeat: CRITICAL disk full (now) /ack P1"]
    await team.ama.presses("Resolve", card)
    await team.ama.chat.shows("resolved", at=card)


async def test_what_may_have_been_sent_stays_with_the_first_gateway(team: Team, textlocal: FakeService) -> None:
    team.gateway.mode = Mode.CLOSE_BEFORE_ANSWER
    await team.kofi.says("/sms 0241109433 hello")
    card = await team.kofi.chat.shows("❓", "may have been sent", "by msmpusher")
    await team.phone("+233241109433").gets("hello")
    assert textlocal.sent == []
    await team.kofi.presses("Leave it", card)
    await team.kofi.chat.shows("left as it is by Kofi", at=card)


async def test_a_gateway_that_is_no_longer_set_up_is_not_told_to_be_failing(team: Team, textlocal: FakeService) -> None:
    team.gateway.next_modes.append(Mode.FAILS)
    textlocal.decides = lambda asked: fails(7, "Insufficient credits")
    await team.kofi.says("/sms 0241109433 hello")
    await team.phone("+233241109433").gets("hello")
    await team.kofi.chat.shows("by msmpusher")
    await team.ama.chat.shows("⚠️ Gateway textlocal", "Messages go by msmpusher.")
    assert (await _degraded(team))["gateways"] == {"textlocal": "no_balance"}
    await team.restart(after_s=60, gateways=("msmpusher",))
    assert "gateways" not in await _degraded(team)


async def _degraded(team: Team) -> dict[str, object]:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"http://127.0.0.1:{team.app.port}/readyz")
    found = answer.json()
    assert isinstance(found, dict)
    return found.get("degraded", {})
