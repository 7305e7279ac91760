"""The on-call file changes while a page waits: it goes to whoever stands there by then, and nothing else stops."""

from datetime import UTC, datetime

import pytest

from bridge.sandbox.msmpusher import Mode
from bridge.store import incident_log, oncall
from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, KOFI, ONCALL
from tests.support.team import Team

NEW = "+233209876543"

AMA_TWICE = ONCALL.replace('page = ["person:kofi"]', 'page = ["person:ama"]')
"""Both steps, and the fallback, ask for Ama."""

_head, _, _rest = ONCALL.partition("[people.ama]")
KOFI_ALONE = (_head + _rest[_rest.index("[people.kofi]") :]).replace("person:ama", "person:kofi")
"""Ama has left the file."""

AMA_WITHOUT_PHONE = ONCALL.replace(f'phone = "{AMA}"\n', "")


@pytest.fixture
async def team(start_team: StartTeam) -> Team:
    team = await start_team()
    await team.on_call(ONCALL)
    return team


async def numbers(team: Team) -> list[str]:
    return [sms.number for sms in team.gateway.sent]


async def told(team: Team, event: str) -> list[str]:
    """What the log of A1 says of that."""
    entries = await team.app.database.read(lambda connection: incident_log.read(connection, 1))
    return [entry.words for entry in entries if entry.event == event]


@pytest.mark.unwatched
async def test_a_new_number_takes_over_what_two_steps_asked_for(team: Team) -> None:
    await team.on_call(AMA_TWICE)
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("first")
    first = await team.ama.chat.shows("A1", "Ama: queued")
    await team.minutes_pass(6)  # the second step joins the page that waits
    await team.on_call(AMA_TWICE.replace(AMA, NEW))
    await team.alertmanager.fires("second")
    second = await team.ama.chat.shows("A2", "Ama: queued")
    team.gateway.mode = Mode.OK
    await team.minutes_pass(2)
    await team.phone(NEW).gets_some("CRITICAL first", "+1 more", "/ack P2")
    assert await numbers(team) == [NEW]
    for card in (first, second):
        await team.ama.presses("Resolve", card)
        await team.ama.chat.shows("resolved", at=card)


@pytest.mark.unwatched
@pytest.mark.parametrize("restarts", [False, True], ids=["while it runs", "and a restart"])
async def test_what_waits_goes_to_the_new_number_without_a_new_alert(team: Team, restarts: bool) -> None:
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("first")
    card = await team.ama.chat.shows("A1", "Ama: queued")
    await team.on_call(ONCALL.replace(AMA, NEW))
    if restarts:
        await team.restart(after_s=1)
    team.gateway.mode = Mode.OK
    await team.minutes_pass(1)
    await team.phone(NEW).gets("CRITICAL first (1 minute ago) /ack P2")
    assert await numbers(team) == [NEW]
    assert await told(team, "page.moved") == ["P1 to Ama is taken back: the on-call file has another number for them"]
    await team.ama.chat.shows("Ama: sent", at=card)


@pytest.mark.unwatched
async def test_the_repeat_of_what_nobody_knows_of_goes_to_the_new_number(team: Team) -> None:
    async def moves(_: object) -> None:
        await team.on_call(ONCALL.replace(AMA, NEW))

    team.gateway.on_request = moves
    team.gateway.next_modes.extend([Mode.CLOSE_BEFORE_ANSWER, Mode.OK])
    await team.alertmanager.fires("first")
    await team.phone(NEW).gets_some("Maybe a repeat", "CRITICAL first", "/ack P2")
    assert [call.numbers for call in team.gateway.calls] == [(AMA,), (NEW,)]


@pytest.mark.unwatched
async def test_a_number_that_is_changed_and_changed_back_is_told_that_it_may_be_a_repeat(team: Team) -> None:
    team.gateway.next_modes.append(Mode.CLOSE_BEFORE_ANSWER)
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("first")
    await team.minutes_pass(0.2)
    await team.on_call(ONCALL.replace(AMA, NEW))
    await team.minutes_pass(1)
    await team.on_call(ONCALL + "\n# back\n")
    team.gateway.mode = Mode.OK
    await team.minutes_pass(2)
    assert team.gateway.calls[-1].numbers == (AMA,)
    assert "Maybe a repeat" in team.gateway.calls[-1].text


@pytest.mark.unwatched
@pytest.mark.parametrize("moves", [False, True])
async def test_a_page_that_is_moved_waits_for_no_quiet_time_of_a_later_step(start_team: StartTeam, moves: bool) -> None:
    file = AMA_TWICE.replace("telegram = 111111111", 'telegram = 111111111\nquiet = "22:00-07:00"')
    team = await start_team()
    await team.on_call(file)
    team.time_passes((datetime(2026, 1, 5, 21, 58, tzinfo=UTC) - team.clock.now()).total_seconds())
    await team.settled()
    asked: list[object] = []

    async def later(_: object) -> None:
        """While the gateway has the first one, the next step asks for the morning, and the file changes."""
        asked.append(_)
        if len(asked) == 1:
            team.time_passes(6 * 60)
            await team.app.leader.alerts.alerting.step()
            if moves:
                await team.on_call(file.replace(AMA, NEW))

    team.gateway.on_request = later
    team.gateway.next_modes.extend([Mode.CLOSE_BEFORE_ANSWER, Mode.OK])
    await team.alertmanager.fires("first", severity="warning")
    await team.minutes_pass(5)
    assert [call.numbers for call in team.gateway.calls] == [(AMA,), (NEW,) if moves else (AMA,)]


@pytest.mark.unwatched
@pytest.mark.parametrize("file", [KOFI_ALONE, AMA_WITHOUT_PHONE], ids=["left the file", "no phone any more"])
async def test_who_has_no_number_any_more_is_not_tried_and_the_next_step_runs_now(team: Team, file: str) -> None:
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("first")
    card = await team.ama.chat.shows("A1", "Ama: queued")
    await team.on_call(file)
    team.gateway.mode = Mode.OK
    await team.minutes_pass(1)
    await team.phone(KOFI).gets_some("CRITICAL first", "/ack P2")
    assert await numbers(team) == [KOFI]
    why = "could not be attempted, as the on-call file has no phone for them any more"
    assert (await told(team, "page.outcome"))[-2:] == [f"P1 to Ama: failed, {why}", "P2 to Kofi: accepted"]
    await team.ama.chat.shows(f"Ama: not sent: {why}", at=card)


@pytest.mark.unwatched
async def test_when_nobody_is_left_in_the_file_that_is_said_at_once(team: Team) -> None:
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("first")
    await team.ama.chat.shows("A1", "Ama: queued")
    await team.on_call("")
    await team.minutes_pass(1)
    await team.ama.chat.shows("🚨", "A1 first", "Nobody is paged about it any more")
    team.gateway.mode = Mode.OK
    await team.minutes_pass(60)
    assert await numbers(team) == []


@pytest.mark.unwatched
async def test_a_file_that_cannot_be_read_moves_no_page(team: Team) -> None:
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("first")
    await team.ama.chat.shows("A1", "Ama: queued")
    now = team.clock.now()
    await team.app.database.write(lambda connection: oncall.keep_file(connection, "of a newer version", "hash", now))
    team.gateway.mode = Mode.OK
    await team.minutes_pass(1)
    await team.phone(AMA).gets_some("CRITICAL first", "/ack P1")
    assert await numbers(team) == [AMA]
