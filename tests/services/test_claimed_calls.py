"""Between claim and call: whatever happens there, nothing that is claimed is forgotten, and nothing goes twice."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bridge.domain.delivery import State
from bridge.domain.errors import StoreUnavailable
from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.services.sms.claims import Claims
from bridge.store import outcomes, processes
from bridge.store.database import Operation, T
from bridge.store.sqlite import SqliteDatabase
from tests.services.conftest import MakeRig
from tests.services.rig import Rig
from tests.support.manual_clock import ManualClock

NAME = "this process"


class Stopped(SqliteDatabase):
    """Of a process that is stopped right after a commit or a read: `meanwhile`, `after_read` is what others do until it
    goes on.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.meanwhile: Callable[[Connection], None] | None = None
        self.after_read: Callable[[Connection], None] | None = None
        self.is_away = False

    async def write(self, operation: Operation[T]) -> T:
        found = await super().write(operation)
        if meanwhile := self.meanwhile:
            self.meanwhile = None
            await super().write(meanwhile)
        return found

    async def read(self, operation: Operation[T]) -> T:
        if self.is_away:
            raise StoreUnavailable("away")
        found = await super().read(operation)
        if after_read := self.after_read:
            self.after_read = None
            await super().write(after_read)
        return found


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def rig(make_rig: MakeRig, clock: ManualClock) -> Rig:
    """One of several processes."""
    rig = await make_rig(clock=clock, database=Stopped, claims=Claims(lambda: NAME, leased=True), slots=1)
    await rig.database.write(lambda c: processes.enter(c, NAME, process="", version="", leads=False))
    return rig


def database(rig: Rig) -> Stopped:
    assert isinstance(rig.database, Stopped)
    return rig.database


@pytest.mark.parametrize("slept", [False, True], ids=["it was stopped", "its machine slept"])
async def test_a_process_that_was_taken_for_gone_before_its_call_does_not_make_it(
    rig: Rig, clock: ManualClock, gateway: MsmpusherSandbox, slept: bool
) -> None:
    message = await rig.send(1)

    def gone(connection: Connection) -> None:
        (clock.is_set if slept else clock.advance)(10)
        processes.leave(connection, NAME)
        assert outcomes.abandon(connection, now=clock.now(), buttons_until=clock.now()) == [message]

    database(rig).meanwhile = gone
    await rig.step()
    await rig.deliverer.step()
    assert await rig.counts(message) == {State.UNKNOWN: 1}
    assert gateway.calls == []


async def test_a_process_that_was_taken_for_gone_while_it_asked_does_not_make_its_call(
    rig: Rig, clock: ManualClock, gateway: MsmpusherSandbox
) -> None:
    message = await rig.send(1)

    def gone(connection: Connection) -> None:
        clock.advance(10)
        processes.leave(connection, NAME)
        outcomes.abandon(connection, now=clock.now(), buttons_until=clock.now())

    database(rig).meanwhile = lambda _: clock.advance(10)
    database(rig).after_read = gone
    await rig.step()
    await rig.deliverer.step()
    assert await rig.counts(message) == {State.UNKNOWN: 1}
    assert gateway.calls == []


async def test_a_process_that_was_slow_and_is_counted_in_makes_its_call(
    rig: Rig, clock: ManualClock, gateway: MsmpusherSandbox
) -> None:
    message = await rig.send(1)
    database(rig).meanwhile = lambda _: clock.advance(10)
    await rig.step()
    await rig.deliverer.step()
    assert await rig.counts(message) == {State.ACCEPTED: 1}
    assert len(gateway.calls) == 1


async def test_a_process_that_cannot_ask_whether_it_is_counted_in_does_not_make_an_old_call(
    rig: Rig, clock: ManualClock, gateway: MsmpusherSandbox
) -> None:
    message = await rig.send(1)

    def away(_: Connection) -> None:
        clock.advance(10)
        database(rig).is_away = True

    database(rig).meanwhile = away
    await rig.step()
    database(rig).is_away = False
    await rig.deliverer.step()
    assert await rig.counts(message) == {State.UNKNOWN: 1}
    assert gateway.calls == []


async def test_what_is_claimed_is_called_though_telling_of_outcomes_failed(
    make_rig: MakeRig, gateway: MsmpusherSandbox
) -> None:
    fails = [True]

    def hears() -> None:
        if fails:
            fails.clear()
            raise RuntimeError("a bug of ours")

    rig = await make_rig(clock=ManualClock(), slots=1, hears=hears)
    first, second = await rig.send(1), await rig.send(1)
    await rig.step()
    rig.woken.clear()
    with pytest.raises(RuntimeError, match="a bug of ours"):
        await rig.deliverer.step()
    assert not rig.deliverer.is_idle
    await rig.woken.wait()
    await rig.deliverer.step()
    assert await rig.counts(first) == await rig.counts(second) == {State.ACCEPTED: 1}
    assert len(gateway.calls) == 2
