"""Bad luck: a page is not lost, does not go to the wrong number, and never ends in silence."""

import httpx
import pytest

from bridge.domain.incident import IncidentState
from bridge.sandbox.msmpusher import Mode
from bridge.store import alert_inbox
from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, KOFI, ONCALL, TOKEN
from tests.support.eventually import until
from tests.support.manual_clock import later
from tests.support.team import Team

KOFI_NEW = "+233209876543"


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


# --- ack timeout


async def test_an_ack_that_runs_out_after_the_page_age_pages_again(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_PAGE_MAX_AGE_S=3600)
    await team.on_call(ONCALL)
    await team.alertmanager.fires("disk full")
    await team.ama.says("/ack A1")
    await team.ama.chat.shows("acknowledged")
    await team.minutes_pass(61)
    assert len(team.phone(AMA).texts) == 2


async def test_the_end_of_paging_is_told_each_time(team: Team) -> None:
    await team.on_call(ONCALL.replace('fallback = ["person:ama"]', ""))
    await team.alertmanager.fires("disk full")
    for _ in range(3):
        await team.minutes_pass(10.2)
    told = [post for post in team.ama.chat.posts if "Nobody is paged about it any more" in post.text]
    assert len(told) == 1
    await team.ama.says("/ack A1")
    await team.ama.chat.shows("A1 disk full: acknowledged")
    await team.minutes_pass(61)
    for _ in range(3):
        await team.minutes_pass(10.2)
    found = await team.alertmanager.incident("disk full")
    assert found
    assert found.state is IncidentState.OPEN
    assert found.due_at is None
    told = [post for post in team.ama.chat.posts if "Nobody is paged about it any more" in post.text]
    assert len(told) == 2


# --- quiet


QUIET = ONCALL.replace(f'phone = "{AMA}"', f'phone = "{AMA}"\nquiet = "08:00-17:00"').replace(
    f'phone = "{KOFI}"', f'phone = "{KOFI}"\nquiet = "08:00-17:00"'
)


async def test_what_becomes_critical_in_the_quiet_time_pages_at_once(team: Team) -> None:
    await team.on_call(QUIET)
    await team.alertmanager.fires("disk full", severity="warning")
    assert team.phone(AMA).texts == []
    await team.minutes_pass(5)
    await team.alertmanager.fires("disk full", again=True, severity="critical")
    for _ in range(4):
        await team.minutes_pass(15)
    assert team.phone(AMA).texts


async def test_escalate_now_pages_somebody_critical_in_the_quiet_time(team: Team) -> None:
    """Even the button does not help."""
    await team.on_call(QUIET.replace('"person:kofi"', '"person:ama"'))
    await team.alertmanager.fires("disk full", severity="warning")
    card = await team.ama.chat.shows("A1")
    await team.alertmanager.fires("disk full", again=True, severity="critical")
    await team.ama.presses("Escalate now", card)
    await team.minutes_pass(2)
    assert team.phone(AMA).texts


async def test_the_end_of_paging_is_told_when_it_comes_though_everybody_is_quiet(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_PAGE_MAX_AGE_S=3600)
    await team.on_call(QUIET)
    await team.alertmanager.fires("disk full", severity="warning")
    await team.minutes_pass(61)
    await team.ama.chat.shows("🚨", "nobody acknowledged it within 60 minutes", "the last page is still tried")
    assert team.phone(AMA).texts == []
    for _ in range(8):
        await team.minutes_pass(60)
    assert team.phone(AMA).texts
    await team.ama.chat.shows("its last page has ended")


# --- steps


SAME = ONCALL.replace(
    """  { page = ["person:ama"], wait = "5m" },
  { page = ["person:kofi"], wait = "10m" },""",
    """  { page = ["person:ama"], wait = "1m" },
  { page = ["person:ama"], wait = "2h" },
  { page = ["person:kofi"], wait = "10m" },""",
)


async def test_a_step_of_somebody_whose_page_is_queued_already_moves_on_when_that_is_rejected(team: Team) -> None:
    assert SAME != ONCALL
    await team.on_call(SAME)
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("disk full")
    team.gateway.mode = Mode.BUSY_SECONDS
    team.gateway.knobs.retry_after_s = 600
    await team.minutes_pass(0.5)
    for _ in range(4):
        await team.minutes_pass(0.5)  # the second step: Ama's page is queued still
    found = await team.alertmanager.incident("disk full")
    assert found
    assert found.position == 2
    assert team.gateway.sent == []
    team.gateway.mode = Mode.OK
    team.gateway.bad_numbers.add(AMA)
    for _ in range(20):
        await team.minutes_pass(1)
    assert team.phone(KOFI).texts


async def test_who_lost_the_phone_does_not_hurry_a_step_in_which_another_was_paged(team: Team) -> None:
    both = ONCALL.replace('page = ["person:ama"], wait = "5m"', 'page = ["person:ama", "person:kofi"], wait = "60m"')
    both = both.replace('page = ["person:kofi"], wait = "10m"', 'page = ["person:ama"], wait = "10m"')
    await team.on_call(both)
    await team.alertmanager.fires("first")  # Kofi and Ama have had a page
    await team.minutes_pass(0.5)
    await team.alertmanager.fires("second")
    await team.on_call(both.replace(f'phone = "{KOFI}"', "telegram = 222222222"))
    await team.minutes_pass(2)
    found = await team.alertmanager.incident("second")
    assert found
    assert found.position == 1


async def test_a_new_incident_does_not_go_to_an_old_number(team: Team) -> None:
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("first")
    await team.on_call(ONCALL.replace(AMA, KOFI_NEW))
    await team.minutes_pass(1)
    await team.alertmanager.fires("second")
    team.gateway.mode = Mode.OK
    await team.minutes_pass(1)
    await team.minutes_pass(1)
    assert any("second" in text or "+1 more" in text for text in team.phone(KOFI_NEW).texts), team.gateway.sent


# --- notices


async def test_each_chat_is_told_that_nobody_is_paged_any_more(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_PAGE_MAX_AGE_S=3600)
    other = team.group("Other")
    routes = "".join(
        f'[[routes]]\nmatch = {{ team = "{name}" }}\npolicy = "default"\nchat = "{chat.chat.id}"\n'
        for name, chat in (("ops", team.ops), ("other", other))
    )
    await team.on_call(ONCALL + routes)
    alerts = [team.alertmanager.alert(name, "firing", team=name) for name in ("ops", "other")]
    await team.alertmanager.posts(alerts)
    for _ in range(9):
        await team.minutes_pass(15)
    for chat in (team.ops, other):
        assert [post for post in chat.posts if "Nobody is paged about" in post.text], chat


# --- severity


async def test_what_was_a_card_only_and_becomes_critical_pages(team: Team) -> None:
    await generic(team, key="disk", title="disk 80%", severity="info")
    assert team.phone(AMA).texts == []
    await generic(team, key="disk", title="disk full", severity="critical")
    await team.minutes_pass(2)
    assert team.phone(AMA).texts


# --- ends that are none


async def test_what_ran_out_while_its_source_was_away_pages_again_once_it_is_back(team: Team) -> None:
    """An Alertmanager that hears nothing of its Prometheus says `resolved`, and later `firing` since the old start."""
    await team.alertmanager.fires("disk full")
    await team.minutes_pass(5)
    await team.alertmanager.resolves("disk full")
    await team.minutes_pass(1.1)
    await team.alertmanager.fires("disk full", again=True)
    await team.minutes_pass(0.1)
    assert len(team.phone(AMA).texts) == 2
    await team.alertmanager.resolves("disk full")
    await team.ama.chat.shows("A2", "resolved by alertmanager")


async def test_what_a_person_resolved_while_it_fires_stays_so_until_it_starts_anew(team: Team) -> None:
    await team.alertmanager.fires("disk full")
    await team.ama.says("/resolve A1")
    await team.ama.chat.shows("A1 disk full: resolved")
    for _ in range(3):
        await team.minutes_pass(240)
        await team.alertmanager.fires("disk full", again=True)
    assert len(team.phone(AMA).texts) == 1
    await team.alertmanager.fires("disk full")
    await team.minutes_pass(0.1)
    assert len(team.phone(AMA).texts) == 2


# --- a card only


NO_INFO = f'{ONCALL}[[routes]]\nmatch = {{ severity = "info" }}\npolicy = "none"\n'


async def test_a_card_only_that_gets_worse_is_paged_about(team: Team) -> None:
    await team.on_call(NO_INFO)
    await generic(team, key="disk", title="disk filling", severity="info")
    await generic(team, key="disk", title="disk filling", severity="info")
    assert team.phone(AMA).texts == []
    await generic(team, key="disk", title="disk filling", severity="error")
    await team.phone(AMA).gets_some("ERROR disk filling")
    await team.ama.chat.shows("A1", "error", "next step")
    await generic(team, key="disk", title="disk filling", severity="error")
    await team.minutes_pass(1.1)
    assert len(team.phone(AMA).texts) == 1


async def test_a_card_only_is_paged_about_at_its_next_news_once_the_file_has_a_policy_for_it(team: Team) -> None:
    await team.on_call(f'{ONCALL}[[routes]]\nmatch = {{}}\npolicy = "none"\n')
    await team.alertmanager.fires("disk full")
    assert team.phone(AMA).texts == []
    await team.on_call(ONCALL)
    await team.alertmanager.fires("disk full", again=True)
    await team.phone(AMA).gets_some("CRITICAL disk full")


async def test_a_card_only_that_is_acknowledged_stays_so_though_it_gets_worse(team: Team) -> None:
    await team.on_call(NO_INFO)
    await generic(team, key="disk", title="disk filling", severity="info")
    await team.ama.says("/ack A1")
    await team.ama.chat.shows("A1 disk filling: acknowledged")
    await generic(team, key="disk", title="disk filling", severity="error")
    assert team.phone(AMA).texts == []


# --- joins


async def test_an_incident_that_joins_an_old_page_is_tried_as_long_as_any(team: Team) -> None:
    await team.on_call(ONCALL.replace('wait = "5m"', 'wait = "5h"'))
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("first")
    for _ in range(24 * 4 - 1):
        await team.minutes_pass(15)
    await team.alertmanager.fires("second")
    for _ in range(8):
        await team.minutes_pass(3)
    team.gateway.mode = Mode.OK
    await team.minutes_pass(2)
    await team.minutes_pass(2)
    assert any("second" in text or "more" in text for text in team.phone(AMA).texts), team.gateway.sent


# --- others


async def test_a_confirmed_request_that_cannot_be_read_any_more_is_told_of(team: Team) -> None:
    now = team.clock.now()
    await team.app.database.write(lambda c: alert_inbox.keep(c, "alertmanager", "", b"{", now))
    team.app.wake()
    await team.settled()
    assert team.ama.chat.posts


async def test_a_source_name_that_is_gone_stops_nothing(team: Team) -> None:
    now = team.clock.now()
    await team.app.database.write(lambda c: alert_inbox.keep(c, "prtg", "", b"{}", now))
    async with httpx.AsyncClient() as client:
        await client.post(
            f"http://127.0.0.1:{team.app.port}/alerts/generic",
            data={"title": "fire"},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
    await until(later(team.clock, lambda: bool(team.phone(AMA).texts)))


async def test_what_fires_anew_after_a_policy_was_removed_pages_somebody(team: Team) -> None:
    """The incident stays open and its paging ended: a new word of it that is routed to a live policy pages nobody."""
    night = ONCALL.replace("[policies.default]", "[policies.night]") + '[[routes]]\nmatch = {}\npolicy = "night"\n'
    await team.on_call(night)
    await team.alertmanager.fires("disk full")
    await team.on_call(ONCALL)  # "night" is "default" now
    await team.minutes_pass(6)
    await team.minutes_pass(6)
    assert team.phone(KOFI).texts


async def test_a_waiting_request_takes_the_place_of_the_step_that_asks_again(team: Team) -> None:
    """The page interval instead of a queued page: the second step's request is the first one's, with its position."""
    short = ONCALL.replace(
        """  { page = ["person:ama"], wait = "5m" },
""",
        """  { page = ["person:ama"], wait = "10s" },
  { page = ["person:ama"], wait = "5h" },
""",
    )
    assert short != ONCALL
    await team.on_call(short)
    team.time_flies = False
    await team.alertmanager.fires("first")
    await team.alertmanager.fires("second")  # waits for the interval
    team.gateway.bad_numbers.add(AMA)
    for _ in range(40):
        await team.minutes_pass(0.1)
    found = await team.alertmanager.incident("second")
    assert found
    assert found.position >= 3
    assert team.phone(KOFI).texts
