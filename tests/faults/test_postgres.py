"""The service on PostgreSQL: killed, and with a server that goes away."""

import asyncio
import signal

import pytest

from bridge.sandbox.msmpusher import Mode
from tests.faults.scene import CREW, Scene
from tests.faults.test_random_kills import Storm
from tests.support.eventually import until
from tests.support.postgres import Server


@pytest.fixture
def scene(server_scene: Scene) -> Scene:
    return server_scene


async def test_what_was_with_the_gateway_at_a_kill_is_unknown_and_is_not_sent_again(scene: Scene) -> None:
    scene.gateway.mode = Mode.TIMEOUT_AFTER_ACCEPT
    service = scene.fork(gateway_slots="2")
    for number in range(3):
        scene.sms(f"t~{number}", user=CREW[number])
    await until(lambda: len(scene.gateway.calls) == 2 and len(scene.books.states()) == 3)
    await service.kill()
    scene.kills += 1
    scene.gateway.mode = Mode.OK
    second = scene.fork()
    report = await scene.settled()
    assert (report.unknown, report.unknown_not_shown, report.doubled, report.lost) == (2, 0, 0, 0)
    assert sorted(scene.books.states()) == ["accepted", "unknown", "unknown"]
    assert second.count("takeover.unknown") == 1


@pytest.mark.timeout(120)
async def test_killed_again_and_again_nothing_is_lost_and_nothing_sent_twice_silently(scene: Scene) -> None:
    report = await Storm(scene, 7, longest_life_s=0.6).rage(12)
    assert report.wrong == ()
    assert (report.kills, report.lost, report.doubled, report.unknown_not_shown) == (12, 0, 0, 0)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
@pytest.mark.timeout(120)
async def test_a_server_that_is_away_for_a_while_costs_nothing_but_time(
    scene: Scene, server: Server, how: signal.Signals
) -> None:
    scene.gateway.mode = Mode.SLOW
    scene.gateway.knobs.slow_s = 0.3
    service = scene.fork(gateway_slots="4")
    await service.ready()
    for number in range(6):
        scene.sms(f"t~{number}", user=CREW[number])
    await until(lambda: len(scene.gateway.calls) >= 4)
    server.stop(how)
    for number in range(6, 12):
        scene.sms(f"t~{number}", user=CREW[number])
    await service.says("store.unavailable")
    await asyncio.sleep(2)
    server.start()
    report = await scene.settled()
    assert service.exit_code is None
    assert scene.books.states() == ["accepted"] * 12
    assert (report.unknown, len(scene.gateway.calls)) == (0, 12)
