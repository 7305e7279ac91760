"""Telegram is away, refuses the token, or hands the updates to another; updates come twice, in disorder, or broken."""

import json

import httpx
import pytest

from bridge.sandbox.telegram_faults import UNAUTHORIZED, Fault
from tests.faults.scene import AMA, CREW, KOFI, NUMBERS, Scene, in_process
from tests.support.eventually import until
from tests.support.manual_clock import ManualClock

RETRY_S = 30
BODY = {"to": [NUMBERS[0]], "text": "t-http"}


async def check_the_rest_goes_on(scene: Scene, port: int) -> None:
    """HTTP is answered, ready with Telegram as degraded, and an SMS goes out."""
    async with scene.client(port) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["degraded"]) == (200, {"telegram": "not reached"})
        assert (await client.post("/v1/sms", json=BODY)).status_code == 202
    await until(lambda: scene.books.sent("t-http") == 1)
    await scene.state("accepted")


async def test_while_telegram_is_away_sms_go_out_and_commands_are_handled_later(scene: Scene) -> None:
    service = scene.fork()
    port = await service.ready()
    await until(lambda: scene.telegram.calls_of("getUpdates"))
    await scene.telegram.stop()
    await service.says("telegram.unreachable")
    scene.sms("t-1")  # Telegram itself is well: people write, and we are out of reach
    await check_the_rest_goes_on(scene, port)
    await scene.telegram.start()
    await service.says("telegram.recovered")
    await scene.quiet()
    assert scene.books.states() == ["accepted", "accepted"]
    assert service.count("telegram.unreachable") == 1
    async with scene.client(port) as client:
        assert (await client.get("/readyz")).json() == {"ready": True, "reasons": [], "degraded": {}}


async def test_another_poller_is_named_in_one_line_and_the_rest_goes_on(scene: Scene) -> None:
    service = scene.fork()
    port = await service.ready()
    await until(lambda: scene.telegram.calls_of("getUpdates"))
    async with httpx.AsyncClient() as other:
        await other.post(f"{scene.telegram.url}/bot{scene.telegram.token}/getUpdates", json={"timeout": 0})
    await service.says("telegram.unreachable")
    assert "hands the updates to another" in service.output
    await check_the_rest_goes_on(scene, port)
    assert service.count("telegram.unreachable") == 1


async def test_a_refused_token_is_named_in_one_line_and_the_rest_goes_on(scene: Scene) -> None:
    scene.telegram.fault(UNAUTHORIZED, times=None)
    service = scene.fork()
    port = await service.ready()
    await service.says("telegram.down")
    assert "Telegram refuses BRIDGE_TELEGRAM_TOKEN" in service.output
    await check_the_rest_goes_on(scene, port)
    assert service.count("telegram.down") == 1


# -- it recovers by itself: in this process, with a clock that a test moves


@pytest.fixture
def clock(scene: Scene) -> ManualClock:
    """The clock of the service and of Telegram."""
    made = ManualClock()
    scene.telegram.world.now = made.timestamp
    scene.telegram.world.updates._now = made.timestamp
    return made


async def said(caplog: pytest.LogCaptureFixture, event: str, count: int = 1) -> None:
    await until(lambda: [getattr(record, "event", "") for record in caplog.records].count(event) >= count)


async def test_telegram_down_at_the_start_is_asked_again_every_30_seconds(
    scene: Scene, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.telegram.stop()
    async with in_process(scene, clock) as app:
        await said(caplog, "telegram.down")
        scene.sms("t-1")
        await check_the_rest_goes_on(scene, app.port)
        clock.advance(RETRY_S)
        await said(caplog, "telegram.down", 2)
        await scene.telegram.start()
        clock.advance(RETRY_S)
        await until(lambda: scene.books.sent("t-1") == 1)
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_token_that_is_let_in_again_needs_no_restart(
    scene: Scene, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with in_process(scene, clock):
        await until(lambda: scene.telegram.calls_of("getUpdates"))
        scene.telegram.fault(UNAUTHORIZED, times=None)
        scene.sms("t-1")  # ends the poll that is open; the next is refused
        await said(caplog, "telegram.down")
        scene.sms("t-2", user=KOFI)
        scene.telegram.faults.clear()
        clock.advance(RETRY_S)
        await until(lambda: scene.books.sent("t-1") + scene.books.sent("t-2") == 2)
        await until(lambda: "accepted" in scene.telegram.last_text(KOFI))
    assert not [record for record in caplog.records if record.exc_info]


async def test_when_the_other_poller_is_gone_updates_come_here_again(
    scene: Scene, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with in_process(scene, clock):
        await until(lambda: scene.telegram.calls_of("getUpdates"))
        async with httpx.AsyncClient() as other:
            await other.post(f"{scene.telegram.url}/bot{scene.telegram.token}/getUpdates", json={"timeout": 0})
        await said(caplog, "telegram.unreachable")
        scene.sms("t-1")
        clock.advance(RETRY_S)
        await said(caplog, "telegram.recovered")
        await until(lambda: scene.books.sent("t-1") == 1)
    assert not [record for record in caplog.records if record.exc_info]


# -- strange batches


def update(number: int, text: str, *, user: int = AMA, **changes: object) -> dict[str, object]:
    """An update with a message of this person, as Telegram would write it; its id is `711000000 + number`."""
    command = text.split()[0] if text.startswith("/") else ""
    message: dict[str, object] = {
        "message_id": 5000 + number,
        "date": 2_000_000_000,
        "chat": {"id": user, "type": "private", "first_name": "Ama"},
        "from": {"id": user, "is_bot": False, "first_name": "Ama"},
        "text": text,
        "entities": [{"type": "bot_command", "offset": 0, "length": len(command)}] if command else [],
    }
    return {"update_id": 711_000_000 + number, "message": message | changes}


def batch(*updates: dict[str, object]) -> Fault:
    """What getUpdates answers, once: ids below those of the sandbox's own, so that these go on afterwards."""
    return Fault(body=json.dumps({"ok": True, "result": list(updates)}).encode())


async def test_updates_in_another_order_and_twice_are_handled_once(scene: Scene) -> None:
    updates = [update(number, f"/sms {NUMBERS[0]} t-{number}", user=CREW[number]) for number in range(6)]
    scene.telegram.fault(batch(*updates[3:], *updates[:3]), method="getUpdates")
    scene.telegram.fault(batch(*reversed(updates), updates[2]), method="getUpdates")
    first = scene.fork()
    await until(lambda: len(scene.gateway.sent) == 6)
    await scene.quiet()
    await first.kill()

    scene.telegram.fault(batch(*updates), method="getUpdates")
    second = scene.fork()
    await second.says("update.kept")
    scene.sms("t-after")
    await scene.quiet()
    assert sorted(sms.text for sms in scene.gateway.sent) == ["t-0", "t-1", "t-2", "t-3", "t-4", "t-5", "t-after"]


POISONS = {
    "no message in it": {"update_id": 711_000_001},
    "a kind from the future": {"update_id": 711_000_001, "telepathy": {"thought": "t-secret"}},
    "a message that is none": {"update_id": 711_000_001, "message": {"text": "t-secret"}},
    "a message that is a list": {"update_id": 711_000_001, "message": ["t-secret"]},
    "half a surrogate pair": update(1, f"/sms {NUMBERS[0]} t-secret \ud83d"),
    "a date that is a word": update(1, f"/sms {NUMBERS[0]} t-secret", date="t-secret"),
    "entities beyond the text": update(
        1, f"/sms {NUMBERS[0]} t-secret", entities=[{"type": "bot_command", "offset": 900, "length": 4}]
    ),
    "a year far away": update(1, f"/sms {NUMBERS[0]} t-secret", date=10**15),
    "a NUL in the text": update(1, f"/sms {NUMBERS[0]} t-secret \x00"),
}


@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS.keys())
async def test_one_poisonous_update_does_not_block_its_batch(poison: dict[str, object], scene: Scene) -> None:
    scene.telegram.fault(
        batch(update(0, f"/sms {NUMBERS[0]} t-0", user=CREW[0]), poison, update(2, f"/sms {NUMBERS[0]} t-2")),
        method="getUpdates",
    )
    service = scene.fork()
    await until(
        lambda: {"t-0", "t-2"} <= {sms.text for sms in scene.gateway.sent}, otherwise=lambda: service.output[-3000:]
    )
    scene.sms("t-3")
    await scene.quiet()
    assert service.exit_code is None
    assert "t-secret" not in service.output
    assert len(scene.gateway.sent) in (3, 4)
