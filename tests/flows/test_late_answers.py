"""A call whose process was taken for gone, and was not: its answer comes when a newer attempt has ended."""

import asyncio

import pytest

from bridge.domain.delivery import State
from bridge.sandbox.msmpusher import Call, Mode
from bridge.store import incident_log, pages, processes
from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, ONCALL
from tests.support.team import Team


@pytest.fixture
async def team(start_team: StartTeam) -> Team:
    team = await start_team()
    await team.on_call(ONCALL)
    return team


async def is_taken_for_gone(team: Team) -> None:
    """And goes on under another name."""
    replica = team.app.replica
    name = replica.outbox.claims.name
    await team.app.database.write(lambda connection: processes.leave(connection, name))
    replica.outbox.claims.renew()
    await replica.lease.step()


@pytest.mark.unwatched
@pytest.mark.parametrize("late", [Mode.CLOSE_BEFORE_ANSWER, Mode.FAILS, Mode.BAD_NUMBER])
async def test_a_late_answer_to_an_older_attempt_is_no_outcome_of_the_page(team: Team, late: Mode) -> None:
    arrived, may_answer = asyncio.Event(), asyncio.Event()

    async def hold_the_first(call: Call) -> None:
        if not arrived.is_set():
            arrived.set()
            await may_answer.wait()

    team.gateway.on_request = hold_the_first
    posting = asyncio.create_task(team.alertmanager.fires("disk full"))
    await arrived.wait()
    await is_taken_for_gone(team)
    team.gateway.next_modes.append(Mode.OK)
    await team.housekeeping()
    await team.phone(AMA).gets_some("Maybe a repeat", "disk full")
    team.gateway.next_modes.append(late)
    may_answer.set()
    await posting
    await team.settled()
    log = await team.app.database.read(lambda connection: incident_log.read(connection, 1))
    assert [entry.words for entry in log if entry.event == "page.outcome"] == ["P1 to Ama: accepted"]
    (page,) = await team.app.database.read(lambda connection: pages.of_incident(connection, 1))
    assert page.state is State.ACCEPTED
