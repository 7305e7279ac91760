import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from bridge.domain.decision import Hold
from bridge.domain.delivery import Cause, State
from bridge.domain.errors import StoreUnavailable
from bridge.domain.failover import Way
from bridge.domain.outcome import Accepted, GatewayWords, Outcome
from bridge.sandbox.msmpusher import Call, Mode, MsmpusherSandbox
from bridge.store import messages, outcomes, switches
from bridge.store.queue import PRIORITY_BULK
from bridge.store.tables import attempts
from tests.services.conftest import MakeRig
from tests.services.rig import Rig
from tests.support.manual_clock import ManualClock
from tests.support.outbox import attempt_rows, number

OUTCOMES = {
    Mode.OK: (State.ACCEPTED, "ok", "1000"),
    Mode.SCHEDULED: (State.SCHEDULED, "scheduled", "1007"),
    Mode.PRINTED: (State.ACCEPTED, "ok", "1000"),
    Mode.MISSING: (State.REJECTED, "missing_parameters", "1002"),
    Mode.NO_BALANCE: (State.FAILED, "no_balance", "1003"),
    Mode.BAD_KEY: (State.FAILED, "bad_key", "1004"),
    Mode.BAD_NUMBER: (State.REJECTED, "bad_number", "1005"),
    Mode.BAD_SENDER: (State.FAILED, "bad_sender", "1006"),
    Mode.EMPTY: (State.REJECTED, "empty_text", "1008"),
    Mode.NO_MESSAGES: (State.UNKNOWN, "unreadable", "1010"),
    Mode.NEW_STATUS: (State.UNKNOWN, "unreadable", "1011"),
    Mode.HTML_502: (State.UNKNOWN, "server_error", ""),
    Mode.REDIRECT: (State.FAILED, "wrong_address", ""),
    Mode.CLOSE_BEFORE_ANSWER: (State.UNKNOWN, "cut", ""),
    Mode.TIMEOUT_AFTER_ACCEPT: (State.UNKNOWN, "no_answer", ""),
}


@pytest.mark.parametrize("mode", list(OUTCOMES))
async def test_the_outcome_of_a_call_is_written_down(make_rig: MakeRig, gateway: MsmpusherSandbox, mode: Mode) -> None:
    rig = await make_rig(timeout_s=0.3 if mode is Mode.TIMEOUT_AFTER_ACCEPT else 5)
    gateway.mode = mode
    rig.start()
    (line,) = (await rig.settled(await rig.send(1))).lines
    assert (line.state, line.reason, line.code) == OUTCOMES[mode]
    assert (line.attempt, line.gateway) == (1, "msmpusher")
    assert len(gateway.calls) == 1
    (row,) = await rig.database.read(lambda connection: connection.execute(select(attempts)).all())
    assert (row.reason, row.code, row.gateway) == (line.reason, line.code, "msmpusher")
    assert row.started_at <= row.finished_at


async def test_what_is_certainly_not_sent_is_tried_again_until_it_passes(
    make_rig: MakeRig, gateway: MsmpusherSandbox
) -> None:
    clock = ManualClock()
    rig = await make_rig(clock=clock)
    gateway.next_modes.extend([Mode.FAILS, Mode.BUSY_SECONDS, Mode.DOWN, Mode.OK])
    gateway.knobs.retry_after_s = 7
    message = await rig.send(1)
    waits = []
    for _ in range(2):
        await rig.step()
        await rig.deliverer.step()
        (line,) = (await rig.view(message)).lines
        assert line.state is State.QUEUED
        waits.append((line.due_at - clock.now()).total_seconds())
        clock.advance(waits[-1] - 0.001)
        await rig.deliverer.step()
        assert rig.deliverer.is_idle
        clock.advance(0.001)
    assert 0.5 <= waits[0] <= 1.0
    assert 7.0 <= waits[1] <= 7.001
    assert [call.numbers for call in gateway.calls] == [(number(0),)] * 2


async def test_an_outage_is_ridden_out_and_what_is_tried_is_counted(
    make_rig: MakeRig, gateway: MsmpusherSandbox
) -> None:
    rig = await make_rig(retry_for_s=60)
    gateway.next_modes.extend([Mode.FAILS, Mode.OK])
    rig.start()
    (line,) = (await rig.settled(await rig.send(1))).lines
    assert (line.state, line.attempt, line.tries) == (State.ACCEPTED, 2, 2)
    assert len(gateway.sent) == 1


async def test_without_time_to_retry_it_fails_at_once(make_rig: MakeRig, gateway: MsmpusherSandbox) -> None:
    rig = await make_rig(retry_for_s=0)
    gateway.mode = Mode.FAILS
    rig.start()
    (line,) = (await rig.settled(await rig.send(1))).lines
    assert (line.state, line.attempt, line.code) == (State.FAILED, 1, "1009")


async def test_an_id_that_belongs_to_another_call_is_no_acceptance(
    make_rig: MakeRig, gateway: MsmpusherSandbox
) -> None:
    rig = await make_rig(slots=1, keep_s=0)
    rig.start()
    first = await rig.settled(await rig.send([number(1)]))
    gateway.mode = Mode.SAME_ID
    second = await rig.settled(await rig.send([number(2)]))
    assert first.lines[0].state is State.ACCEPTED
    assert (second.lines[0].state, second.lines[0].reason) == (State.UNKNOWN, "repeated_id")


@dataclass
class SameId:
    """Gives every message the id that it gave the one before."""

    name: str

    async def send(self, numbers: Sequence[str], text: str) -> Mapping[str, Outcome]:
        return {one: Accepted(words=GatewayWords(sms_id="1")) for one in numbers}

    async def aclose(self) -> None:
        """Nothing is open."""


async def test_an_id_from_before_a_restart_is_recognised(make_rig: MakeRig) -> None:
    rig = await make_rig(gateways=[SameId("msmpusher"), SameId("msmpusher")])
    for expected in ([State.ACCEPTED], [State.UNKNOWN]):
        message = await rig.send(1)
        await rig.step()
        await rig.deliverer.step()
        assert [line.state for line in (await rig.view(message)).lines] == expected


async def test_the_ids_of_each_gateway_are_its_own(make_rig: MakeRig) -> None:
    ways = [Way(name="alpha", countries=frozenset({"GH"})), Way(name="beta")]
    rig = await make_rig(gateways=[SameId("alpha"), SameId("beta")], ways=ways)
    for to, took in (("+233241109433", "alpha"), ("+22890112345", "beta")):
        message = await rig.send([to])
        await rig.step()
        await rig.deliverer.step()
        assert [(line.state, line.gateway) for line in (await rig.view(message)).lines] == [(State.ACCEPTED, took)]


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bad=st.lists(st.booleans(), min_size=1, max_size=24),
    batch=st.sampled_from([1, 2, 3, 7, 16, 100]),
    sends_the_good_ones=st.booleans(),
    slots=st.sampled_from([1, 3]),
)
async def test_bad_numbers_of_a_list_end_alone_and_every_good_one_is_sent_once(
    make_rig: MakeRig, gateway: MsmpusherSandbox, bad: list[bool], batch: int, sends_the_good_ones: bool, slots: int
) -> None:
    gateway.bad_numbers = {number(index) for index, is_bad in enumerate(bad) if is_bad}
    gateway.sends_the_good_ones = sends_the_good_ones
    gateway.sent.clear()
    gateway.calls.clear()
    rig = await make_rig(batch=batch, slots=slots)
    rig.start()
    view = await rig.settled(await rig.send(len(bad)))
    expected = [State.REJECTED if is_bad else State.ACCEPTED for is_bad in bad]
    assert [line.state for line in view.lines] == expected
    good = [number(index) for index, is_bad in enumerate(bad) if not is_bad]
    assert Counter(sms.number for sms in gateway.sent) == Counter(good)
    assert max(len(call.numbers) for call in gateway.calls) <= batch
    await rig.close()


async def test_a_list_holds_numbers_of_one_message_only(make_rig: MakeRig, gateway: MsmpusherSandbox) -> None:
    rig = await make_rig(batch=10, slots=2)
    first, second = await rig.send([number(1), number(2)]), await rig.send([number(3), number(4), number(5)])
    rig.start()
    await rig.settled(first)
    await rig.settled(second)
    assert {call.numbers for call in gateway.calls} == {(number(1), number(2)), (number(3), number(4), number(5))}


async def test_no_more_calls_run_at_once_than_there_are_slots(make_rig: MakeRig, gateway: MsmpusherSandbox) -> None:
    running = most = 0
    rig = await make_rig(slots=3)

    async def arrive(call: Call) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        counts = await rig.counts(message)
        assert counts[State.SENDING] <= 3

    def leave(call: Call) -> None:
        nonlocal running
        running -= 1

    gateway.on_request, gateway.on_decided = arrive, leave
    message = await rig.send(20)
    rig.start()
    await rig.settled(message)
    assert most <= 3


async def test_a_single_message_passes_ten_thousand_of_a_large_one(
    make_rig: MakeRig, gateway: MsmpusherSandbox
) -> None:
    rig = await make_rig(slots=2)
    single = number(9_999_999)
    arrived = asyncio.Event()
    written_at = 0

    async def arrive(call: Call) -> None:
        nonlocal written_at
        if call.number == 5:
            written_at = 5
            await rig.send([single])
        if single in call.numbers:
            arrived.set()

    gateway.on_request = arrive
    bulk = await rig.send(10_000, priority=PRIORITY_BULK)
    rig.start()
    async with asyncio.timeout(10):
        await arrived.wait()
    position = next(call.number for call in gateway.calls if single in call.numbers)
    assert position <= written_at + 2 * 2 + 1
    await rig.close()
    assert bulk


class Hanging:
    """A gateway that never answers and says when it is asked and closed."""

    name = "msmpusher"

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.closed = False

    async def send(self, numbers: Sequence[str], text: str) -> Mapping[str, Outcome]:
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def aclose(self) -> None:
        self.closed = True


async def test_stopping_waits_for_calls_under_way(make_rig: MakeRig, gateway: MsmpusherSandbox) -> None:
    asked = asyncio.Event()
    go_on = asyncio.Event()

    async def arrive(call: Call) -> None:
        asked.set()
        await go_on.wait()

    gateway.on_request = arrive
    rig = await make_rig(slots=1)
    message = await rig.send(2)
    rig.start()
    await asked.wait()
    await rig.loop.stop()
    stopping = asyncio.create_task(rig.deliverer.stop(5))
    go_on.set()
    await stopping
    assert await rig.counts(message) == {State.ACCEPTED: 1, State.QUEUED: 1}
    assert len(gateway.calls) == 1


async def test_stopping_cuts_off_a_call_that_hangs_and_nobody_knows_its_outcome(make_rig: MakeRig) -> None:
    hanging = Hanging()
    rig = await make_rig(gateways=[hanging])
    message = await rig.send(2)
    rig.start()
    await hanging.asked.wait()
    await rig.loop.stop()
    await rig.deliverer.stop(0.05)
    first, second = (await rig.view(message)).lines
    assert (first.state, first.reason) == (State.UNKNOWN, "interrupted")
    assert second.state is State.QUEUED
    assert hanging.closed
    assert rig.deliverer.is_idle


async def test_stopping_with_nothing_under_way_closes_the_connections(make_rig: MakeRig) -> None:
    hanging = Hanging()
    rig = await make_rig(gateways=[hanging])
    await rig.deliverer.stop(5)
    assert hanging.closed


async def test_a_gateway_that_breaks_its_promise_and_raises_makes_an_unknown(
    make_rig: MakeRig, caplog: pytest.LogCaptureFixture
) -> None:
    class Raising(Hanging):
        async def send(self, numbers: Sequence[str], text: str) -> Mapping[str, Outcome]:
            raise KeyError(numbers[0])

    rig = await make_rig(gateways=[Raising()])
    rig.start()
    view = await rig.settled(await rig.send(1))
    assert (view.lines[0].state, view.lines[0].reason) == (State.UNKNOWN, "interrupted")
    assert [record.event for record in caplog.records if record.levelno == logging.ERROR] == ["gateway.error"]  # type: ignore[attr-defined]


async def test_a_gateway_that_forgets_a_number_makes_an_unknown(make_rig: MakeRig) -> None:
    class Forgetting(Hanging):
        async def send(self, numbers: Sequence[str], text: str) -> Mapping[str, Outcome]:
            return dict.fromkeys(numbers[:1], Accepted())

    rig = await make_rig(gateways=[Forgetting()], batch=2)
    rig.start()
    view = await rig.settled(await rig.send(2))
    assert {line.state for line in view.lines} == {State.UNKNOWN}


BREAK, MEND = "ALTER TABLE attempts RENAME TO away", "ALTER TABLE away RENAME TO attempts"
BUG = """
CREATE TRIGGER bug BEFORE UPDATE ON attempts WHEN NEW.finished_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a constraint that the code should have kept'); END
"""


def run(rig: Rig, sql: str) -> None:
    """From outside, as an operator would."""
    connection = sqlite3.connect(rig.path)
    connection.execute(sql)
    connection.commit()
    connection.close()


async def test_outcomes_that_the_store_does_not_take_are_written_later_exactly_once(
    make_rig: MakeRig, gateway: MsmpusherSandbox
) -> None:
    rig = await make_rig(slots=2)
    message = await rig.send(3)
    await rig.deliverer.step()
    run(rig, BREAK)
    while len(gateway.sent) < 2:
        rig.woken.clear()
        await rig.woken.wait()
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await rig.deliverer.step()
    assert (await rig.counts(message)) == {State.SENDING: 2, State.QUEUED: 1}
    assert rig.heard == []
    run(rig, MEND)
    rig.start()
    await rig.settled(message)
    assert await rig.counts(message) == {State.ACCEPTED: 3}
    assert Counter(sms.number for sms in gateway.sent) == Counter([number(0), number(1), number(2)])
    assert sorted(one.delivery.number for one in rig.heard) == [number(0), number(1), number(2)]


async def test_outcomes_survive_an_error_of_ours_in_the_same_transaction(
    make_rig: MakeRig, gateway: MsmpusherSandbox
) -> None:
    rig = await make_rig(slots=1)
    message = await rig.send(1)
    await rig.step()
    run(rig, BUG)
    with pytest.raises(IntegrityError):
        await rig.deliverer.step()
    assert await rig.counts(message) == {State.SENDING: 1}
    run(rig, "DROP TRIGGER bug")
    await rig.deliverer.step()
    assert await rig.counts(message) == {State.ACCEPTED: 1}
    assert len(gateway.sent) == 1


async def test_what_a_stop_cannot_write_down_is_unknown_at_the_next_start(
    make_rig: MakeRig, gateway: MsmpusherSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await make_rig(slots=1)
    message = await rig.send(1)
    await rig.step()
    run(rig, BREAK)
    await rig.deliverer.stop(1)
    assert "could not be written" in caplog.text
    run(rig, MEND)
    now = rig.clock.now()
    found = await rig.database.write(
        lambda connection: outcomes.abandon(connection, now=now, buttons_until=now + timedelta(minutes=15))
    )
    assert found == [message]
    assert await rig.counts(message) == {State.UNKNOWN: 1}


async def test_an_answer_that_comes_after_a_take_over_settles_it(make_rig: MakeRig, gateway: MsmpusherSandbox) -> None:
    rig = await make_rig(slots=1)
    message = await rig.send(1)
    await rig.step()
    now = rig.clock.now()
    await rig.database.write(lambda connection: outcomes.abandon(connection, now=now, buttons_until=now))
    assert await rig.counts(message) == {State.UNKNOWN: 1}
    await rig.deliverer.step()
    assert await rig.counts(message) == {State.ACCEPTED: 1}


async def test_an_answer_that_comes_after_a_resend_changes_nothing(
    make_rig: MakeRig, gateway: MsmpusherSandbox
) -> None:
    rig = await make_rig(slots=1)
    message = await rig.send(1)
    gateway.mode = Mode.BAD_NUMBER
    await rig.step()
    now = rig.clock.now()

    def send_again(connection: Connection) -> None:
        outcomes.abandon(connection, now=now, buttons_until=now)
        messages.move(connection, message, Cause.RESEND, State.QUEUED, now=now)

    await rig.database.write(send_again)
    gateway.mode = Mode.OK
    await rig.step()
    await rig.deliverer.step()
    view = await rig.view(message)
    assert (view.lines[0].state, view.lines[0].attempt) == (State.ACCEPTED, 2)
    rows = await rig.database.read(attempt_rows)
    assert [(attempt, outcome) for _, attempt, _, outcome in rows] == [(1, "rejected"), (2, "accepted")]


async def test_what_is_held_or_cancelled_is_not_sent(make_rig: MakeRig, gateway: MsmpusherSandbox) -> None:
    rig = await make_rig()
    held = await rig.send([number(1)], hold=Hold.ASK)
    cancelled = await rig.send([number(2)])
    now = rig.clock.now()
    await rig.database.write(
        lambda connection: messages.move(connection, cancelled, Cause.CANCEL, State.CANCELLED, now=now)
    )
    rig.start()
    await rig.settled(await rig.send([number(3)]))
    assert [sms.number for sms in gateway.sent] == [number(3)]
    assert await rig.counts(held) == {State.HELD: 1}


async def test_nothing_begins_while_paused_and_everything_after(make_rig: MakeRig, gateway: MsmpusherSandbox) -> None:
    rig = await make_rig()
    now = rig.clock.now()
    await rig.database.write(lambda connection: switches.put(connection, switches.PAUSED, "on", by="Ama", now=now))
    message = await rig.send(2)
    await rig.deliverer.step()
    assert rig.deliverer.is_idle
    await rig.database.write(lambda connection: switches.drop(connection, switches.PAUSED))
    rig.start()
    await rig.settled(message)
    assert len(gateway.sent) == 2


async def test_one_message_alone_is_delivered_when_asked_so(make_rig: MakeRig, gateway: MsmpusherSandbox) -> None:
    rig = await make_rig(only_message=2)
    other, mine = await rig.send([number(1)]), await rig.send([number(2)])
    assert mine == 2
    rig.start()
    await rig.settled(mine)
    assert [sms.number for sms in gateway.sent] == [number(2)]
    assert await rig.counts(other) == {State.QUEUED: 1}
