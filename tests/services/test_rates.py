"""A gateway's rate: whoever calls it, however many processes, no second has more calls than it takes."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from bridge.domain.delivery import State
from bridge.domain.failover import Way
from bridge.domain.rate import Rate
from bridge.sandbox.msmpusher import Mode, MsmpusherSandbox
from bridge.services.sms.rates import Rates
from bridge.store.database import Database
from bridge.store.homes import home_of
from bridge.store.queue import PRIORITY_BULK, PRIORITY_PAGE, Call, Room
from bridge.store.tables import attempts
from tests.services.conftest import MakeRig
from tests.services.rig import Rig
from tests.support.manual_clock import MONDAY_MORNING as NOW
from tests.support.manual_clock import ManualClock
from tests.support.outbox import number

SECOND = timedelta(seconds=1)
FIVE = (Way(name="msmpusher", rate=Rate(per_second=5)),)


async def times(rig: Rig) -> list[datetime]:
    """When each call began."""
    return await rig.database.read(
        lambda connection: list(
            connection.execute(select(attempts.c.started_at).order_by(attempts.c.started_at)).scalars()
        )
    )


def most_in_a_second(begun: list[datetime]) -> int:
    return max(sum(first <= one < first + SECOND for one in begun) for first in begun)


async def test_no_second_has_more_calls_than_the_rate_and_the_rate_is_used(make_rig: MakeRig) -> None:
    clock = ManualClock()
    rig = await make_rig(clock=clock, ways=FIVE, slots=8)
    message = await rig.send(12)
    while (await rig.counts(message)).get(State.QUEUED):
        await rig.step()
        clock.advance(0.02)
    begun = await times(rig)
    assert most_in_a_second(begun) == 5
    assert begun[-1] - begun[0] <= 2.3 * SECOND


async def test_the_loop_looks_again_when_the_next_call_may_begin(make_rig: MakeRig) -> None:
    rig = await make_rig(clock=ManualClock(), ways=FIVE)
    await rig.send(2)
    assert await rig.deliverer.step() == pytest.approx(0.204)


async def test_without_anything_to_send_the_loop_waits_as_ever(make_rig: MakeRig) -> None:
    rig = await make_rig(clock=ManualClock(), ways=FIVE)
    await rig.send(1)
    assert await rig.deliverer.step() is None


async def test_tries_again_count_as_calls(make_rig: MakeRig, gateway: MsmpusherSandbox) -> None:
    clock = ManualClock()
    rig = await make_rig(clock=clock, ways=FIVE)
    gateway.mode = Mode.FAILS
    await rig.send(6)
    for _ in range(150):
        await rig.step()
        clock.advance(0.02)
    begun = await times(rig)
    assert len(begun) > 6
    assert most_in_a_second(begun) == 5


async def test_a_page_goes_before_all_that_waits_for_the_rate(make_rig: MakeRig) -> None:
    clock = ManualClock()
    rig = await make_rig(clock=clock, ways=FIVE)
    bulk = await rig.send(10, priority=PRIORITY_BULK)
    await rig.step()
    page = await rig.send([number(77)], priority=PRIORITY_PAGE)
    clock.advance(0.21)
    await rig.step()
    await rig.step()
    assert await rig.counts(page) == {State.ACCEPTED: 1}
    assert (await rig.counts(bulk))[State.QUEUED] == 9


@pytest.mark.parametrize("seconds", [-3600, 3600])
async def test_a_clock_that_is_set_neither_stops_the_gateway_nor_floods_it(make_rig: MakeRig, seconds: float) -> None:
    clock = ManualClock()
    rig = await make_rig(clock=clock, ways=FIVE)
    await rig.send(2)
    await rig.step()
    clock.is_set(seconds)
    await rig.send(8)
    await rig.step()
    assert len(await times(rig)) == 2
    clock.advance(0.21)
    await rig.step()
    await rig.step()
    assert len(await times(rig)) == 3


async def test_two_processes_on_one_file_keep_it_together(make_rig: MakeRig) -> None:
    clock = ManualClock()
    one = await make_rig(clock=clock, ways=FIVE)
    other = Rig(one.path, MsmpusherSandbox(), clock=clock, ways=FIVE, gateways=one.deliverer._gateways)
    message = await one.send(9)
    for _ in range(90):
        await asyncio.gather(one.step(), other.step())
        clock.advance(0.02)
    assert (await one.counts(message)) == {State.ACCEPTED: 9}
    assert most_in_a_second(await times(one)) == 5
    await other.close()


def takes(connection: Connection) -> int:
    """As the claim does it: how many calls of eight may begin now."""
    rates = Rates(connection, FIVE, NOW)
    room = rates.within({"msmpusher": Room(calls=8)})["msmpusher"]
    call = Call(id="c", message_id=1, text="", deliveries=(), claimed_at=NOW, gateway="msmpusher")
    rates.begun([call] * room.calls)
    return room.calls


async def test_two_processes_on_one_server_keep_it_together(postgres_url: str) -> None:
    databases: list[Database] = [home_of(postgres_url).open() for _ in range(2)]
    taken = await asyncio.gather(*(one.write(takes) for one in databases * 20))
    assert sum(taken) == 1
    await asyncio.gather(*(one.aclose() for one in databases))


def test_without_a_rate_nothing_is_asked_and_nothing_written() -> None:
    """What is no connection answers nothing."""
    rates = Rates(None, [Way(name="msmpusher")], NOW)  # type: ignore[arg-type]
    rooms = {"msmpusher": Room(calls=8)}
    assert rates.within(rooms) == rooms
    rates.begun([Call(id="c", message_id=1, text="", deliveries=(), claimed_at=NOW, gateway="msmpusher")])
    assert rates.not_before(NOW) == NOW
