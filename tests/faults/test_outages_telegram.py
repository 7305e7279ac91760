"""Telegram is away, refuses the token, or hands the updates to another; updates come twice, in disorder, or broken."""

import json

import httpx
import pytest

from bridge.sandbox.telegram_faults import CONFLICT, UNAUTHORIZED, Fault
from tests.faults.scene import AMA, CREW, KOFI, NUMBERS, Scene, in_process
from tests.support.eventually import until
from tests.support.manual_clock import ManualClock, later

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
    scene.sms("t~1")  # Telegram itself is well: people write, and we are out of reach
    await check_the_rest_goes_on(scene, port)
    await scene.telegram.start()
    await service.says("telegram.recovered")
    await scene.quiet()
    assert scene.books.states() == ["accepted", "accepted"]
    assert service.count("telegram.unreachable") == 1
    async with scene.client(port) as client:
        assert (await client.get("/readyz")).json()["degraded"] == {}


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
        scene.sms("t~1")
        await check_the_rest_goes_on(scene, app.port)
        clock.advance(RETRY_S)
        await said(caplog, "telegram.down", 2)
        await scene.telegram.start()
        clock.advance(RETRY_S)
        await until(lambda: scene.books.sent("t~1") == 1)
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_token_that_is_let_in_again_needs_no_restart(
    scene: Scene, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with in_process(scene, clock):
        await until(lambda: scene.telegram.calls_of("getUpdates"))
        scene.telegram.fault(UNAUTHORIZED, times=None)
        scene.sms("t~1")  # ends the poll that is open; the next is refused
        await said(caplog, "telegram.down")
        scene.sms("t~2", user=KOFI)
        scene.telegram.faults.clear()
        clock.advance(RETRY_S)
        await until(lambda: scene.books.sent("t~1") + scene.books.sent("t~2") == 2)
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
        scene.sms("t~1")
        clock.advance(RETRY_S)
        await said(caplog, "telegram.recovered")
        await until(lambda: scene.books.sent("t~1") == 1)
    assert not [record for record in caplog.records if record.exc_info]


async def test_that_another_one_polls_for_longer_is_told_in_the_chat_and_that_it_is_over(
    scene: Scene, clock: ManualClock
) -> None:
    async with in_process(scene, clock):
        await until(lambda: scene.telegram.calls_of("getUpdates"))
        remove = scene.telegram.fault(CONFLICT, method="getUpdates", times=None)
        scene.sms("t~1")  # ends the poll that is open; the next is refused
        await until(later(clock, lambda: "The bot does not hear you" in scene.telegram.last_text(AMA)))
        assert "another that polls with the same token" in scene.telegram.last_text(AMA)
        scene.sms("t~2")
        remove()
        await until(later(clock, lambda: any("hears you again" in card.text for card in scene.telegram.from_bot(AMA))))
        await until(later(clock, lambda: scene.books.sent("t~2") == 1))


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
    updates = [update(number, f"/sms {NUMBERS[0]} t~{number}", user=CREW[number]) for number in range(6)]
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
    assert sorted(sms.text for sms in scene.gateway.sent) == ["t-after", "t~0", "t~1", "t~2", "t~3", "t~4", "t~5"]


SECRET = f"/sms {NUMBERS[0]} t-secret"
POISONS: tuple[dict[str, object], ...] = (
    {"update_id": 711_000_001},
    {"update_id": 711_000_002, "telepathy": {"thought": "t-secret"}},
    {"update_id": 711_000_003, "message": {"text": "t-secret"}},
    {"update_id": 711_000_004, "message": ["t-secret"]},
    update(5, f"{SECRET} \ud83d", user=CREW[5]),  # half a surrogate pair
    update(6, SECRET, date="t-secret", user=CREW[6]),
    update(7, SECRET, date=10**15, user=CREW[7]),
    update(8, SECRET, entities=[{"type": "bot_command", "offset": 900, "length": 4}], user=CREW[8]),
    update(9, SECRET, entities=[{"type": "bot_command", "offset": -4, "length": 10**12}], user=CREW[9]),
    update(11, f"{SECRET} \x00", user=CREW[11]),
    update(12, "/status 99999999999999999999 t-secret", user=CREW[12]),
    update(13, "/cancel ²", user=CREW[13]),
)


async def test_poisonous_updates_block_nobody_and_are_not_repeated_in_the_log(scene: Scene) -> None:
    first = update(0, f"/sms {NUMBERS[0]} t-first", user=CREW[0])
    last = update(99, f"/sms {NUMBERS[0]} t-last", user=CREW[1])
    scene.telegram.fault(batch(first, *POISONS, last), method="getUpdates")
    service = scene.fork()
    await until(
        lambda: {"t-first", "t-last"} <= {sms.text for sms in scene.gateway.sent},
        otherwise=lambda: service.output[-3000:],
    )
    scene.sms("t-after", user=CREW[2])
    await scene.quiet()
    assert "t-after" in {sms.text for sms in scene.gateway.sent}
    assert "t-secret" not in service.output
    assert service.count("update.unreadable") > 0
    await service.kill()
    calls = len(scene.gateway.calls)
    await scene.fork().says("telegram.connected")
    await scene.quiet()
    assert len(scene.gateway.calls) == calls
