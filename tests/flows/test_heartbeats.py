"""Dead man's switches: what is silent for too long pages, and time in which nobody listened does not count."""

import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.store import heartbeats, incidents
from bridge.store.incidents import Incident
from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, KOFI, ONCALL, TOKEN
from tests.support.eventually import until
from tests.support.team import Team
from tests.web.listening import listening

LATE = "CRITICAL Heartbeat nightly-backup became late"

BACKUP = """
[heartbeats.nightly-backup]
every = "24h"
grace = "1h"
policy = "default"
token = "only-for-this-one"
"""


@pytest.fixture
async def team(start_team: StartTeam) -> Team:
    team = await start_team()
    await team.on_call(ONCALL + BACKUP)
    await looks(team)
    return team


async def looks(team: Team) -> None:
    """The service looks at its heartbeats now: no test waits for the loop's next turn."""
    await team.app.leader.heartbeats.heartbeats.step()
    await team.settled()


async def hours_pass(team: Team, hours: float) -> None:
    team.time_passes(hours * 3600)
    await looks(team)


async def pings(team: Team, body: str = "", name: str = "nightly-backup", expect: int = 200) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{team.app.port}") as client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = await client.post(f"/heartbeats/{name}", content=body, headers=headers)
    assert answer.status_code == expect, answer.text
    await team.settled()


async def late(team: Team, name: str = "nightly-backup") -> Incident | None:
    """The incident about this heartbeat that is not resolved."""
    found = await team.app.database.read(lambda connection: incidents.open_of(connection, "heartbeat", [name]))
    return found.get(name)


async def test_silence_pages_by_its_policy_and_the_next_ping_resolves_it(team: Team) -> None:
    await hours_pass(team, 20)
    await pings(team)
    await hours_pass(team, 24.9)
    assert await late(team) is None
    await hours_pass(team, 0.2)
    await team.phone(AMA).gets(f"{LATE} (now) /ack P1")
    card = await team.ama.chat.shows(
        "A1",
        "Heartbeat nightly-backup became late",
        "Last seen 2026-01-06 05:00 UTC. Expected every 1d, and 1h of grace",
    )
    await pings(team)
    await team.ama.chat.shows("resolved by heartbeat", at=card)
    assert await late(team) is None
    await hours_pass(team, 24)
    assert team.phone(KOFI).texts == []


async def test_it_is_armed_when_it_is_first_seen_in_the_file(team: Team) -> None:
    await hours_pass(team, 25.1)
    await team.phone(AMA).gets(f"{LATE} (now) /ack P1")
    await team.ama.chat.shows("A1")
    await pings(team)


async def test_the_age_in_its_sms_counts_from_when_it_became_late(team: Team) -> None:
    await hours_pass(team, 25.1)
    await team.phone(AMA).gets(f"{LATE} (now) /ack P1")
    await team.ama.chat.shows("A1", "Never seen. Expected every 1d, and 1h of grace are over.")
    await team.minutes_pass(5.1)
    await team.phone(KOFI).gets(f"{LATE} (5 minutes ago) /ack P2")
    await pings(team)


async def test_a_watchdog_that_is_resolved_is_no_ping(team: Team) -> None:
    """What Alertmanager sends about an alert that always fires, when it does not any more."""
    for body in (json.dumps({"status": "resolved", "alerts": []}), '{"status": "RESOLVED"}'):
        await hours_pass(team, 12)
        await pings(team, body)
    await hours_pass(team, 1.1)
    assert await late(team) is not None
    await team.phone(AMA).gets(f"{LATE} (now) /ack P1")
    await team.ama.chat.shows("A1")
    await pings(team, '{"status": "resolved"}')
    assert await late(team) is not None
    await pings(team, '{"status": "firing"}')
    assert await late(team) is None


async def test_time_in_which_no_service_ran_does_not_count(team: Team) -> None:
    await hours_pass(team, 20)
    await team.restart(after_s=48 * 3600)
    await looks(team)
    await hours_pass(team, 4.9)
    assert await late(team) is None
    await hours_pass(team, 0.3)
    assert await late(team) is not None
    await team.phone(AMA).gets(f"{LATE} (now) /ack P1")
    await team.ama.chat.shows("A1")


async def test_a_restart_changes_nothing_about_what_is_due(team: Team) -> None:
    for _ in range(5):
        await hours_pass(team, 4.99)
        await team.restart(after_s=1)
    await looks(team)
    assert await late(team) is None
    await hours_pass(team, 0.1)
    assert await late(team) is not None
    await team.phone(AMA).gets(f"{LATE} (now) /ack P1")
    await team.ama.chat.shows("A1")


@pytest.mark.sqlite
async def test_while_the_store_takes_no_ping_silence_does_not_count(team: Team, tmp_path: Path) -> None:
    await hours_pass(team, 24)
    outside = sqlite3.connect(tmp_path / "bridge.db", isolation_level=None)
    outside.execute("ALTER TABLE heartbeats RENAME TO away")
    await pings(team, expect=503)
    team.clock.advance(5 * 3600)
    with pytest.raises(Exception, match="database"):
        await team.app.leader.heartbeats.heartbeats.step()
    outside.execute("ALTER TABLE away RENAME TO heartbeats")
    outside.close()
    await looks(team)
    assert await late(team) is None
    await pings(team)


async def test_what_is_resolved_by_hand_and_still_silent_pages_again(team: Team) -> None:
    await hours_pass(team, 25.1)
    await team.phone(AMA).gets(f"{LATE} (now) /ack P1")
    card = await team.ama.chat.shows("A1")
    await team.ama.presses("Resolve", card)
    await team.ama.chat.shows("resolved by Ama", at=card)
    await hours_pass(team, 24)
    assert await late(team) is None
    await hours_pass(team, 1.1)
    await team.phone(AMA).gets(f"{LATE} (now) /ack P2")
    await team.ama.chat.shows("A2")
    await pings(team)


async def test_while_it_is_open_it_stays_one_incident(team: Team) -> None:
    await hours_pass(team, 25.1)
    await team.phone(AMA).gets(f"{LATE} (now) /ack P1")
    card = await team.ama.chat.shows("A1")
    await team.ama.presses("Ack", card)
    first = await late(team)
    assert first is not None
    await hours_pass(team, 0.9)
    again = await late(team)
    assert again is not None
    assert (again.id, again.news) == (first.id, 1)
    await pings(team)


async def test_another_file_disarms_changes_and_arms(team: Team) -> None:
    await hours_pass(team, 25.1)
    await team.phone(AMA).gets(f"{LATE} (now) /ack P1")
    card = await team.ama.chat.shows("A1")
    await team.on_call(ONCALL + '[heartbeats.watchdog]\nevery = "10m"\ngrace = "2m"\npolicy = "none"\n')
    await looks(team)
    await team.ama.chat.shows("resolved by the on-call file", at=card)
    await pings(team, expect=404)
    await pings(team, name="watchdog")
    await team.on_call(ONCALL + '[heartbeats.watchdog]\nevery = "1h"\ngrace = "2m"\npolicy = "none"\n')
    await looks(team)
    await hours_pass(team, 1)
    assert await late(team, "watchdog") is None
    await hours_pass(team, 0.1)
    await team.ama.chat.shows("A2", "Heartbeat watchdog became late")
    assert team.phone(AMA).texts == team.phone(AMA).texts[:1], "policy none: a card, no SMS"
    armed = await team.app.database.read(heartbeats.armed)
    assert list(armed) == ["watchdog"]


async def test_a_clock_that_was_put_back_hides_nothing(team: Team) -> None:
    await hours_pass(team, 25.1)
    await team.phone(AMA).gets(f"{LATE} (now) /ack P1")
    await team.ama.chat.shows("A1")
    await pings(team)
    team.clock.advance(-20 * 3600)
    await pings(team)
    await hours_pass(team, 19)
    assert await late(team) is None
    team.clock.advance(-1)
    await hours_pass(team, 6.1)
    await team.phone(AMA).gets(f"{LATE} (now) /ack P2")
    await team.ama.chat.shows("A2")
    await pings(team)
    assert await late(team) is None


async def test_our_own_goes_out_each_minute(start_team: StartTeam) -> None:
    called: list[str] = []

    async def monitor(request: Request) -> Response:
        called.append(request.url.path)
        return Response()

    async with listening([Route("/ping/us", monitor)]) as port:
        team = await start_team(BRIDGE_HEARTBEAT_URL=f"http://127.0.0.1:{port}/ping/us")
        began = team.clock.now()

        def three_calls() -> bool:
            team.clock.advance(1)
            return len(called) == 3

        await until(three_calls, timeout_s=30)
        assert team.clock.now() - began >= timedelta(minutes=3), "no call in the first minute, then one in each"
        await team.stop()
    assert called == ["/ping/us"] * 3
