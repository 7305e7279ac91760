"""The heartbeat that goes out, to a real server, while work moves and only then."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.engine.work_loop import WorkLoop
from bridge.services.heartbeats.outgoing import EVERY_S, OutgoingHeartbeat
from bridge.store import alert_inbox, switches
from bridge.store.database import Database
from bridge.store.sqlite import SqliteDatabase
from tests.support.databases import new_database
from tests.support.eventually import until
from tests.support.manual_clock import ManualClock
from tests.support.outbox import add_message
from tests.web.listening import free_port, listening

SECRET = "very-secret-path"


@dataclass
class Monitor:
    """Whoever waits for our heartbeat: answers as it is told."""

    status: int = 200
    called: list[str] = field(default_factory=list)
    hangs: asyncio.Event | None = None

    async def answer(self, request: Request) -> Response:
        self.called.append(f"{request.method} {request.url.path}")
        if self.hangs is not None:
            await self.hangs.wait()
        headers = {"Location": "/elsewhere"} if 300 <= self.status < 400 else None
        return Response("x" * 100_000, self.status, headers)


@dataclass
class Scene:
    monitor: Monitor
    clock: ManualClock
    path: Path
    database: Database
    make: Callable[..., OutgoingHeartbeat]
    beat: OutgoingHeartbeat

    async def a_minute_passes(self) -> int:
        """The step after it; gives how often we were called in it."""
        before = len(self.monitor.called)
        self.clock.advance(EVERY_S)
        assert await self.beat.step() == EVERY_S
        return len(self.monitor.called) - before


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    monitor, clock = Monitor(), ManualClock()
    path = new_database(tmp_path)
    database = SqliteDatabase(path)

    async def try_commit() -> None:
        await database.write(partial(switches.put, name=switches.ALIVE, value="", by="", now=clock.now()))

    async with listening([Route("/{path:path}", monitor.answer)]) as port, httpx.AsyncClient(timeout=5) as client:

        def make(
            url: str = f"http://127.0.0.1:{port}/{SECRET}",
            loops: tuple[WorkLoop, ...] = (),
            commit: Callable[[], Awaitable[None]] = try_commit,
        ) -> OutgoingHeartbeat:
            return OutgoingHeartbeat(
                url=url, client=client, database=database, loops=loops, try_commit=commit, clock=clock
            )

        scene = Scene(monitor, clock, path, database, make, make())
        await scene.beat.step()
        yield scene
    await database.aclose()


async def test_it_is_called_each_minute_and_not_in_the_first_one(scene: Scene) -> None:
    assert scene.monitor.called == [], "a service that starts again and again is not well"
    assert [await scene.a_minute_passes() for _ in range(3)] == [1, 1, 1]
    assert set(scene.monitor.called) == {f"GET /{SECRET}"}


async def test_what_is_due_for_more_than_two_minutes_stops_the_calls_until_it_is_done(scene: Scene) -> None:
    await scene.database.write(lambda connection: add_message(connection, now=scene.clock.now()))
    assert [await scene.a_minute_passes() for _ in range(4)] == [1, 1, 0, 0]
    scene.beat.outcome_written()
    assert [await scene.a_minute_passes() for _ in range(3)] == [1, 1, 0], "a long queue that moves is no reason"


async def test_a_kept_alert_that_nobody_takes_in_stops_the_calls(scene: Scene) -> None:
    now = scene.clock.now()
    await scene.database.write(lambda connection: alert_inbox.keep(connection, "generic", "", b"title=x", now))
    assert [await scene.a_minute_passes() for _ in range(4)] == [1, 1, 0, 0]
    assert await scene.beat.reasons_against() == ["oldest_kept_alert_s 240"]


async def test_a_loop_that_stands_still_stops_the_calls(scene: Scene) -> None:
    stuck = asyncio.Event()

    async def step() -> float | None:
        await stuck.wait()
        return None

    loop = WorkLoop("alerting", step, scene.clock, every_s=5)
    loop.start()
    scene.beat = scene.make(loops=(loop,))
    await scene.beat.step()
    assert [await scene.a_minute_passes() for _ in range(4)] == [1, 1, 0, 0]
    assert await scene.beat.reasons_against() == ["the alerting loop stands still"]
    stuck.set()
    await loop.stop()


async def test_a_store_that_cannot_commit_stops_the_calls(scene: Scene) -> None:
    outside = sqlite3.connect(scene.path, isolation_level=None)
    outside.execute("ALTER TABLE switches RENAME TO away")
    assert await scene.a_minute_passes() == 0
    outside.execute("ALTER TABLE away RENAME TO switches")
    outside.close()
    assert await scene.a_minute_passes() == 1


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_a_call_that_fails_is_said_once_and_follows_no_redirect(
    scene: Scene, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.INFO, "bridge")
    scene.monitor.status = status
    for _ in range(3):
        await scene.a_minute_passes()
    assert [record.getMessage() for record in caplog.records] == [f"BRIDGE_HEARTBEAT_URL answers {status}"]
    assert set(scene.monitor.called) == {f"GET /{SECRET}"}
    scene.monitor.status = 204
    await scene.a_minute_passes()
    assert caplog.records[-1].getMessage() == "BRIDGE_HEARTBEAT_URL is called again"


async def test_nothing_of_the_address_is_in_the_log(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bridge")
    addresses = (f"http://127.0.0.1:{free_port()}/{SECRET}", f"http://{SECRET}.invalid/", f"https://{SECRET}:99999/")
    for url in addresses:
        scene.beat = scene.make(url)
        await scene.beat.step()
        await scene.a_minute_passes()
    assert len(caplog.records) == len(addresses)
    assert all("cannot be called" in record.getMessage() for record in caplog.records)
    assert SECRET not in caplog.text


async def test_a_call_that_hangs_is_ended_when_the_service_stops(scene: Scene) -> None:
    scene.monitor.hangs = asyncio.Event()
    stepping = asyncio.create_task(scene.a_minute_passes())
    await until(lambda: scene.monitor.called)
    scene.beat.hang_up()
    async with asyncio.timeout(2):
        await stepping
    scene.monitor.hangs.set()
    scene.beat.hang_up()
