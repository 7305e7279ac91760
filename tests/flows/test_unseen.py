"""Nobody answers for what they have not seen: cards that are behind, and alerts that join while somebody reads."""

import pytest

from bridge.sandbox.msmpusher import Mode
from bridge.sandbox.telegram_state import Message
from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, KOFI, ONCALL
from tests.support.team import Team

pytestmark = pytest.mark.unwatched

SEVEN = [f"probe {number} failed" for number in range(7)]
"""Five have a card of their own, two share the storm's."""


@pytest.fixture
async def team(start_team: StartTeam) -> Team:
    team = await start_team()
    await team.on_call(ONCALL)
    return team


async def surge(team: Team) -> Message:
    """The storm's card."""
    await team.alertmanager.fires(*SEVEN)
    await team.phone(AMA).gets_some("CRITICAL probe 0 failed", "+6 more")
    return await team.ama.chat.shows("Storm S1", "2 alerts")


async def states(team: Team) -> list[str]:
    """Of those that are not resolved, in order."""
    found = [await team.alertmanager.incident(name) for name in (*SEVEN, "payments lost")]
    return [one.state.value for one in found if one]


async def test_ack_all_leaves_what_joined_after_the_card_was_drawn(team: Team) -> None:
    storm = await surge(team)
    await team.alertmanager.fires("payments lost")
    answer = await team.ama.presses_data("ack:S1:7", storm)
    assert answer == "2 incidents: acknowledged; 1 more came meanwhile, still open"
    assert await states(team) == ["open"] * 5 + ["acknowledged"] * 2 + ["open"]
    await team.minutes_pass(1.1)
    await team.phone(AMA).gets_some("payments lost")


async def test_ack_all_of_a_card_that_shows_all_acknowledges_all(team: Team) -> None:
    storm = await surge(team)
    await team.alertmanager.fires("payments lost")
    await team.ama.chat.shows("Storm S1", "3 alerts", at=storm)
    assert await team.ama.presses("Ack all", storm) == "3 incidents: acknowledged"


async def test_a_button_of_an_older_version_still_acknowledges(team: Team) -> None:
    storm = await surge(team)
    assert await team.ama.presses_data("ack:S1", storm) == "2 incidents: acknowledged"


async def test_a_storm_that_is_typed_leaves_what_came_this_moment(team: Team) -> None:
    await surge(team)
    await team.ama.says("/resolve S1")
    await team.ama.chat.shows("All of them came this moment")
    await team.minutes_pass(0.3)
    await team.alertmanager.fires("payments lost")
    await team.ama.says("/resolve S1")
    await team.ama.chat.shows("2 incidents: resolved; 1 more came meanwhile, still open")
    assert await states(team) == ["open"] * 6


async def test_an_ack_of_a_card_that_shows_something_lesser_is_refused(team: Team) -> None:
    await team.alertmanager.fires("disk full", severity="warning")
    card = await team.ama.chat.shows("A1", "warning")
    await team.alertmanager.fires("disk full", again=True, severity="critical")
    for verb in ("ack", "res"):
        assert "A1 became critical meanwhile" in await team.ama.presses_data(f"{verb}:A1:0", card)
    await team.ama.chat.shows("A1", "critical", at=card)
    assert "acknowledged" in await team.ama.presses("Ack", card)


async def test_an_ack_of_a_page_that_waits_is_refused_where_others_have_joined_it(team: Team) -> None:
    await team.on_call(ONCALL.replace('"person:kofi"', '"person:ama"'))
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("one", "two")
    card = await team.ama.chat.shows("Page P1", "2 alerts")
    await team.alertmanager.fires("payments lost")
    words = "P1 stands for 3 incidents by now: /ack P1 acknowledges all of them."
    assert await team.ama.presses_data("ack:P1:2", card) == words
    team.gateway.mode = Mode.OK
    await team.minutes_pass(1)
    await team.phone(AMA).gets_some("+2 more", "/ack P1")
    await team.ama.chat.shows("Page P1", "3 alerts", at=card)
    assert await team.ama.presses("Ack all", card) == "3 incidents: acknowledged"
    assert team.phone(KOFI).texts == []
