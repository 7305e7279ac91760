"""Wrong clocks, a source's and our own: no alert is taken for an old one, nothing is silenced or waits for hours."""

from datetime import timedelta

import httpx
import pytest

from bridge.sandbox.msmpusher import Mode
from bridge.store import incidents
from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, KOFI, ONCALL, TOKEN
from tests.support.team import Team

HOUR = 3600.0

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


async def clock_is_set(team: Team, seconds: float) -> None:
    """Somebody sets our clock; the service has seen it when this returns."""
    flew, team.time_flies = team.time_flies, False
    team.clock.is_set(seconds)
    team.app.wake()
    await team.app.leader.chat_sync.step()
    await team.settled()
    team.time_flies = flew
    await team.minutes_pass(1.1)


async def comes_back(team: Team, seconds: float) -> None:
    """Somebody sets our clock while the service is away; it has seen that when this returns."""
    await team.restart(after_s=seconds)
    await team.app.leader.alerts.alerting.step()


# --- a source's


async def test_an_end_in_the_far_future_does_not_deafen_the_alert(team: Team) -> None:
    await team.alertmanager.fires("disk full")
    assert len(team.phone(AMA).texts) == 1
    end = team.clock.now().replace(year=2099)
    await team.minutes_pass(1)
    await team.alertmanager.posts([team.alertmanager.alert("disk full", "resolved", ends_at=end)])
    await team.minutes_pass(60 * 24)
    await team.alertmanager.fires("disk full")
    assert len(team.phone(AMA).texts) == 2


async def test_a_source_that_was_an_hour_ahead_and_is_put_right_is_heard(team: Team) -> None:
    now = team.clock.now()
    team.alertmanager.started["disk full"] = now + timedelta(hours=1)
    await team.alertmanager.fires("disk full", again=True)
    await team.minutes_pass(2)
    end = team.clock.now() + timedelta(hours=1)
    await team.alertmanager.posts([team.alertmanager.alert("disk full", "resolved", ends_at=end)])
    await team.minutes_pass(10)
    await team.alertmanager.fires("disk full")
    assert len(team.phone(AMA).texts) == 2


async def test_a_human_resolve_of_a_start_in_the_future_does_not_deafen_the_alert(team: Team) -> None:
    team.alertmanager.started["disk full"] = team.clock.now().replace(year=2099)
    await team.alertmanager.fires("disk full", again=True)
    await team.ama.says("/resolve A1")
    await team.ama.chat.shows("resolved")
    await team.minutes_pass(60)
    await team.alertmanager.fires("disk full")
    assert len(team.phone(AMA).texts) == 2


# --- our own, set back


async def test_our_clock_set_back_does_not_stop_new_pages(team: Team) -> None:
    await team.alertmanager.fires("first")
    assert len(team.phone(AMA).texts) == 1
    team.time_flies = False
    team.clock.is_set(-3 * HOUR)
    team.app.wake()
    await team.minutes_pass(1.5)
    await team.alertmanager.fires("second")
    await team.minutes_pass(2)
    await team.minutes_pass(20)
    assert len(team.phone(AMA).texts) == 2


async def test_our_clock_set_back_does_not_stop_escalation(team: Team) -> None:
    await team.alertmanager.fires("first")
    await clock_is_set(team, -3 * HOUR)
    for _ in range(4):
        await team.minutes_pass(5)
    assert team.phone(KOFI).texts


async def test_after_our_clock_was_set_back_a_source_that_tells_no_times_is_heard(team: Team) -> None:
    await generic(team, key="disk", title="disk full")
    await generic(team, key="disk", title="disk full", state="resolved")
    team.time_flies = False  # the cards wait for their turn
    team.clock.is_set(-3 * HOUR)
    await generic(team, key="disk", title="disk full")
    assert len(await still_open(team)) == 1
    await generic(team, key="disk", title="disk full", state="resolved")
    assert await still_open(team) == []


async def still_open(team: Team) -> list[incidents.Incident]:
    return await team.app.database.read(lambda c: incidents.not_resolved(c, 10))


@pytest.mark.parametrize("away", [False, True], ids=["while it runs", "while it is away"])
async def test_an_end_that_was_told_while_the_clocks_of_a_host_were_ahead_does_not_deafen_the_alert(
    team: Team, away: bool
) -> None:
    await clock_is_set(team, 3 * HOUR)
    await team.alertmanager.fires("disk full")
    await team.minutes_pass(2)
    await team.alertmanager.resolves("disk full")
    if away:
        await comes_back(team, -3 * HOUR)
    else:
        await clock_is_set(team, -3 * HOUR)
    await team.minutes_pass(2)
    await team.alertmanager.fires("disk full")
    assert len(team.phone(AMA).texts) == 2


async def test_after_our_clock_was_set_back_page_opens_an_incident(team: Team) -> None:
    await team.ama.says("/page fire")
    await team.ama.chat.shows("A1 is open")
    await team.ama.says("/resolve A1")
    await team.ama.chat.shows("A1 fire: resolved")
    team.time_flies = False  # the cards wait for their turn
    team.clock.is_set(-3 * HOUR)
    await team.ama.says("/page another fire")
    await team.settled()
    assert [one.title for one in await still_open(team)] == ["another fire"]


async def test_our_clock_set_back_while_nobody_was_there_does_not_stop_escalation(team: Team) -> None:
    await team.alertmanager.fires("disk full")
    await comes_back(team, -3 * HOUR)
    await comes_back(team, 0)
    for _ in range(4):
        await team.minutes_pass(5)
    assert team.phone(KOFI).texts


async def test_after_our_clock_was_set_back_a_page_that_waits_is_tried_in_time(team: Team) -> None:
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("disk full")
    team.gateway.mode = Mode.OK
    await clock_is_set(team, -0.9 * HOUR)
    assert len(team.phone(AMA).texts) == 1


async def test_after_our_clock_was_set_back_a_new_incident_has_its_own_card(team: Team) -> None:
    names = [f"probe {number}" for number in range(5)]
    await team.alertmanager.fires(*names)
    await clock_is_set(team, -3 * HOUR)
    await team.alertmanager.fires("disk full")
    await team.ama.chat.shows("A6 · critical")


@pytest.mark.parametrize("away", [False, True], ids=["while it runs", "while it is away"])
async def test_after_our_clock_was_set_back_a_person_is_left_alone_for_the_interval(team: Team, away: bool) -> None:
    team.time_flies = False
    await team.alertmanager.fires("before")
    if away:
        await comes_back(team, -HOUR)
    else:
        team.clock.is_set(-HOUR)
        team.app.wake()
    for number in range(5):
        team.time_passes(2)
        await team.alertmanager.fires(f"after {number}")
    assert len(team.phone(AMA).texts) == 1
    await team.minutes_pass(1.1)
    assert [text.split(" /")[0] for text in team.phone(AMA).texts[1:]] == ["CRITICAL after 0 (1 minute ago) +4 more"]


async def test_the_link_of_a_page_that_waited_while_our_clock_was_set_back_opens(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_PUBLIC_URL="https://pager.example.org")
    await team.on_call(ONCALL)
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("disk full")
    await clock_is_set(team, -HOUR)
    team.gateway.mode = Mode.OK
    await team.minutes_pass(1)
    (text,) = team.phone(AMA).texts
    link = text[text.index("/a/") :].split()[0]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{team.app.port}") as client:
        assert (await client.get(link)).status_code == 200


# --- a clock that leaps ahead, or a machine that slept: nobody can tell one from the other


async def test_a_leap_ahead_ends_no_escalation_and_the_late_page_tells_its_age(team: Team) -> None:
    await team.alertmanager.fires("disk full")
    await clock_is_set(team, 30 * HOUR)
    assert "CRITICAL disk full (30 hours ago) /ack P2" in team.phone(KOFI).texts[0]
    assert not [post for post in team.ama.chat.posts if "Nobody is paged" in post.text]
    await clock_is_set(team, -30 * HOUR)
    before = len(team.phone(AMA).texts)
    await team.minutes_pass(10)
    assert len(team.phone(AMA).texts) == before + 1
    for _ in range(49):
        await team.minutes_pass(30.1)
    assert [post for post in team.ama.chat.posts if "nobody acknowledged it within 24 hours" in post.text]


async def test_a_leap_ahead_gives_up_no_page_that_waits(team: Team) -> None:
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("disk full")
    await clock_is_set(team, 30 * HOUR)
    await team.minutes_pass(1)
    team.gateway.mode = Mode.OK
    await team.minutes_pass(2)
    assert team.phone(AMA).texts


# --- heartbeats


BACKUP = """
[heartbeats.backup]
every = "1h"
grace = "5m"
policy = "default"
"""


async def pings(team: Team) -> None:
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        answer = await client.post(f"http://127.0.0.1:{team.app.port}/heartbeats/backup")
    assert answer.status_code == 200


async def minutes_of_silence(team: Team, minutes: float) -> bool:
    """Whether so many more make an incident."""
    await team.minutes_pass(minutes)
    await team.app.leader.heartbeats.heartbeats.step()
    await team.settled()
    return bool(await team.app.database.read(lambda c: incidents.open_of(c, "heartbeat", ["backup"])))


@pytest.mark.parametrize("away", [False, True], ids=["while it runs", "while it is away"])
async def test_a_heartbeat_that_came_while_the_clock_was_ahead_is_not_believed_for_longer(
    team: Team, away: bool
) -> None:
    await team.on_call(ONCALL + BACKUP)
    team.clock.is_set(30 * HOUR)
    await pings(team)
    if away:
        await comes_back(team, -30 * HOUR)
    else:
        team.clock.is_set(-30 * HOUR)
    assert not await minutes_of_silence(team, 60)
    assert await minutes_of_silence(team, 6)


async def test_a_leap_ahead_makes_no_heartbeat_late(team: Team) -> None:
    await team.on_call(ONCALL + BACKUP)
    await pings(team)
    assert not await minutes_of_silence(team, 10)
    team.clock.is_set(30 * HOUR)
    assert not await minutes_of_silence(team, 54)
    assert await minutes_of_silence(team, 2)
