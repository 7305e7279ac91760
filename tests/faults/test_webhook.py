"""Killed between Telegram's request and the handling of its update, started again: nothing lost, nothing doubled."""

import pytest

from tests.faults.launcher import KillAt
from tests.faults.replicas import Replicas, port_of
from tests.faults.scene import CREW, KOFI, NUMBERS, Scene
from tests.faults.test_crash_points import AFTER_A_CRASH
from tests.support.eventually import until

HERE = "https://pager.example.org"
BY_WEBHOOK = {"public_url": HERE, "telegram_receive": "webhook"}


@pytest.fixture
def behind_a_proxy(scene: Scene) -> None:
    """What Telegram brings goes to the process that lives."""
    scene.telegram.deliveries.resolve = lambda url: to_any(scene, url)


def to_any(scene: Scene, url: str) -> str:
    ports = [port for one in scene.services if (port := port_of(one)) is not None]
    return url.replace(HERE, f"http://127.0.0.1:{ports[-1]}") if ports else url


POINTS = {
    "it is received": KillAt(event="update.received"),
    "it is written and not committed": KillAt(statement="INSERT INTO inbox"),
    "it is kept, and neither answered nor handled": KillAt(event="update.kept"),
    "its message is written and not committed": KillAt(event="message.written"),
    "it is done": KillAt(event="update.done"),
    "an attempt is claimed": KillAt(event="attempt.claimed"),
}


@pytest.mark.parametrize("kill_at", POINTS.values(), ids=POINTS)
async def test_nothing_is_lost_or_doubled_by_a_crash_when(scene: Scene, behind_a_proxy: None, kill_at: KillAt) -> None:
    service = scene.fork(kill_at, **BY_WEBHOOK)
    await service.ready()
    await until(lambda: scene.telegram.world.webhook)
    scene.sms("t~1")
    await scene.killed(service)
    before = scene.books.states()
    scene.fork(**BY_WEBHOOK)
    await scene.settled()
    assert scene.books.states() == [AFTER_A_CRASH[state] for state in before or ["queued"]]
    assert scene.books.sent("t~1") == (0 if before == ["sending"] else 1)


async def test_while_the_database_is_locked_telegram_waits_and_brings_all_of_it_again(
    scene: Scene, behind_a_proxy: None
) -> None:
    service = scene.fork(**BY_WEBHOOK)
    await service.ready()
    await until(lambda: scene.telegram.world.webhook)
    scene.lock_database()
    for number in range(3):
        scene.sms(f"t~{number}", user=CREW[number])
    await until(lambda: scene.telegram.world.webhook_error, timeout_s=20)
    assert "503" in scene.telegram.world.webhook_error[1]  # type: ignore[index]
    assert len(scene.telegram.unconfirmed_updates) == 3
    scene.unlock_database()
    await scene.settled()
    assert len(scene.gateway.sent) == 3


async def test_three_processes_take_what_one_handles_and_repeats_to_others_change_nothing(server_scene: Scene) -> None:
    """Each update goes to any of three, some of them twice; the one that handles them is killed in the middle."""
    scene = server_scene
    replicas = Replicas(scene, **BY_WEBHOOK)
    scene.telegram.deliveries.resolve = lambda url: url.replace(HERE, f"http://127.0.0.1:{replicas.port() or 9}")
    await replicas.ready()
    await until(lambda: scene.telegram.world.webhook)
    scene.telegram.deliveries.loses = 6
    for number in range(12):
        scene.sms(f"t~{number}", user=CREW[number], to=[NUMBERS[number]])
    leader = await replicas.leading()
    await until(lambda: scene.books.kept())
    await replicas.kill(leader)
    for number in range(12, 18):
        scene.sms(f"t~{number}", user=CREW[number], to=[NUMBERS[number]])
    await scene.quiet(40)
    report = scene.report()
    assert (report.lost, report.doubled, report.unknown_not_shown) == (0, 0, 0)
    assert len(scene.books.deliveries()) == 18
    assert scene.telegram.deliveries.loses == 0


async def test_another_program_s_secret_makes_telegram_be_refused_until_ours_is_set(
    scene: Scene, behind_a_proxy: None
) -> None:
    service = scene.fork(**BY_WEBHOOK, telegram_webhook_secret="the-first-of-two-secrets")
    await service.ready()
    await until(lambda: scene.telegram.world.webhook)
    await service.kill()
    scene.sms("t~1", user=KOFI)
    scene.fork(**BY_WEBHOOK, telegram_webhook_secret="the-second-of-two-secrets")
    await scene.settled()
    assert scene.books.sent("t~1") == 1
    assert "of-two-secrets" not in "".join(one.output for one in scene.services)
