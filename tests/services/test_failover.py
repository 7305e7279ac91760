"""Two gateways: who is asked, in which order, and what a gateway that is out costs. Both are real servers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection

from bridge.domain.delivery import Cause, State
from bridge.domain.failover import Way
from bridge.domain.outcome import Outcome
from bridge.gateways import Gateway, msmpusher
from bridge.sandbox.msmpusher import Mode, MsmpusherSandbox
from bridge.store import breakers, messages, outcomes, queue
from bridge.store.queue import PRIORITY_PAGE, PRIORITY_SINGLE
from tests.services.conftest import MakeRig
from tests.services.rig import Rig
from tests.support.manual_clock import ManualClock

GHANA, TOGO = "+233241109433", "+22890112345"
CERTAIN = [Mode.NO_BALANCE, Mode.BAD_KEY, Mode.FAILS, Mode.BUSY_SECONDS, Mode.DOWN, Mode.BAD_NUMBER]


class Named:
    """A gateway under another name."""

    def __init__(self, name: str, gateway: Gateway) -> None:
        self.name = name
        self._gateway = gateway

    async def send(self, numbers: Sequence[str], text: str) -> Mapping[str, Outcome]:
        return await self._gateway.send(numbers, text)

    async def aclose(self) -> None:
        await self._gateway.aclose()


@dataclass
class Two:
    rig: Rig
    first: MsmpusherSandbox
    second: MsmpusherSandbox
    clock: ManualClock

    async def sends(self, *numbers: str) -> int:
        """A message, and turns until nothing is due now."""
        message = await self.rig.send(numbers or [GHANA])
        await self.turns()
        return message

    async def turns(self) -> None:
        for _ in range(12):
            await self.rig.step()

    async def line(self, message: int) -> tuple[State, str, str]:
        (line,) = (await self.rig.view(message)).lines
        return line.state, line.reason, line.gateway

    @property
    def asked(self) -> tuple[int, int]:
        return len(self.first.calls), len(self.second.calls)


StartTwo = Callable[..., Awaitable[Two]]


@pytest.fixture
async def start(make_rig: MakeRig, gateway: MsmpusherSandbox) -> AsyncIterator[StartTwo]:
    second = MsmpusherSandbox()
    await second.start()

    async def make(*countries: str, slots: int = 2, batch: int = 1) -> Two:
        clock = ManualClock()
        made = [
            Named(
                name,
                msmpusher.build(
                    url=box.url,
                    private_key=box.private_key,
                    public_key=box.public_key,
                    sender="OPS",
                    timeout_s=0.5,
                    now=clock.now,
                ),
            )
            for name, box in (("first", gateway), ("second", second))
            for _ in range(slots)
        ]
        ways = [Way(name="first", batch=batch, countries=frozenset(countries)), Way(name="second", batch=batch)]
        return Two(rig=await make_rig(gateways=made, ways=ways, clock=clock), first=gateway, second=second, clock=clock)

    yield make
    await second.stop()


@pytest.mark.parametrize("mode", CERTAIN)
async def test_what_certainly_failed_goes_to_the_next_gateway_at_once(start: StartTwo, mode: Mode) -> None:
    two = await start()
    two.first.mode = mode
    message = await two.sends()
    assert await two.line(message) == (State.ACCEPTED, "ok", "second")
    assert two.asked == (0 if mode is Mode.DOWN else 1, 1)


@pytest.mark.parametrize("mode", [Mode.CLOSE_BEFORE_ANSWER, Mode.HTML_502, Mode.NEW_STATUS])
async def test_what_nobody_knows_never_goes_to_another_gateway_by_itself(start: StartTwo, mode: Mode) -> None:
    two = await start()
    two.first.mode = mode
    message = await two.sends()
    assert (await two.line(message))[0] is State.UNKNOWN
    assert two.asked == (1, 0)


async def test_a_page_of_which_nobody_knows_is_repeated_by_the_other_gateway(start: StartTwo) -> None:
    two = await start()
    two.first.mode = Mode.CLOSE_BEFORE_ANSWER
    message = await two.sends()

    def once_more(connection):  # type: ignore[no-untyped-def]
        return messages.move(connection, message, Cause.PAGE_RULE, State.QUEUED, now=two.clock.now())

    assert await two.rig.database.write(once_more) == 1
    await two.turns()
    assert await two.line(message) == (State.ACCEPTED, "ok", "second")
    assert two.asked == (1, 1)


async def test_a_resend_begins_with_the_first_gateway_again(start: StartTwo) -> None:
    two = await start()
    two.first.mode = two.second.mode = Mode.NO_BALANCE
    message = await two.sends()
    assert await two.line(message) == (State.FAILED, "no_balance", "second")
    two.first.mode = Mode.OK
    two.clock.advance(60)
    await two.rig.database.write(
        lambda connection: messages.move(connection, message, Cause.RESEND, State.QUEUED, now=two.clock.now())
    )
    await two.turns()
    assert await two.line(message) == (State.ACCEPTED, "ok", "first")


async def test_when_all_are_out_of_service_it_fails_after_each_was_asked_once(start: StartTwo) -> None:
    two = await start()
    two.first.mode, two.second.mode = Mode.NO_BALANCE, Mode.BAD_KEY
    message = await two.sends()
    assert await two.line(message) == (State.FAILED, "bad_key", "second")
    assert two.asked == (1, 1)


async def test_while_one_may_take_it_later_it_waits_and_both_are_asked_again(start: StartTwo) -> None:
    two = await start()
    two.first.mode, two.second.mode = Mode.FAILS, Mode.NO_BALANCE
    message = await two.sends()
    assert (await two.line(message))[0] is State.QUEUED
    two.first.mode = Mode.OK
    two.clock.advance(40)
    await two.turns()
    assert await two.line(message) == (State.ACCEPTED, "ok", "first")


async def test_a_number_that_all_refuse_is_rejected_and_none_is_asked_twice(start: StartTwo) -> None:
    two = await start()
    two.first.mode = two.second.mode = Mode.BAD_NUMBER
    message = await two.sends()
    assert await two.line(message) == (State.REJECTED, "bad_number", "second")
    assert two.asked == (1, 1)


async def test_a_gateway_that_is_out_comes_last_and_one_real_message_finds_out_that_it_is_back(
    start: StartTwo,
) -> None:
    two = await start()
    two.first.mode = Mode.NO_BALANCE
    await two.sends()
    assert [one.breaker.gateway for one in two.rig.turned] == ["first"]
    for _ in range(5):
        await two.sends()
    assert two.asked == (1, 6)  # the others did not ask it
    two.clock.advance(16)
    probe = await two.sends()
    assert two.asked == (2, 7)  # the probe failed, cost nothing, and went on
    assert (await two.line(probe))[2] == "second"
    two.first.mode = Mode.OK
    two.clock.advance(60)
    await two.sends()
    await two.sends()
    assert two.asked == (4, 7)
    assert [(one.breaker.gateway, one.breaker.out_since is None) for one in two.rig.turned] == [
        ("first", False),
        ("first", True),
    ]


async def test_that_a_gateway_is_out_is_known_after_a_restart(start: StartTwo) -> None:
    two = await start()
    two.first.mode = Mode.NO_BALANCE
    await two.sends()
    found = await two.rig.database.read(breakers.read)
    assert set(found) == {"first"}
    assert found["first"].out_since == two.clock.now()
    assert found["first"].rank(two.clock.now()) == 1


async def test_one_that_never_answers_is_left_alone_after_a_few_and_what_was_asked_stays_unknown(
    start: StartTwo,
) -> None:
    two = await start(slots=1)
    two.first.mode = Mode.TIMEOUT_AFTER_ACCEPT
    sent = [await two.sends() for _ in range(5)]
    found = [await two.line(one) for one in sent]
    assert [state for state, _, _ in found] == [State.UNKNOWN] * 3 + [State.ACCEPTED] * 2
    assert [gateway for _, _, gateway in found] == ["first"] * 3 + ["second"] * 2


async def test_a_number_goes_to_a_gateway_that_names_its_country(start: StartTwo) -> None:
    two = await start("GH")
    message = await two.sends(GHANA, TOGO)
    assert {line.number: line.gateway for line in (await two.rig.view(message)).lines} == {
        GHANA: "first",
        TOGO: "second",
    }


async def test_a_list_of_which_one_number_is_refused_asks_the_other_gateway_only_about_that(start: StartTwo) -> None:
    two = await start(batch=4)
    numbers = [f"+23324110943{digit}" for digit in range(4)]
    two.first.bad_numbers = {numbers[2]}
    message = await two.rig.send(numbers)
    await two.turns()
    view = await two.rig.view(message)
    assert {line.state for line in view.lines} == {State.ACCEPTED}
    assert [sms.number for sms in two.second.sent] == [numbers[2]]
    assert len(two.first.sent) == 3


async def test_a_full_gateway_does_not_keep_another_one_waiting(start: StartTwo) -> None:
    two = await start("GH", slots=1)
    two.first.mode = Mode.TIMEOUT_AFTER_ACCEPT
    slow = [await two.rig.send([GHANA]) for _ in range(2)]
    quick = await two.rig.send([TOGO])
    two.rig.start()
    for message in slow:
        await two.rig.settled(message)
    assert [one.message_id for one in two.rig.heard] == [quick, *slow]


async def test_a_number_that_one_refuses_waits_for_the_other_that_asked_for_rest(start: StartTwo) -> None:
    two = await start()
    two.first.mode, two.second.mode = Mode.NO_BALANCE, Mode.BUSY_SECONDS
    two.second.knobs.retry_after_s = 60
    await two.sends("+233551234567")
    two.first.mode, two.second.mode = Mode.BAD_NUMBER, Mode.OK
    message = await two.sends()
    assert (await two.line(message))[0] is State.QUEUED
    two.clock.advance(61)
    await two.turns()
    assert await two.line(message) == (State.ACCEPTED, "ok", "second")


@pytest.mark.parametrize("busy", ["first", "second"])
@pytest.mark.parametrize("priority", [PRIORITY_PAGE, PRIORITY_SINGLE])
async def test_who_asks_for_an_hour_keeps_nobody_from_the_other_one(start: StartTwo, busy: str, priority: int) -> None:
    two = await start()
    resting, blips = (two.first, two.second) if busy == "first" else (two.second, two.first)
    resting.mode, blips.mode = Mode.BUSY_SECONDS, Mode.DOWN
    resting.knobs.retry_after_s = 3600
    message = await two.rig.send([GHANA], priority=priority)
    await two.turns()
    assert (await two.line(message))[0] is State.QUEUED
    blips.mode = Mode.OK
    two.clock.advance(3)
    await two.turns()
    assert (await two.line(message))[0] is State.ACCEPTED
    assert (len(resting.calls), len(blips.sent)) == (1, 1)


async def test_the_repeat_of_a_page_of_which_nobody_knows_goes_by_who_is_awake(start: StartTwo) -> None:
    two = await start()
    two.first.mode, two.second.mode = Mode.FAILS, Mode.BUSY_SECONDS
    two.second.knobs.retry_after_s = 3600
    await two.sends("+233551234567")
    two.first.mode = Mode.RESET_BEFORE
    page = await two.rig.send([GHANA], priority=PRIORITY_PAGE)
    await two.turns()
    assert (await two.line(page))[0] is State.UNKNOWN
    two.first.mode = Mode.OK
    await two.rig.database.write(
        lambda connection: messages.move(connection, page, Cause.PAGE_RULE, State.QUEUED, now=two.clock.now())
    )
    await two.turns()
    assert await two.line(page) == (State.ACCEPTED, "ok", "first")
    assert len(two.second.calls) == 1


async def test_a_page_does_not_wait_for_a_gateway_that_hangs_with_all_its_slots(start: StartTwo) -> None:
    two = await start(slots=1)
    two.first.mode = Mode.TIMEOUT_AFTER_ACCEPT
    two.rig.start()
    slow = [await two.rig.send([GHANA]) for _ in range(2)]
    page = await two.rig.send(["+233551234567"], priority=PRIORITY_PAGE)
    await two.rig.until(page, lambda view: view.counts.get(State.ACCEPTED) == 1)
    assert two.rig.heard[0].message_id == page
    for message in slow:
        await two.rig.settled(message)


async def test_after_a_crash_the_repeat_of_a_page_goes_to_the_other_gateway(start: StartTwo) -> None:
    two = await start()
    message = await two.rig.send([GHANA], priority=PRIORITY_PAGE)

    def crash(connection: Connection) -> None:
        rooms = {"first": queue.Room(calls=1)}
        queue.claim(connection, rooms=rooms, choose=lambda *_: "first", now=two.clock.now(), call_ids=["cut"])
        outcomes.abandon(connection, now=two.clock.now(), buttons_until=two.clock.now())
        messages.move(connection, message, Cause.PAGE_RULE, State.QUEUED, now=two.clock.now())

    await two.rig.database.write(crash)
    await two.turns()
    assert await two.line(message) == (State.ACCEPTED, "ok", "second")
    assert two.asked == (0, 1)
