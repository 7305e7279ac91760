import asyncio
import sqlite3
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import httpx

from bridge.app import App
from bridge.clock import SystemClock
from bridge.domain.errors import StoreUnavailable
from bridge.engine.work_loop import WorkLoop
from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from bridge.web.health import LOOP_LIMIT, Health
from bridge.web.server import web_app
from tests.support.manual_clock import ManualClock
from tests.support.outbox import add_message
from tests.web.service import start_app


async def get(app: App, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{app.port}") as client:
        return await client.get(path)


async def test_a_service_that_works_is_ready_and_nothing_is_degraded(
    telegram: TelegramSandbox, gateway: MsmpusherSandbox, tmp_path: Path
) -> None:
    app = await start_app(telegram, gateway, ManualClock(), tmp_path)
    await telegram.wait_for(lambda: telegram.calls and app.leader.telegram.reached)
    answer = await get(app, "/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"ready": True, "role": "leader", "reasons": [], "degraded": {}},
    )
    assert (await get(app, "/healthz")).text == "ok\n"
    await app.stop()


async def test_without_telegram_it_is_ready_and_says_that_it_is_degraded(
    telegram: TelegramSandbox, gateway: MsmpusherSandbox, tmp_path: Path
) -> None:
    await telegram.stop()
    app = await start_app(telegram, gateway, ManualClock(), tmp_path)
    answer = await get(app, "/readyz")
    assert (answer.status_code, answer.json()["degraded"]) == (200, {"telegram": "not reached"})
    await app.stop()


async def test_what_waits_too_long_is_degraded(
    telegram: TelegramSandbox, gateway: MsmpusherSandbox, tmp_path: Path
) -> None:
    clock = ManualClock()
    app = await start_app(telegram, gateway, clock, tmp_path)
    await app.replica.outbox.loop.stop()
    await app.database.write(lambda connection: add_message(connection, now=clock.now()))
    clock.advance(10)
    assert "oldest_due_delivery_s" not in (await get(app, "/readyz")).json()["degraded"]
    clock.advance(2)
    assert (await get(app, "/readyz")).json()["degraded"]["oldest_due_delivery_s"] == 12
    await app.stop()


async def test_while_the_store_cannot_commit_it_is_not_ready_and_then_again(
    telegram: TelegramSandbox, gateway: MsmpusherSandbox, tmp_path: Path
) -> None:
    app = await start_app(telegram, gateway, SystemClock(), tmp_path)
    outside = sqlite3.connect(tmp_path / "bridge.db", isolation_level=None)
    outside.execute("ALTER TABLE switches RENAME TO away")
    answer = await get(app, "/readyz")
    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert answer.json()["reasons"] == ["database: it has no tables of bridge"]
    assert (await get(app, "/healthz")).status_code == 200
    outside.execute("ALTER TABLE away RENAME TO switches")
    outside.close()
    assert (await get(app, "/readyz")).status_code == 200
    await app.stop()


async def nothing() -> Mapping[str, object]:
    return {}


class Asked:
    """A `Health` of its own, over ASGI."""

    def __init__(self, **parts: object) -> None:
        self.clock = ManualClock()
        given = {"clock": self.clock, "loops": list, "try_commit": nothing, "degraded": nothing, "role": str} | parts
        health = Health(**given)  # type: ignore[arg-type]
        self._transport = httpx.ASGITransport(web_app(health.routes()))

    async def readyz(self) -> httpx.Response:
        async with httpx.AsyncClient(transport=self._transport, base_url="http://bridge") as client:
            return await client.get("/readyz")


async def test_a_loop_that_stands_still_makes_it_not_ready() -> None:
    stuck, clock = asyncio.Event(), ManualClock()

    async def step() -> float | None:
        await stuck.wait()
        return None

    loop = WorkLoop("delivery", step, clock, every_s=5)
    asked = Asked(clock=clock, loops=lambda: (loop,))
    assert (await asked.readyz()).status_code == 200, "it was not asked to turn"
    loop.start()
    clock.advance(LOOP_LIMIT.total_seconds())
    assert (await asked.readyz()).status_code == 200
    clock.advance(0.001)
    answer = await asked.readyz()
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["the delivery loop stands still"])
    stuck.set()
    await loop.stop()


async def test_a_loop_whose_steps_fail_stands_still() -> None:
    clock = ManualClock()

    async def step() -> float | None:
        raise StoreUnavailable("database: the disk is full")

    loop = WorkLoop("delivery", step, clock, every_s=5)
    loop.start()
    await asyncio.sleep(0)
    clock.advance(LOOP_LIMIT.total_seconds() + 1)
    assert not loop.is_turning(clock.now(), LOOP_LIMIT)
    assert loop.is_turning(clock.now(), LOOP_LIMIT + timedelta(seconds=2))
    stopping = asyncio.create_task(loop.stop())
    while not stopping.done():
        clock.advance(1)
        await asyncio.sleep(0)


async def test_a_store_that_only_cannot_be_read_makes_it_not_ready() -> None:
    async def unreadable() -> Mapping[str, object]:
        raise StoreUnavailable("database: it is damaged")

    answer = await Asked(degraded=unreadable).readyz()
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["database: it is damaged"])
