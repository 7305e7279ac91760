"""What an answer, an end or a repeat must not hide: an alert that gets worse, a page that waits, one that joined."""

import httpx
import pytest

from bridge.domain.incident import IncidentState
from bridge.store.incidents import Incident
from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, KOFI, ONCALL, TOKEN
from tests.support.team import Team

pytestmark = pytest.mark.unwatched


@pytest.fixture
async def team(start_team: StartTeam) -> Team:
    team = await start_team()
    await team.on_call(ONCALL)
    return team


async def generic(team: Team, **fields: str) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"http://127.0.0.1:{team.app.port}/alerts/generic",
            data=fields,
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
    assert answer.status_code == 202
    await team.settled()


async def disk_full(team: Team) -> Incident:
    found = await team.alertmanager.incident("disk full")
    assert found is not None
    return found


# --- an acknowledged alert that gets worse


async def test_an_acknowledged_warning_that_becomes_critical_is_open_again_and_its_steps_begin_anew(team: Team) -> None:
    await team.alertmanager.fires("disk full", severity="warning")
    card = await team.ama.chat.shows("A1")
    await team.minutes_pass(6)
    assert len(team.phone(KOFI).texts) == 1
    await team.ama.says("/ack A1")
    await team.ama.chat.shows("acknowledged by Ama", at=card)
    await team.alertmanager.fires("disk full", severity="critical", again=True)
    assert team.phone(AMA).texts[-1] == "CRITICAL disk full (6 minutes ago) /ack P3"
    await team.ama.chat.shows("A1 · critical", "became critical", "next step", at=card)
    await team.ama.chat.shows("A1 disk full", "became critical", "Ama Mensah had acknowledged", without=["·"])
    assert (await disk_full(team)).state is IncidentState.OPEN
    await team.minutes_pass(5.2)
    assert len(team.phone(KOFI).texts) == 2


async def test_an_acknowledged_critical_stays_so_whatever_its_severity_is_in_between(team: Team) -> None:
    await team.alertmanager.fires("disk full", severity="critical")
    await team.ama.says("/ack A1")
    await team.ama.chat.shows("A1 disk full: acknowledged")
    for severity in ("critical", "warning", "critical", "info", "critical"):
        await team.alertmanager.fires("disk full", severity=severity, again=True)
    await team.minutes_pass(30)
    assert (await disk_full(team)).state is IncidentState.ACKNOWLEDGED
    assert len(team.phone(AMA).texts) == 1


async def test_an_acknowledged_card_only_that_becomes_critical_pages(team: Team) -> None:
    await team.alertmanager.fires("disk full", severity="info")
    await team.ama.says("/ack A1")
    await team.ama.chat.shows("A1 disk full: acknowledged")
    await team.alertmanager.fires("disk full", severity="critical", again=True)
    assert team.phone(AMA).texts == ["CRITICAL disk full (now) /ack P1"]


async def test_a_warning_whose_paging_had_ended_and_that_becomes_critical_pages_anew(team: Team) -> None:
    await team.on_call(ONCALL.replace('fallback = ["person:ama"]', ""))
    await team.alertmanager.fires("disk full", severity="warning")
    for _ in range(3):
        await team.minutes_pass(10.2)
    assert (await disk_full(team)).due_at is None
    await team.alertmanager.fires("disk full", severity="critical", again=True)
    assert len(team.phone(AMA).texts) == 2
