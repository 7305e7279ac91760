"""Killed at each named point of a message's way, started again: nothing lost, nothing doubled, all said."""

import contextlib
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
import pytest

from bridge.sandbox.msmpusher import Mode
from tests.faults.launcher import KillAt
from tests.faults.scene import AMA, KOFI, NUMBERS, Scene
from tests.support.eventually import until
from tests.support.service import Service

TEXT = "t~000001"
AFTER_A_CRASH = {"sending": "unknown", "queued": "accepted", "accepted": "accepted"}
"""What a delivery in this state at the crash must be when the next process has done its work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """Where the process dies, and what is certain then: the delivery's state in the end, and how many SMS went out."""

    name: str
    kill_at: KillAt
    state: str = "accepted"
    sent: int | None = 1  # None: the gateway may or may not have been asked by then


POINTS = (
    Point(name="an update is received and not yet kept", kill_at=KillAt(event="update.received")),
    Point(name="an update is kept and not yet handled", kill_at=KillAt(event="update.kept")),
    Point(name="the message is written and not yet committed", kill_at=KillAt(event="message.written")),
    Point(name="the message is committed", kill_at=KillAt(event="update.done")),
    Point(name="a claim is about to be written", kill_at=KillAt(statement="UPDATE deliveries SET state")),
    Point(name="an attempt is claimed", kill_at=KillAt(event="attempt.claimed"), state="unknown", sent=0),
    Point(name="the answer is there and not committed", kill_at=KillAt(event="attempt.answered"), state="unknown"),
    Point(name="the outcome is committed", kill_at=KillAt(event="attempt.settled")),
    Point(name="a card is not yet posted", kill_at=KillAt(event="chat.showing"), state="", sent=None),
    Point(name="a card is posted, which is not committed", kill_at=KillAt(event="chat.shown"), state="", sent=None),
    Point(name="a card is not yet edited", kill_at=KillAt(event="chat.showing", count=2)),
    Point(name="a card is edited, which is not committed", kill_at=KillAt(event="chat.shown", count=2)),
)


def answer_only_when_a_card_is_there(scene: Scene) -> None:
    """So that a card is posted first, and edited when the outcome is known."""

    async def wait(_: object) -> None:
        await scene.telegram.wait_for(lambda: scene.telegram.from_bot(AMA))

    scene.gateway.on_decided = wait


async def comes_back(scene: Scene, service: Service, **settings: str) -> list[str]:
    """It was killed; a new one starts, and nothing is held back any more. Gives the states at the crash."""
    await scene.killed(service)
    states = scene.books.states()
    scene.gateway.on_decided = scene.gateway.on_request = None
    scene.telegram.on_call = scene.telegram.on_done = None
    scene.fork(**settings)
    return states


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
async def test_nothing_is_lost_or_doubled_by_a_crash_when(point: Point, scene: Scene) -> None:
    answer_only_when_a_card_is_there(scene)
    service = scene.fork(point.kill_at)
    scene.sms(TEXT)
    before = await comes_back(scene, service)
    await scene.settled()
    after = scene.books.states()
    assert after == [AFTER_A_CRASH[state] for state in before or ["queued"]]
    assert after == [point.state or after[0]]
    assert point.sent is None or scene.books.sent(TEXT) == point.sent


def kill_in_gateway_call(scene: Scene, service: Service, *, accepted: bool, shown: int = 1) -> None:
    """The request is complete; the phone buzzes or the call is forgotten; no answer leaves.

    By then so many cards stand in the chat, as `sending`, and that is committed.
    """

    async def kill(_: object) -> None:
        await until(lambda: scene.books.count("SELECT count(*) FROM posts WHERE shown = wanted") >= shown)
        service.signal(signal.SIGKILL)

    if accepted:
        scene.gateway.on_decided = kill
    else:
        scene.gateway.next_modes.append(Mode.RESET_BEFORE)
        scene.gateway.on_request = kill


@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "not accepted"])
async def test_a_crash_in_the_middle_of_the_gateway_call_is_shown_as_unknown(accepted: bool, scene: Scene) -> None:
    service = scene.fork()
    kill_in_gateway_call(scene, service, accepted=accepted)
    scene.sms(TEXT)
    await comes_back(scene, service)
    report = await scene.settled()
    assert (report.unknown, scene.books.sent(TEXT), len(scene.gateway.calls)) == (1, int(accepted), 1)

    await scene.press(TEXT, "Send again")
    await scene.settled(sent_again={TEXT: 1})
    assert (scene.books.states(), scene.books.sent(TEXT)) == (["accepted"], 1 + int(accepted))


async def test_an_unknown_that_is_left_stays_unknown_over_further_restarts(scene: Scene) -> None:
    service = scene.fork()
    kill_in_gateway_call(scene, service, accepted=True)
    scene.sms(TEXT)
    await comes_back(scene, service)
    await scene.settled()
    await scene.press(TEXT, "Leave it")
    await scene.settled()
    await scene.services[-1].kill()
    await scene.fork().ready()
    report = await scene.settled()
    assert (report.unknown, len(scene.gateway.calls)) == (1, 1)


async def test_a_list_in_one_call_is_unknown_as_a_whole(scene: Scene) -> None:
    service = scene.fork(msmpusher_batch="10")
    kill_in_gateway_call(scene, service, accepted=True)
    scene.sms(TEXT, to=NUMBERS[:5])
    await comes_back(scene, service, msmpusher_batch="10")
    await scene.settled()
    assert (scene.books.states(), len(scene.gateway.calls)) == (["unknown"] * 5, 1)


async def test_of_many_numbers_each_has_its_own_outcome(scene: Scene) -> None:
    """Two calls at a time: the third request ends the process; what was not yet claimed goes out afterwards."""
    service = scene.fork(gateway_slots="2")
    scene.gateway.on_decided = lambda call: service.signal(signal.SIGKILL) if call.number == 3 else None
    scene.sms(TEXT, to=NUMBERS[:8])
    before = await comes_back(scene, service)
    await scene.settled()
    assert scene.books.states() == [AFTER_A_CRASH[state] for state in before]
    assert {"sending", "queued"} <= set(before)


Hook = Callable[[str, dict[str, object]], Awaitable[None]]


@pytest.mark.parametrize("done", [False, True], ids=["before it is done", "done and not answered"])
@pytest.mark.parametrize("method", ["sendMessage", "editMessageText"])
async def test_the_chat_ends_as_the_database_after_a_crash_in(method: str, done: bool, scene: Scene) -> None:
    answer_only_when_a_card_is_there(scene)
    service = scene.fork()

    async def kill(called: str, _: dict[str, object]) -> None:
        if called != method:
            return
        if method == "sendMessage":
            await until(lambda: len(scene.gateway.sent) == 1)
        service.signal(signal.SIGKILL)

    if done:
        scene.telegram.on_done = kill
    else:
        scene.telegram.on_call = kill
    scene.sms(TEXT)
    await comes_back(scene, service)
    report = await scene.settled()
    assert report.unknown == (1 if method == "sendMessage" else 0)
    assert scene.books.sent(TEXT) == 1


async def test_a_press_that_was_kept_before_the_crash_sends_once(scene: Scene) -> None:
    scene.gateway.next_modes.append(Mode.CLOSE_BEFORE_ANSWER)
    first = scene.fork()
    scene.sms(TEXT)
    await scene.quiet()
    assert scene.books.states() == ["unknown"]
    await first.kill()

    second = scene.fork(KillAt(event="update.kept"))
    card = scene.books.cards(1)[0]
    await scene.telegram.press(AMA, card, "Send again")
    await scene.telegram.press(AMA, card, "Send again")  # twice, as an impatient thumb does
    await comes_back(scene, second)
    await scene.settled(sent_again={TEXT: 1})
    assert (scene.books.states(), scene.books.sent(TEXT)) == (["accepted"], 2)


async def test_a_crash_while_a_failed_call_waits_to_be_repeated_keeps_its_turn(scene: Scene) -> None:
    scene.gateway.mode = Mode.FAILS
    first = scene.fork()
    scene.sms(TEXT)
    await until(lambda: len(scene.gateway.calls) == 1 and scene.books.states() == ["queued"])
    await first.kill()
    scene.gateway.mode = Mode.OK
    scene.fork()
    await scene.settled()
    assert (scene.books.states(), scene.books.sent(TEXT)) == (["accepted"], 1)


@pytest.mark.parametrize(
    ("kill_at", "made_before"),
    [
        (KillAt(statement="INSERT INTO idempotency"), 0),
        (KillAt(event="attempt.claimed"), 1),
        (KillAt(event="attempt.settled"), 1),
    ],
    ids=["before its commit", "after its commit", "after it was sent"],
)
async def test_a_request_repeated_over_a_crash_with_its_key_is_one_message(
    kill_at: KillAt, made_before: int, scene: Scene
) -> None:
    body = {"to": [NUMBERS[0]], "text": TEXT}
    key = {"Idempotency-Key": "night-7"}
    scene.commands[TEXT] = 1
    service = scene.fork(kill_at)
    async with scene.client(await service.ready()) as client:
        with contextlib.suppress(httpx.TransportError):  # a program cannot know what became of it, and asks again
            await client.post("/v1/sms", json=body, headers=key)
        await scene.killed(service)
    assert scene.books.count("SELECT count(*) FROM messages") == made_before
    async with scene.client(await scene.fork().ready()) as client:
        answers = [(await client.post("/v1/sms", json=body, headers=key)) for _ in range(3)]
        other = await client.post("/v1/sms", json=body | {"to": [NUMBERS[1]]}, headers=key)
    assert [(one.status_code, one.json()["id"]) for one in answers] == [(202, 1)] * 3
    assert other.status_code == 409
    await scene.quiet()
    assert scene.books.count("SELECT count(*) FROM messages") == 1
    assert scene.books.sent(TEXT) <= 1
    assert scene.books.states() == (["unknown"] if kill_at.event == "attempt.claimed" else ["accepted"])


async def test_what_came_by_http_and_is_unknown_is_shown_to_the_admins(scene: Scene) -> None:
    service = scene.fork()
    kill_in_gateway_call(scene, service, accepted=True, shown=0)
    async with scene.client(await service.ready()) as client:
        await client.post("/v1/sms", json={"to": [NUMBERS[0]], "text": TEXT})
        await comes_back(scene, service)
    await scene.services[-1].ready()
    await until(lambda: "may have been sent" in scene.telegram.last_text(AMA))
    assert [button.text for button in scene.telegram.from_bot(AMA)[-1].buttons] == ["Send again", "Leave it"]
    assert not scene.telegram.from_bot(KOFI)
