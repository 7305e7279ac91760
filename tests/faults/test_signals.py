"""SIGTERM and SIGINT: nothing more is claimed, calls under way may end, the rest is written down as unknown."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from bridge.sandbox.msmpusher import Mode
from bridge.sandbox.telegram_faults import HANG
from tests.faults.scene import AMA, CREW, NUMBERS, Scene
from tests.support.eventually import until
from tests.support.service import Service

LIMIT_S = 9


async def stopped(service: Service, *signals: signal.Signals) -> float:
    """Send the signals; it must end with 0. Gives the seconds that took."""
    started = time.monotonic()
    for number in signals:
        service.signal(number)
    assert await service.gone(timeout_s=LIMIT_S + 3) == 0, service.output[-2000:]
    return time.monotonic() - started


@pytest.mark.parametrize(
    "signals",
    [(signal.SIGTERM,), (signal.SIGINT,), (signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM)],
    ids=lambda signals: " ".join(one.name for one in signals),
)
async def test_an_idle_service_ends_at_once_and_says_so(signals: tuple[signal.Signals, ...], scene: Scene) -> None:
    service = scene.start() if signals == (signal.SIGTERM,) else scene.fork()
    await service.says("telegram.connected")
    assert await stopped(service, *signals) < 4
    assert service.count("app.stopped") == 1


async def test_a_call_under_way_may_end_and_nothing_more_is_claimed(scene: Scene) -> None:
    scene.gateway.mode = Mode.SLOW
    scene.gateway.knobs.slow_s = 1
    service = scene.fork(gateway_slots="1")
    for number in range(3):
        scene.sms(f"t~{number}", user=CREW[number])
    await until(lambda: len(scene.gateway.calls) == 1 and len(scene.books.states()) == 3)
    assert await stopped(service, signal.SIGTERM, signal.SIGTERM) < 5
    assert scene.books.states() == ["accepted", "queued", "queued"]
    assert len(scene.gateway.calls) == 1

    scene.gateway.mode = Mode.OK
    scene.fork()
    report = await scene.settled()
    assert (report.unknown, len(scene.gateway.calls)) == (0, 3)


async def test_killed_in_the_wait_after_sigterm_the_call_is_unknown(scene: Scene) -> None:
    scene.gateway.next_modes.append(Mode.TIMEOUT_AFTER_ACCEPT)
    service = scene.fork()
    scene.sms("t~1")
    await until(lambda: len(scene.gateway.sent) == 1)
    service.signal(signal.SIGTERM)
    await service.says("app.stopping")
    service.signal(signal.SIGKILL)
    await scene.killed(service)
    scene.fork()
    report = await scene.settled()
    assert (report.unknown, len(scene.gateway.calls)) == (1, 1)


async def test_sigterm_while_it_starts_leaves_a_database_that_starts_again(scene: Scene) -> None:
    scene.sms("t~1")
    for wait_s in (0.0, 0.02, 0.05, 0.1, 0.15, 0.2):
        service = scene.fork()
        over = time.monotonic() + wait_s  # some moment of the start: which one differs from machine to machine
        await until(lambda over=over: time.monotonic() > over)
        service.signal(signal.SIGTERM)
        # Before its first line it has promised nothing and dies of the signal.
        assert await service.gone() in (0, -signal.SIGTERM), service.output
    scene.fork()
    report = await scene.settled()
    assert report.unknown == 0


async def test_what_answered_202_during_a_stop_is_kept(scene: Scene) -> None:
    service = scene.fork()
    async with scene.client(await service.ready()) as client:

        async def post(number: int) -> int | None:
            text = f"t~{number}"
            try:
                answer = await client.post("/v1/sms", json={"to": [NUMBERS[0]], "text": text})
            except httpx.TransportError:
                return None
            if answer.status_code == 202:
                scene.commands[text] = 1
            return answer.status_code

        posts = [asyncio.ensure_future(post(number)) for number in range(40)]
        await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
        service.signal(signal.SIGTERM)
        answers = await asyncio.gather(*posts)
    assert await service.gone() == 0
    assert set(answers) <= {202, 503, None}
    kept = {row["text"] for row in scene.books.rows("SELECT text FROM messages")}
    assert set(scene.commands) <= kept


# What may hang while it stops, beside the gateway.
async def nothing_else(_: Scene) -> None:
    pass


async def telegram_hangs(scene: Scene) -> None:
    scene.telegram.fault(HANG, times=None)


async def database_is_locked(scene: Scene) -> None:
    scene.lock_database()


Trouble = Callable[[Scene], Awaitable[None]]


async def stop_in_trouble(folder: Path, trouble: Trouble) -> tuple[float, list[str]]:
    """A call hangs, and this trouble besides: gives the seconds until exit 0, and the states in the database then."""
    scene = Scene(folder)
    await scene.open()
    try:
        scene.gateway.mode = Mode.TIMEOUT_AFTER_ACCEPT
        service = scene.fork(gateway_timeout_s="60")
        scene.sms("t~1", to=NUMBERS[:2])
        await until(lambda: len(scene.gateway.sent) == 2)
        await trouble(scene)
        scene.telegram.say(AMA, "/help")  # something to show, and to write
        took_s = await stopped(service, signal.SIGTERM)
        states = scene.books.states()
        scene.unlock_database()
        scene.telegram.faults.clear()
        scene.fork()
        report = await scene.settled()
        assert report.unknown == 2
    finally:
        await scene.close()
    scene.check_logs()
    return took_s, states


async def test_a_stop_is_over_within_nine_seconds_whatever_hangs(tmp_path: Path) -> None:
    """Side by side, because each takes its seven seconds."""
    troubles: tuple[Trouble, ...] = (nothing_else, telegram_hangs, database_is_locked)
    found = await asyncio.gather(*(stop_in_trouble(tmp_path / trouble.__name__, trouble) for trouble in troubles))
    took = {trouble.__name__: round(took_s, 1) for trouble, (took_s, _) in zip(troubles, found, strict=True)}
    assert all(6.5 < took_s < LIMIT_S for took_s in took.values()), took
    assert [states for _, states in found] == [["unknown"] * 2, ["unknown"] * 2, ["sending"] * 2]
