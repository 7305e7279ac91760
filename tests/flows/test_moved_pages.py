"""A person whose number changes while a page waits: it goes to the new one, and nothing else stops."""

import pytest

from bridge.sandbox.msmpusher import Mode
from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, ONCALL

NEW = "+233209876543"


@pytest.mark.unwatched
async def test_a_new_number_takes_over_what_two_steps_asked_for(start_team: StartTeam) -> None:
    team = await start_team()
    same = ONCALL.replace('page = ["person:kofi"]', 'page = ["person:ama"]')
    await team.on_call(same)
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("first")
    first = await team.ama.chat.shows("A1", "Ama: queued")
    await team.minutes_pass(6)  # the second step joins the page that waits
    await team.on_call(same.replace(AMA, NEW))
    await team.alertmanager.fires("second")
    second = await team.ama.chat.shows("A2", "Ama: queued")
    team.gateway.mode = Mode.OK
    await team.minutes_pass(2)
    await team.phone(NEW).gets_some("CRITICAL first", "+1 more", "/ack P2")
    assert [sms.number for sms in team.gateway.sent] == [NEW]
    for card in (first, second):
        await team.ama.presses("Resolve", card)
        await team.ama.chat.shows("resolved", at=card)
