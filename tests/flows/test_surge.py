"""Many alerts at once, quiet times, and outages: who is paged how often, and what the chat shows."""

from datetime import UTC, datetime

import pytest

from bridge.sandbox.msmpusher import Mode
from bridge.store import incidents
from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, KOFI, ONCALL
from tests.support.team import Team


@pytest.fixture
async def team(start_team: StartTeam) -> Team:
    """The service with an on-call file; notices go to Ama."""
    team = await start_team()
    await team.on_call(ONCALL)
    return team


async def test_five_hundred_alerts_are_one_page_now_one_later_and_a_storm_card(team: Team) -> None:
    names = [f"probe {index} failed" for index in range(500)]
    team.time_flies = False
    await team.alertmanager.fires(*names)
    team.time_flies = True
    await team.phone(AMA).gets_some("CRITICAL probe 0 failed", "+499 more", "/ack P1")
    team.time_passes(10)  # the chat may be written to again
    for index in range(5):
        await team.ama.chat.shows(f"A{index + 1} · critical")
    storm = await team.ama.chat.shows("Storm S1", "495 alerts", "/alerts")
    await team.ama.chat.shows("Page P1", "500 alerts, 500 open")
    await team.minutes_pass(1.1)
    assert len(team.phone(AMA).texts) == 1
    assert "495 incidents: acknowledged" in await team.ama.presses("Ack all", storm)
    await team.ama.chat.shows("Storm S1", "495 acknowledged", at=storm)
    await team.ama.says("/ack S1")
    await team.ama.chat.shows("open any more")
    await team.ama.says("/alerts 34")
    await team.ama.chat.shows("5 open, 495 acknowledged")


async def test_a_second_alert_within_the_interval_joins_the_next_page(team: Team) -> None:
    await team.alertmanager.fires("one")
    await team.phone(AMA).gets("CRITICAL one (now) /ack P1")
    await team.alertmanager.fires("two")
    await team.alertmanager.fires("three")
    assert len(team.phone(AMA).texts) == 1
    await team.minutes_pass(1.1)
    await team.phone(AMA).gets("CRITICAL two (1 minute ago) +1 more /ack P2")
    await team.ama.chat.shows("A1 · critical")
    await team.ama.chat.shows("A2 · critical")
    await team.ama.chat.shows("A3 · critical")
    await team.ama.chat.shows("Page P2", "2 alerts, 2 open")
    await team.ama.says("/ack p2")
    await team.ama.chat.shows("2 incidents: acknowledged")


async def test_while_the_gateway_is_out_a_page_waits_takes_in_what_is_new_and_tells_its_age(team: Team) -> None:
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("one")
    await team.ama.chat.shows("⚠️", "balance")
    card = await team.ama.chat.shows("A1", "Ama: queued", "balance")
    await team.minutes_pass(3)
    await team.alertmanager.fires("two")
    assert team.phone(AMA).texts == []
    team.gateway.mode = Mode.OK
    await team.minutes_pass(1)
    await team.phone(AMA).gets("CRITICAL one (4 minutes ago) +1 more /ack P1")
    await team.ama.chat.shows("Ama: sent", at=card)
    await team.ama.chat.shows("A2 · critical")
    await team.ama.chat.shows("works again")
    await team.ama.chat.shows("🚨", "Pages have not left for 3 minutes", "balance")
    await team.ama.chat.shows("Pages leave again")


async def test_that_a_gateway_asks_for_an_hour_of_rest_is_told_at_once_and_not_after_it(team: Team) -> None:
    team.gateway.mode = Mode.BUSY_SECONDS
    team.gateway.knobs.retry_after_s = 3600
    await team.alertmanager.fires("disk full")
    await team.ama.chat.shows("A1", "queued: the gateway is busy")
    await team.ama.chat.shows("🚨", "Pages cannot leave for 5 minutes", "No SMS wakes Ama")
    assert team.phone(AMA).texts == []


async def test_while_the_gateway_is_not_there_the_chat_hears_that_nobody_is_woken_and_when_it_is_over(
    team: Team,
) -> None:
    team.gateway.mode = Mode.DOWN
    await team.alertmanager.fires("one")
    card = await team.ama.chat.shows("A1", "Ama: queued")
    await team.minutes_pass(2)
    await team.ama.chat.shows("⚠️ Gateway msmpusher", "calls in a row failed: the gateway cannot be reached")
    await team.ama.chat.shows("🚨", "Pages have not left for", "No SMS wakes Ama")
    await team.minutes_pass(40)  # within the hour it is not said again
    await team.minutes_pass(30)
    await team.ama.chat.shows("🚨", "Pages have not left for 72 minutes")
    team.gateway.mode = Mode.OK
    await team.minutes_pass(5)
    await team.phone(AMA).gets_some("CRITICAL one", "ago", "/ack P1")
    await team.phone(KOFI).gets_some("CRITICAL one", "ago", "/ack P2")
    await team.ama.chat.shows("Pages leave again")
    await team.ama.chat.shows("✅ Gateway msmpusher works again")
    await team.ama.presses("Ack", card)
    await team.ama.chat.shows("acknowledged by Ama", at=card)


@pytest.mark.unwatched
async def test_while_one_number_is_never_taken_pages_do_not_leave_again_by_another(team: Team) -> None:
    await team.on_call(ONCALL.replace('["person:ama"], wait = "5m"', '["person:ama", "person:kofi"], wait = "5m"'))
    team.gateway.number_modes[KOFI] = Mode.FAILS  # of his network, all evening
    for number in range(6):
        await team.alertmanager.fires(f"disk {number}")
        await team.minutes_pass(2)
    assert len(team.phone(AMA).texts) >= 6
    told = [post.text for post in team.ama.chat.posts if "Pages" in post.text]
    assert len(told) == 1
    assert "Pages have not left for" in told[0]
    assert "No SMS wakes Kofi, so call" in told[0]
    del team.gateway.number_modes[KOFI]
    await team.minutes_pass(2)
    await team.ama.chat.shows("Pages leave again")
    assert len(team.phone(KOFI).texts) == 1


@pytest.mark.unwatched
async def test_an_ack_takes_back_a_page_that_still_waits(team: Team) -> None:
    team.gateway.mode = Mode.DOWN
    await team.alertmanager.fires("one")
    card = await team.ama.chat.shows("A1", "Ama: queued")
    assert "acknowledged" in await team.ama.presses("Ack", card)
    await team.ama.chat.shows("Ama: cancelled", "acknowledged by Ama", at=card)
    team.gateway.mode = Mode.OK
    await team.minutes_pass(30)
    assert team.gateway.sent == []


QUIET = ONCALL.replace("telegram = 111111111", 'telegram = 111111111\nquiet = "22:00-07:00"')


async def test_in_a_quiet_time_only_what_is_critical_pages(team: Team) -> None:
    await team.on_call(QUIET)
    team.time_passes((datetime(2026, 1, 5, 23, 0, tzinfo=UTC) - team.clock.now()).total_seconds())
    await team.alertmanager.fires("slow", severity="warning")
    card = await team.ama.chat.shows("A1", "Ama: quiet, to be paged", "07:00")
    found = await team.alertmanager.incident("slow")
    assert found is not None
    assert found.due_at == datetime(2026, 1, 6, 7, 5, tzinfo=UTC)
    await team.alertmanager.fires("fire", severity="critical")
    await team.phone(AMA).gets("CRITICAL fire (now) /ack P1")
    second = await team.ama.chat.shows("A2 · critical")
    await team.ama.presses("Resolve", second)
    await team.ama.chat.shows("resolved", at=second)
    await team.minutes_pass((datetime(2026, 1, 6, 7, 0, 1, tzinfo=UTC) - team.clock.now()).total_seconds() / 60)
    await team.phone(AMA).gets_some("WARNING slow", "hours ago", "/ack P2")
    await team.ama.chat.shows("Ama: sent", at=card)
    await team.ama.presses("Resolve", card)
    await team.ama.chat.shows("resolved", at=card)


async def test_what_becomes_critical_in_a_quiet_time_pages_now_and_its_wait_begins(team: Team) -> None:
    await team.on_call(QUIET)
    team.time_passes((datetime(2026, 1, 5, 23, 0, tzinfo=UTC) - team.clock.now()).total_seconds())
    await team.alertmanager.fires("disk", severity="warning")
    card = await team.ama.chat.shows("A1", "Ama: quiet")
    await team.minutes_pass(10)
    await team.alertmanager.fires("disk", severity="critical", again=True)
    await team.phone(AMA).gets("CRITICAL disk (10 minutes ago) /ack P1")
    await team.minutes_pass(5.1)
    await team.phone(KOFI).gets("CRITICAL disk (15 minutes ago) /ack P2")
    await team.ama.presses("Resolve", card)
    await team.ama.chat.shows("resolved", at=card)


async def test_an_alert_that_ends_within_the_quiet_time_wakes_nobody(team: Team) -> None:
    await team.on_call(QUIET)
    team.time_passes((datetime(2026, 1, 5, 23, 0, tzinfo=UTC) - team.clock.now()).total_seconds())
    await team.alertmanager.fires("slow", severity="warning")
    card = await team.ama.chat.shows("A1", "Ama: quiet")
    await team.alertmanager.resolves("slow")
    await team.ama.chat.shows("resolved", at=card)
    await team.minutes_pass(60 * 12)
    assert team.gateway.sent == []


async def test_without_an_on_call_file_alerts_are_cards_and_that_nobody_is_paged_is_said(start_team: StartTeam) -> None:
    team = await start_team()
    await team.alertmanager.fires("disk full")
    await team.ama.chat.shows("A1", "A card only: nobody is paged")
    assert team.gateway.sent == []


async def test_every_alert_is_kept_even_when_a_request_is_taken_in_by_shares(team: Team) -> None:
    await team.alertmanager.fires(*(f"probe {index}" for index in range(250)), severity="info")
    counts = await team.app.database.read(incidents.count_not_resolved)
    assert sum(counts.values()) == 250
    for index in range(5):
        await team.ama.chat.shows(f"A{index + 1} · info")
    await team.ama.chat.shows("Storm S1", "245 alerts")


async def test_a_step_with_nobody_is_skipped_and_when_nobody_is_left_that_is_an_alarm(team: Team) -> None:
    nobody = """
[people.ama]
telegram = 111111111
[policies.default]
steps = [{ page = ["person:ama"], wait = "5m" }]
"""
    await team.on_call(nobody)
    await team.alertmanager.fires("disk full")
    await team.ama.chat.shows("🚨", "A1 disk full", "nobody")
    await team.ama.chat.shows("A1", "nobody is paged about it any more")
    assert KOFI not in [sms.number for sms in team.gateway.sent]
