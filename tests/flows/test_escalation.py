"""From an alert to a phone, step by step, until somebody answers."""

import pytest

from bridge.domain.incident import IncidentState
from bridge.sandbox.msmpusher import Mode
from tests.flows.conftest import StartTeam, both_databases
from tests.support.alerting import AMA, KOFI, ONCALL
from tests.support.team import Team

pytestmark = both_databases


@pytest.fixture
async def team(start_team: StartTeam) -> Team:
    """The service with an on-call file; notices go to Ama, the only admin."""
    team = await start_team()
    await team.on_call(ONCALL)
    return team


async def test_who_is_on_call_is_paged_and_the_next_one_when_nobody_answers(team: Team) -> None:
    await team.alertmanager.fires("disk full on db1", severity="critical", instance="db1")
    await team.phone(AMA).gets("CRITICAL disk full on db1 (now) /ack P1")
    card = await team.ama.chat.shows("A1", "critical", "disk full on db1", "Ama: sent", "next step")
    await team.minutes_pass(4)
    assert team.phone(KOFI).texts == []
    await team.minutes_pass(2)
    await team.phone(KOFI).gets("CRITICAL disk full on db1 (6 minutes ago) /ack P2")
    await team.ama.chat.shows("Kofi: sent", at=card)
    assert "acknowledged" in await team.ama.presses("Ack", card)
    await team.ama.chat.shows("acknowledged by Ama Mensah", "Kofi: sent", without=["next step"], at=card)
    await team.minutes_pass(50)


async def test_an_alert_that_is_over_pages_nobody_any_more(team: Team) -> None:
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
    card = await team.ama.chat.shows("A1")
    await team.minutes_pass(3)
    await team.alertmanager.resolves("disk full")
    await team.ama.chat.shows("resolved by alertmanager", "after 3 minutes", at=card)
    await team.minutes_pass(60)
    assert team.phone(KOFI).texts == []


async def test_a_number_that_is_rejected_goes_to_the_next_person_now(team: Team) -> None:
    team.gateway.bad_numbers.add(AMA)
    await team.alertmanager.fires("disk full")
    await team.phone(KOFI).gets("CRITICAL disk full (now) /ack P2")
    await team.ama.chat.shows("❌ Ama: not sent", "no valid phone number", "✅ Kofi: sent")


async def test_an_outcome_that_nobody_knows_is_sent_once_more_and_says_so(team: Team) -> None:
    team.gateway.mode = Mode.CLOSE_BEFORE_ANSWER
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
    await team.phone(AMA).gets("Maybe a repeat: CRITICAL disk full (now) /ack P1")
    await team.ama.chat.shows("❓ Ama: may have been sent")
    assert len(team.phone(AMA).texts) == 2


async def test_what_fires_again_and_again_is_one_incident(team: Team) -> None:
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
    for _ in range(3):
        await team.alertmanager.fires("disk full", again=True)
    await team.ama.chat.shows("heard 4 times")
    assert await team.message_count() == 1


async def test_late_news_of_a_firing_that_is_over_opens_nothing(team: Team) -> None:
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
    await team.minutes_pass(1)
    await team.alertmanager.resolves("disk full")
    await team.alertmanager.resolves("disk full")
    await team.alertmanager.fires("disk full", again=True)
    assert await team.alertmanager.incident("disk full") is None
    await team.ama.chat.shows("resolved by alertmanager")
    await team.minutes_pass(5)
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P2")
    await team.ama.chat.shows("A2")


async def test_what_somebody_resolved_stays_so_while_the_same_firing_is_repeated(team: Team) -> None:
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
    card = await team.ama.chat.shows("A1")
    assert "resolved" in await team.ama.presses("Resolve", card)
    await team.ama.chat.shows("resolved by Ama Mensah", at=card)
    await team.alertmanager.fires("disk full", again=True)
    assert await team.alertmanager.incident("disk full") is None


async def test_of_two_who_press_the_second_is_told_who_was_first(start_team: StartTeam) -> None:
    team = await start_team()
    await team.on_call(
        ONCALL
        + f'chat = "{team.ops.chat.id}"\n[[routes]]\nmatch = {{}}\npolicy = "default"\nchat = "{team.ops.chat.id}"\n'
    )
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
    card = await team.ops.shows("A1")
    await team.ama.chat.shows("A1")
    assert "acknowledged" in await team.kofi.presses("Ack", card)
    assert "acknowledged already, by Kofi Boateng" in await team.ama.presses_data("ack:A1", card)
    assert "no access" in await team.efua.presses_data("ack:A1", card)


async def test_an_ack_that_runs_out_pages_again(team: Team) -> None:
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
    card = await team.ama.chat.shows("A1")
    await team.ama.says("/ack P1")
    await team.ama.chat.shows("A1 disk full: acknowledged", without=["👤"])
    await team.ama.chat.shows("pages again", at=card)
    await team.minutes_pass(61)
    await team.phone(AMA).gets("CRITICAL disk full (61 minutes ago) /ack P2")


async def test_the_fallback_is_paged_each_half_hour_until_the_end_and_that_is_said(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_PAGE_MAX_AGE_S=3600)
    await team.on_call(ONCALL)
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
    await team.minutes_pass(5.2)
    await team.phone(KOFI).gets("CRITICAL disk full (5 minutes ago) /ack P2")
    await team.minutes_pass(10.2)
    await team.phone(AMA).gets("CRITICAL disk full (15 minutes ago) /ack P3")
    await team.minutes_pass(30.2)
    await team.phone(AMA).gets("CRITICAL disk full (45 minutes ago) /ack P4")
    await team.minutes_pass(30.2)
    await team.ama.chat.shows("🚨", "nobody acknowledged it within 60 minutes")
    await team.ama.chat.shows("nobody is paged about it any more", "A1")
    await team.minutes_pass(60)


async def test_an_info_alert_is_a_card_and_no_sms(team: Team) -> None:
    await team.alertmanager.fires("backup done", severity="info")
    await team.ama.chat.shows("🔵", "backup done", without=["next step"])


async def test_pages_go_on_while_sending_is_paused(team: Team) -> None:
    await team.ama.says("/pause")
    await team.ama.chat.shows("Paused")
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
    await team.ama.chat.shows("A1")


async def test_an_escalation_goes_on_where_it_was_after_a_restart(team: Team) -> None:
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
    await team.ama.chat.shows("A1", "Ama: sent")
    await team.restart(after_s=400)
    await team.phone(KOFI).gets("CRITICAL disk full (6 minutes ago) /ack P2")
    await team.ama.chat.shows("Kofi: sent")
    found = await team.alertmanager.incident("disk full")
    assert found is not None
    assert found.state is IncidentState.OPEN
    assert found.due_at is not None
    assert (found.due_at - team.clock.now()).total_seconds() > 590


async def test_everybody_can_open_an_incident_by_page(team: Team) -> None:
    await team.kofi.says("/page database is on fire")
    await team.phone(AMA).gets("CRITICAL database is on fire (now) /ack P1")
    await team.kofi.chat.shows("A1 is open: who is on call is to be paged")
    await team.ama.chat.shows("A1", "from=Kofi Boateng")
    await team.kofi.says("/alerts")
    await team.kofi.chat.shows("1 open", "A1", "database is on fire")
    await team.kofi.says("/resolve a1")
    await team.kofi.chat.shows("A1 database is on fire: resolved")


async def test_a_page_is_no_message_that_somebody_could_take_back_or_send_again(team: Team) -> None:
    await team.alertmanager.fires("disk full")
    await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
    await team.ama.chat.shows("A1")
    for command in ("/cancel 1", "/resend 1"):
        asked = await team.ama.says(command)
        await team.ama.chat.shows("#1 is a page", to=asked)
