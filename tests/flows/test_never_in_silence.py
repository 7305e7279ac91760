"""What an answer, an end or a repeat must not hide: an alert that gets worse, a page that waits, one that joined."""

import httpx
import pytest

from bridge.domain.incident import IncidentState
from bridge.sandbox.msmpusher import Mode
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


async def incident(team: Team, name: str = "disk full") -> Incident:
    found = await team.alertmanager.incident(name)
    assert found is not None
    return found


# --- a source whose posts are refused


async def test_alerts_that_a_known_source_posts_in_vain_are_told_of_in_the_chat(team: Team) -> None:
    async def posts(path: str, body: str) -> int:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{team.app.port}", headers=headers) as client:
            return (await client.post(path, content=body)).status_code

    for _ in range(3):
        assert await posts("/alerts/alertmanager", '{"heartbeat": "Disk full"}') == 422
        assert await posts("/alerts/alert-manager", "{}") == 404
    await team.ama.chat.shows("🚨 Alerts are lost.", "/alerts/alertmanager", "alerts is missing")
    await team.ama.chat.shows("🚨 Alerts are lost.", "an address that bridge does not have", without=["Disk"])
    await team.settled()
    assert len(team.ama.chat.posts) == 2, "once an hour"


async def test_an_end_that_ends_nothing_is_told_to_who_sends_it(team: Team) -> None:
    async def posts(**form: str) -> list[str]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{team.app.port}", headers=headers) as client:
            answer = await client.post("/alerts/generic", data=form)
        await team.settled()
        found: list[str] = answer.json().get("warnings", [])
        return found

    assert await posts(title="Disk 91 % full", key="disk") == []
    (line,) = await posts(title="Disk fine", state="resolved")
    assert line.startswith("“Disk fine” is resolved, and nothing with that key is open: this changes nothing.")
    await team.ama.says("/ack A1")
    await team.ama.chat.shows("A1 Disk 91 % full: acknowledged")
    assert await posts(title="Disk fine", key="disk", state="resolved") == []
    assert len(await posts(title="Disk fine", key="disk", state="resolved")) == 1


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
    assert (await incident(team)).state is IncidentState.OPEN
    await team.minutes_pass(5.2)
    assert len(team.phone(KOFI).texts) == 2


async def test_an_acknowledged_critical_stays_so_whatever_its_severity_is_in_between(team: Team) -> None:
    await team.alertmanager.fires("disk full", severity="critical")
    await team.ama.says("/ack A1")
    await team.ama.chat.shows("A1 disk full: acknowledged")
    for severity in ("critical", "warning", "critical", "info", "critical"):
        await team.alertmanager.fires("disk full", severity=severity, again=True)
    await team.minutes_pass(30)
    assert (await incident(team)).state is IncidentState.ACKNOWLEDGED
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
    assert (await incident(team)).due_at is None
    await team.alertmanager.fires("disk full", severity="critical", again=True)
    assert len(team.phone(AMA).texts) == 2


# --- a page of which nobody knows


async def test_what_comes_while_a_repeat_waits_gets_a_page_and_a_repeat_of_its_own(team: Team) -> None:
    team.gateway.next_modes.append(Mode.CLOSE_BEFORE_ANSWER)
    team.gateway.mode = Mode.BUSY_SECONDS
    team.gateway.knobs.retry_after_s = 150
    await team.alertmanager.fires("first")
    await team.minutes_pass(1.1)
    await team.alertmanager.fires("second")
    assert len(team.phone(AMA).texts) == 1
    team.gateway.mode = Mode.CLOSE_BEFORE_ANSWER
    for _ in range(6):
        await team.minutes_pass(0.7)
    assert [text.partition(" (")[0] for text in team.phone(AMA).texts] == [
        "CRITICAL first",  # nobody knows
        "Maybe a repeat: CRITICAL first",  # nobody knows, and that ends it
        "CRITICAL second",
        "Maybe a repeat: CRITICAL second",
    ]


# --- the end of paging


def told(team: Team, words: str) -> int:
    """How many posts to Ama say so."""
    return len([post for post in team.ama.chat.posts if words in post.text and "🚨 A" in post.text])


ONE_STEP = ONCALL.replace('  { page = ["person:kofi"], wait = "10m" },\n', "").replace('fallback = ["person:ama"]', "")


async def test_that_nobody_is_paged_any_more_is_said_when_the_last_page_has_ended(team: Team) -> None:
    await team.on_call(ONE_STEP)
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("disk full")
    await team.minutes_pass(6)
    card = await team.ama.chat.shows("A1 · critical", "no further step", without=["nobody is paged"])
    assert (told(team, "still tried"), told(team, "Nobody is paged about it any more")) == (1, 0)
    await team.minutes_pass(6)
    team.gateway.mode = Mode.OK
    await team.minutes_pass(2)
    assert len(team.phone(AMA).texts) == 1
    await team.minutes_pass(60)
    assert (told(team, "still tried"), told(team, "Nobody is paged about it any more")) == (1, 1)
    await team.ama.chat.shows("nobody is paged about it any more", at=card)


async def test_who_waits_for_a_page_at_the_end_of_the_steps_still_gets_it(team: Team) -> None:
    await team.on_call(ONE_STEP.replace('wait = "5m"', 'wait = "10s"'))
    await team.alertmanager.fires("first")
    await team.alertmanager.fires("second")
    await team.minutes_pass(0.3)
    assert (await incident(team, "second")).due_at is None
    assert len(team.phone(AMA).texts) == 1
    await team.minutes_pass(1)
    assert len(team.phone(AMA).texts) == 2


async def test_an_ack_after_the_end_of_the_steps_takes_the_last_page_back(team: Team) -> None:
    await team.on_call(ONE_STEP)
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("disk full")
    await team.minutes_pass(6)
    await team.ama.says("/ack A1")
    await team.ama.chat.shows("A1 disk full: acknowledged")
    team.gateway.mode = Mode.OK
    await team.minutes_pass(6)
    assert team.phone(AMA).texts == []
    assert told(team, "Nobody is paged about it any more") == 0


# --- a gateway that asks for a long rest


async def test_a_gateway_that_asks_for_an_hour_of_rest_is_asked_about_a_page_every_five_minutes(team: Team) -> None:
    await team.on_call(ONCALL.replace('wait = "5m"', 'wait = "50m"'))
    team.gateway.mode = Mode.BUSY_SECONDS
    team.gateway.knobs.retry_after_s = 3600
    await team.alertmanager.fires("disk full")
    await team.minutes_pass(5.1)
    assert len(team.gateway.calls) == 2
    team.gateway.mode = Mode.OK
    await team.minutes_pass(5.1)
    assert len(team.phone(AMA).texts) == 1
