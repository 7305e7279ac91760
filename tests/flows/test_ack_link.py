"""The link of an SMS, opened on a phone."""

import asyncio
import re

import httpx
import pytest

from bridge.domain.incident import IncidentState
from tests.flows.conftest import StartTeam, both_databases
from tests.support.alerting import AMA, KOFI, ONCALL
from tests.support.team import Team

pytestmark = both_databases

HERE = "https://pager.example.org"


@pytest.fixture
async def team(start_team: StartTeam) -> Team:
    team = await start_team(BRIDGE_PUBLIC_URL=HERE)
    await team.on_call(ONCALL)
    return team


async def link_on(team: Team, number: str) -> str:
    """The path of the link in the next SMS of this phone."""
    text = await team.until(lambda: next((sms.text for sms in team.unseen_sms(number)), None))
    await team.phone(number).gets(text)
    found = re.search(rf"{HERE}(/a/\S+)", text)
    assert found, text
    return found[1]


async def asks(team: Team, path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{team.app.port}") as client:
        return await client.request(method, path)


async def test_the_button_acknowledges_and_looking_does_not(team: Team) -> None:
    await team.alertmanager.fires("disk full")
    path = await link_on(team, AMA)
    card = await team.ama.chat.shows("A1", "disk full")
    for method in ("GET", "HEAD", "GET"):
        assert (await asks(team, path, method)).status_code == 200
    page = (await asks(team, path)).text
    assert "<h1>disk full</h1>" in page
    assert "CRITICAL, A1, just now" in page
    assert "Nobody has acknowledged it yet." in page
    assert "sent to Ama" in page
    assert '<form method="post"><button type="submit">Acknowledge</button></form>' in page
    incident = await team.alertmanager.incident("disk full")
    assert incident is not None
    assert incident.state is IncidentState.OPEN
    answer = await asks(team, path, "POST")
    assert answer.status_code == 200
    assert "<b>A1 disk full: acknowledged</b>" in answer.text
    assert "Acknowledged by Ama at 09:00 UTC." in answer.text
    assert "<form" not in answer.text
    await team.ama.chat.shows("acknowledged by Ama", at=card)
    await team.minutes_pass(55)
    assert team.phone(KOFI).texts == []


async def test_the_loser_of_a_race_is_told_who_won(team: Team) -> None:
    await team.alertmanager.fires("disk full")
    first = await link_on(team, AMA)
    card = await team.ama.chat.shows("A1")
    await team.minutes_pass(6)
    second = await link_on(team, KOFI)
    await team.settled()
    answers = await asyncio.gather(asks(team, second, "POST"), asks(team, first, "POST"), asks(team, second, "POST"))
    won = [answer for answer in answers if "disk full: acknowledged</b>" in answer.text]
    assert len(won) == 1
    name = "Ama" if won[0] is answers[1] else "Kofi"
    for answer in answers:
        assert answer.status_code == 200
        assert f"Acknowledged by {name} at" in answer.text
        assert answer is won[0] or f"A1 is acknowledged already, by {name} at" in answer.text
    await team.ama.chat.shows(f"acknowledged by {name}", at=card)


async def test_one_press_acknowledges_all_that_the_page_stands_for(team: Team) -> None:
    names = [f"disk {number} full" for number in range(4)]
    await team.alertmanager.fires(*names)
    path = await link_on(team, AMA)
    page = (await asks(team, path)).text
    assert "<h1>4 alerts</h1>" in page
    assert "Acknowledge all" in page
    assert page.count("Nobody has acknowledged it yet.") == 4
    answer = await asks(team, path, "POST")
    assert "<b>4 incidents: acknowledged</b>" in answer.text
    for name in names:
        incident = await team.alertmanager.incident(name)
        assert incident is not None
        assert (incident.state, incident.acked_by) == (IncidentState.ACKNOWLEDGED, "Ama")
    assert "None of them is open any more." in (await asks(team, path, "POST")).text
    await team.settled()
    for post in team.ama.chat.posts:
        team.see_post(post)


async def test_what_is_resolved_shows_who_did_that_and_the_link_dies_a_day_later(team: Team) -> None:
    await team.alertmanager.fires("disk full")
    path = await link_on(team, AMA)
    await team.ama.chat.shows("A1")
    await team.alertmanager.resolves("disk full")
    await team.ama.chat.shows("resolved")
    page = (await asks(team, path)).text
    assert "Resolved by alertmanager at 09:00 UTC." in page
    assert "<form" not in page
    assert "A1 is resolved already, by alertmanager" in (await asks(team, path, "POST")).text
    team.clock.advance(86400 - 60)
    assert (await asks(team, path)).status_code == 200
    team.clock.advance(120)
    dead, unknown = await asks(team, path), await asks(team, "/a/nobody-has-this-")
    assert (dead.status_code, unknown.status_code) == (404, 404)
    assert dead.text == unknown.text
    assert set(dead.headers) == set(unknown.headers)
    assert "disk" not in dead.text
    assert (await asks(team, path, "POST")).status_code == 404


async def test_without_a_public_address_no_sms_has_a_link(start_team: StartTeam) -> None:
    team = await start_team()
    await team.on_call(ONCALL)
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
    await team.ama.chat.shows("A1")
