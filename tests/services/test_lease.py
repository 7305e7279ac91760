"""Who is there, who leads, and who is taken for gone: several processes' leases, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count

import pytest
from sqlalchemy import Connection

from bridge.domain.delivery import State
from bridge.services.processes.lease import BEAT_S, MISSED, Lease
from bridge.services.sms.claims import Claims
from bridge.services.sms.housekeeping import Housekeeping
from bridge.store import processes
from bridge.store.database import Database
from bridge.store.homes import home_of
from bridge.store.migrate import HEAD
from tests.support import postgres
from tests.support.manual_clock import MONDAY_MORNING as NOW
from tests.support.manual_clock import ManualClock
from tests.support.outbox import add_message, claim, states

_ids = count(1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A process, as far as its lease goes. `heard`: what its lease told it."""

    database: Database
    claims: Claims
    lease: Lease
    clock: ManualClock
    heard: list[str]

    async def claims_one(self) -> int:
        """It claims a new message; gives its id."""

        def act(connection: Connection) -> int:
            message = add_message(connection, now=NOW)
            name = self.claims.held(connection)
            assert name is not None
            assert claim(connection, now=NOW, process=name)
            return message

        return await self.database.write(act)

    async def housekeeping(self) -> None:
        """What the leader does from time to time."""
        desk = Housekeeping(
            self.database, self.clock, absence=BEAT_S * NOW.resolution, notice_places=(), claims=self.claims
        )
        await desk.step()

    async def state(self, message: int) -> str:
        """Of a message with one number."""
        return (await self.database.read(lambda connection: states(connection, message)))[0]


MakeMember = Callable[[], Member]


@pytest.fixture
async def make(postgres_url: str) -> AsyncIterator[MakeMember]:
    async with AsyncExitStack() as closing:

        def make_one() -> Member:
            home, clock, heard = home_of(postgres_url), ManualClock(), list[str]()
            database = home.open()
            closing.push_async_callback(database.aclose)
            claims = Claims(lambda: f"name-{next(_ids)}", leased=True)
            lease = Lease(
                database,
                claims,
                clock,
                make_id=lambda: f"name-{next(_ids)}",
                process="1@here",
                version="0",
                on_lead=lambda leads: heard.append("leads" if leads else "follows"),
                on_gone=lambda: heard.append("gone"),
                on_outdated=lambda schema: heard.append(f"outdated {schema}"),
            )
            return Member(database=database, claims=claims, lease=lease, clock=clock, heard=heard)

        yield make_one


async def test_of_those_who_come_one_leads(make: MakeMember) -> None:
    members = [make() for _ in range(3)]
    assert sorted(await asyncio.gather(*(one.lease.enter() for one in members))) == [False, False, True]
    found = await members[0].database.read(processes.everybody)
    assert len(found) == 3


async def test_who_does_not_say_that_it_is_there_is_gone_and_what_it_sent_is_unknown(make: MakeMember) -> None:
    leader, other = make(), make()
    await leader.lease.enter()
    await other.lease.enter()
    mine, message = await leader.claims_one(), await other.claims_one()
    for _ in range(MISSED - 1):
        await leader.lease.step()
        await leader.housekeeping()
    assert (await other.state(message), leader.heard.count("gone")) == (State.SENDING, 0)
    await leader.lease.step()
    await leader.housekeeping()
    assert (await other.state(message), leader.heard.count("gone")) == (State.UNKNOWN, 1)
    assert await leader.state(mine) == State.SENDING


async def test_who_says_so_in_time_is_never_gone(make: MakeMember) -> None:
    leader, other = make(), make()
    await leader.lease.enter()
    await other.lease.enter()
    message = await other.claims_one()
    for _ in range(3):
        for _ in range(MISSED - 1):
            await leader.lease.step()
        await other.lease.step()
    await leader.housekeeping()
    assert await other.state(message) == State.SENDING


async def test_who_was_taken_for_gone_claims_nothing_until_it_goes_on_by_another_name(make: MakeMember) -> None:
    leader, other = make(), make()
    await leader.lease.enter()
    await other.lease.enter()
    name = other.claims.name
    for _ in range(MISSED):
        await leader.lease.step()
    assert await other.database.read(other.claims.held) is None
    await other.lease.step()
    assert other.claims.name != name
    assert await other.database.read(other.claims.held) == other.claims.name


async def test_a_name_that_was_renewed_by_a_doubt_is_entered_and_the_old_one_ends(make: MakeMember) -> None:
    leader, other = make(), make()
    await leader.lease.enter()
    await other.lease.enter()
    message = await other.claims_one()
    other.claims.renew()
    assert await other.database.read(other.claims.held) is None
    for _ in range(MISSED):
        await other.lease.step()
        await leader.lease.step()
    assert await other.database.read(other.claims.held) == other.claims.name
    await leader.housekeeping()
    assert await other.state(message) == State.UNKNOWN


async def test_who_leaves_leaves_nothing_that_is_waited_for(make: MakeMember) -> None:
    leader, other = make(), make()
    await leader.lease.enter()
    await other.lease.enter()
    message = await other.claims_one()
    await other.lease.leave()
    await leader.housekeeping()
    assert await other.state(message) == State.UNKNOWN


async def test_who_stands_down_lets_another_lead_and_is_there_still(make: MakeMember) -> None:
    leader, other = make(), make()
    await leader.lease.enter()
    await other.lease.enter()
    await leader.lease.stand_down()
    await leader.lease.step()
    await other.lease.step()
    assert (leader.lease.leads, other.lease.leads) == (False, True)
    assert await leader.database.read(leader.claims.held) == leader.claims.name


async def test_a_leader_that_hangs_loses_its_session_to_those_who_follow(make: MakeMember) -> None:
    leader, other = make(), make()
    await leader.lease.enter()
    for _ in range(MISSED + 2):
        await other.lease.step()
    async with asyncio.timeout(10):  # the server may need a moment to end the session
        while not other.lease.leads:
            await other.lease.step()
    await leader.lease.step()
    assert leader.heard == ["leads", "follows"]


async def test_a_leader_whom_the_database_does_not_hear_stops_leading_by_itself(
    make: MakeMember, postgres_url: str
) -> None:
    leader = make()
    await leader.lease.enter()
    await leader.database.aclose()
    for seconds in (MISSED * BEAT_S, 0.1):
        leader.clock.advance(seconds)
        with pytest.raises(Exception, match="database: closed"):
            await leader.lease.step()
    assert leader.heard == ["leads", "follows"]


async def test_a_version_is_told_of_the_next_one_and_ends_beside_the_one_after_that(
    make: MakeMember, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    member = make()
    await member.lease.enter()
    await postgres.run(postgres_url, f"UPDATE alembic_version SET version_num = '{int(HEAD) + 1:04d}'")
    for _ in range(2):
        await member.lease.step()
    assert [record.levelname for record in caplog.records if "goes on until it is replaced" in record.message] == [
        "WARNING"
    ]
    assert not [words for words in member.heard if words.startswith("outdated")]
    await postgres.run(postgres_url, f"UPDATE alembic_version SET version_num = '{int(HEAD) + 2:04d}'")
    await member.lease.step()
    assert f"outdated {int(HEAD) + 2:04d}" in member.heard
