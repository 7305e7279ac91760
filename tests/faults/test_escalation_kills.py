"""Killed at each named point of an alert's way to a phone, and of an Ack; started again: nobody is missed, nobody is
paged again in silence, and who has acknowledged is left alone."""

import asyncio
import signal
import time
from dataclasses import dataclass
from datetime import timedelta

import pytest

from bridge.domain.delivery import State
from bridge.sandbox.msmpusher import Mode
from tests.faults.launcher import KillAt
from tests.faults.night import Night
from tests.faults.scene import AMA, KOFI, NUMBERS, Scene
from tests.support.eventually import until

AMA_PHONE, KOFI_PHONE = NUMBERS[0], NUMBERS[1]


def oncall(first_wait: str) -> str:
    """Ama, then Kofi after `first_wait`, then Ama each half hour."""
    return f"""
[people.ama]
name = "Ama"
phone = "{AMA_PHONE}"
[people.kofi]
name = "Kofi"
phone = "{KOFI_PHONE}"
[policies.default]
steps = [
  {{ page = ["person:ama"], wait = "{first_wait}" }},
  {{ page = ["person:kofi"], wait = "10m" }},
]
fallback = ["person:ama"]
"""


PLAIN = "CRITICAL disk full /ack P1"
MAYBE = f"Maybe a repeat: {PLAIN}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """Where the process dies. `ends`: what may have reached Ama's phone in the end, over both processes."""

    name: str
    kill_at: KillAt
    ends: tuple[tuple[str, ...], ...] = ((PLAIN,),)


POINTS = (
    Point(name="an alert is about to be kept", kill_at=KillAt(statement="INSERT INTO alert_inbox")),
    Point(name="an alert is kept and not answered", kill_at=KillAt(event="alert.kept")),
    Point(name="an incident is about to be opened", kill_at=KillAt(statement="INSERT INTO incidents")),
    Point(name="an incident is opened and not committed", kill_at=KillAt(event="incident.opened")),
    Point(name="a step is about to ask for a page", kill_at=KillAt(statement="INSERT INTO page_requests")),
    Point(name="the next timer is about to be set", kill_at=KillAt(statement="UPDATE incidents SET position")),
    Point(name="a page is about to be made", kill_at=KillAt(statement="INSERT INTO pages")),
    Point(name="a page is made and not committed", kill_at=KillAt(event="page.made")),
    # The claim of another loop may have gone in the same commit.
    Point(name="the page is committed", kill_at=KillAt(event="alerting.committed"), ends=((PLAIN,), (MAYBE,))),
    Point(name="a claim is about to be written", kill_at=KillAt(statement="UPDATE deliveries SET state")),
    Point(name="the page is worded and not committed", kill_at=KillAt(statement="UPDATE messages SET text")),
    Point(name="the page is claimed", kill_at=KillAt(event="attempt.claimed"), ends=((MAYBE,),)),
    Point(name="the answer is there", kill_at=KillAt(event="attempt.answered"), ends=((PLAIN, MAYBE),)),
    Point(
        name="the outcome is about to be written",
        kill_at=KillAt(statement="UPDATE attempts SET"),
        ends=((PLAIN, MAYBE),),
    ),
    Point(name="the outcome is committed", kill_at=KillAt(event="attempt.settled")),
    Point(
        name="a card is not yet posted",
        kill_at=KillAt(event="chat.showing"),
        ends=((PLAIN,), (MAYBE,), (PLAIN, MAYBE)),
    ),
)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
async def test_an_alert_reaches_a_phone_and_never_twice_in_silence_after_a_crash_when(
    point: Point, scene: Scene
) -> None:
    night = Night(scene, oncall("10m"))
    service = scene.fork(point.kill_at)
    posting = asyncio.create_task(night.fires("disk full"))
    await scene.killed(service)
    scene.fork()
    await posting
    audit = await night.settled()
    assert (audit.alerts, audit.lost, audit.doubled, audit.pages) == (1, 0, 0, 1)
    assert tuple(night.texts) in point.ends
    assert night.states() == [State.ACCEPTED]
    assert {sms.number for sms in scene.gateway.sent} == {AMA_PHONE}


@pytest.mark.parametrize("accepted", [True, False], ids=["the phone has buzzed", "nothing was sent"])
async def test_a_crash_in_the_middle_of_the_call_pages_once_more_and_says_so(accepted: bool, scene: Scene) -> None:
    night = Night(scene, oncall("10m"))
    service = scene.fork()
    if accepted:
        scene.gateway.on_decided = lambda _: service.signal(signal.SIGKILL)
    else:
        scene.gateway.next_modes.append(Mode.RESET_BEFORE)
        scene.gateway.on_request = lambda _: service.signal(signal.SIGKILL)
    await asyncio.gather(night.fires("disk full"), _comes_back(scene))
    audit = await night.settled()
    assert night.texts == ([PLAIN, MAYBE] if accepted else [MAYBE])
    assert (audit.unknown, audit.unknown_not_shown, audit.repeats) == (1, 0, 1)


async def _comes_back(scene: Scene) -> None:
    await scene.killed(scene.services[-1])
    scene.gateway.on_decided = scene.gateway.on_request = None
    scene.fork()


async def test_a_second_crash_in_the_repeat_ends_it_and_is_shown(scene: Scene) -> None:
    night = Night(scene, oncall("10m"))
    for _ in range(2):
        service = scene.fork()
        scene.gateway.on_decided = lambda _, service=service: service.signal(signal.SIGKILL)
        if not night.answered.fired:
            await night.fires("disk full")
        await scene.killed(service)
    scene.gateway.on_decided = None
    scene.fork()
    audit = await night.settled()
    assert night.texts == [PLAIN, MAYBE]
    assert night.states() == [State.UNKNOWN]
    assert (audit.unknown, audit.unknown_not_shown) == (1, 0)


STEP_TWO = (
    KillAt(statement="INSERT INTO page_requests"),
    KillAt(statement="UPDATE incidents SET position"),
    KillAt(statement="INSERT INTO pages"),
    KillAt(event="page.made"),
    KillAt(event="alerting.committed"),
    KillAt(event="attempt.settled"),
)


@pytest.mark.parametrize("kill_at", STEP_TWO, ids=lambda one: one.event or one.statement)
async def test_an_overdue_step_runs_once_and_the_next_waits_from_then(kill_at: KillAt, scene: Scene) -> None:
    """The first step's page is out; nobody was there when the second was due, and who comes back is killed in it."""
    night = Night(scene, oncall("1s"))
    first = scene.fork(KillAt(event="attempt.settled"))
    posting = asyncio.create_task(night.fires("disk full"))
    await scene.killed(first)
    overdue_at = night.books.incidents()[0]["due_at"]
    await until(lambda: time.time() * 1e6 > overdue_at)
    await scene.killed(scene.fork(kill_at))
    scene.fork()
    await posting
    audit = await night.settled({"default": (timedelta(seconds=1),)})
    assert audit.pages == 2
    to_ama, to_kofi = zip((sms.number for sms in scene.gateway.sent), night.texts, strict=True)
    assert to_ama == (AMA_PHONE, PLAIN)
    assert to_kofi[0] == KOFI_PHONE
    assert to_kofi[1].removeprefix("Maybe a repeat: ") == "CRITICAL disk full /ack P2"
    # Only a claim that went in the commit after which it was killed may have been in doubt.
    assert kill_at.event == "alerting.committed" or not to_kofi[1].startswith("Maybe")
    (row,) = night.books.incidents()
    (ran_at,) = (one["requested_at"] for one in night.books.requests() if one["position"] == 1)
    assert (row["position"], row["due_at"] - ran_at) == (2, 600_000_000)


ACKS = (
    ("is kept", KillAt(event="update.kept"), False),
    ("is about to be written", KillAt(statement="UPDATE incidents SET state"), False),
    ("is about to take back a page", KillAt(statement="UPDATE page_requests SET dropped"), False),
    ("is about to be committed", KillAt(statement="UPDATE inbox SET"), False),
    ("is committed", KillAt(event="update.done"), True),
)


@pytest.mark.parametrize(("when", "kill_at", "committed"), ACKS, ids=[one[0] for one in ACKS])
async def test_an_ack_holds_and_takes_back_what_is_queued_after_a_crash_when_it(
    when: str, kill_at: KillAt, committed: bool, scene: Scene
) -> None:
    """The gateway is busy for an hour: Ama's page waits. The process that hears her Ack dies."""
    night = Night(scene, oncall("10m"))
    scene.gateway.mode = Mode.BUSY_SECONDS
    scene.gateway.knobs.retry_after_s = 3600
    first = scene.fork()
    await night.fires("disk full")
    await until(lambda: night.states() == [State.QUEUED] and len(scene.gateway.calls) > 0)
    await first.kill()
    scene.gateway.mode = Mode.OK

    second = scene.fork(kill_at)
    await second.ready()
    night.says_ack("A1")
    await scene.killed(second)
    assert (night.books.incidents()[0]["state"] == "acknowledged") is committed
    third = scene.fork()
    await until(lambda: night.books.incidents()[0]["state"] == "acknowledged")
    audit = await night.settled()
    assert night.states() == [State.CANCELLED]
    assert (scene.gateway.sent, audit.acks, audit.after_ack) == ([], 1, 0)
    await third.kill()
    await scene.fork().ready()
    await night.settled()
    assert scene.gateway.sent == []


async def test_an_ack_while_the_page_is_with_the_gateway_is_not_followed_by_a_repeat(scene: Scene) -> None:
    """The process dies in the call: nobody knows what came of it, and nobody needs to."""
    night = Night(scene, oncall("10m"))
    service = scene.fork()

    async def ack_then_kill(_: object) -> None:
        night.says_ack("A1", user=KOFI)
        await until(lambda: night.books.incidents()[0]["state"] == "acknowledged")
        service.signal(signal.SIGKILL)

    scene.gateway.on_decided = ack_then_kill
    await night.fires("disk full")
    await scene.killed(service)
    scene.gateway.on_decided = None
    scene.fork()
    audit = await night.settled()
    assert night.texts == [PLAIN]
    assert night.states() == [State.UNKNOWN]
    assert (audit.unknown, audit.unknown_not_shown, audit.after_ack) == (1, 0, 0)
    await until(lambda: "acknowledged by Kofi" in scene.telegram.last_text(AMA))
