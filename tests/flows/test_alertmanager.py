"""A real Alertmanager fires and resolves against the running service, in real time."""

import asyncio
import re
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bridge import settings
from bridge.app import App
from bridge.domain.incident import IncidentState
from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_limits import NO_LIMITS
from bridge.store import heartbeats, incidents
from bridge.store.incidents import Incident
from tests.support.alerting import AMA, ONCALL, TOKEN
from tests.support.eventually import until
from tests.support.team import environment
from tests.web.listening import free_port

ALERTMANAGER, AMTOOL = shutil.which("prometheus-alertmanager"), shutil.which("amtool")

pytestmark = pytest.mark.skipif(
    not (ALERTMANAGER and AMTOOL), reason="needs Debian's prometheus-alertmanager, with amtool"
)

WATCHDOG = '[heartbeats.watchdog]\nevery = "1m"\ngrace = "1m"\npolicy = "default"\ntoken = "watchdogs-own"\n'

CONFIG = """
route:
  receiver: bridge
  group_by: [alertname]
  group_wait: 100ms
  group_interval: 1s
  repeat_interval: 1h
  routes:
    - matchers: ['alertname = "Watchdog"']
      receiver: heartbeat
      repeat_interval: 1s
receivers:
  - name: bridge
    webhook_configs:
      - url: http://127.0.0.1:{port}/alerts/alertmanager
        http_config: {{authorization: {{credentials: {token}}}}}
  - name: heartbeat
    webhook_configs:
      - url: http://127.0.0.1:{port}/heartbeats/watchdog?token=watchdogs-own
"""


@dataclass
class Scene:
    """A service that can be stopped, and an Alertmanager that posts to its port."""

    folder: Path
    port: int
    alertmanager: str
    telegram: TelegramSandbox
    gateway: MsmpusherSandbox
    running: list[App] = field(default_factory=list)

    @property
    def app(self) -> App:
        return self.running[-1]

    async def start(self) -> None:
        """The service begins."""
        changes = {"BRIDGE_PORT": str(self.port), "BRIDGE_ONCALL_FILE": str(self.folder / "oncall.toml")}
        values = environment(self.telegram, self.gateway, self.folder) | changes
        found = settings.load(values, need=settings.TELEGRAM + settings.GATEWAY, env_file=self.folder / "none")
        app = App(found)
        await app.start()
        self.running.append(app)

    async def fires(self, *labels: str) -> None:
        """As a person does it at the command line; the first label is the alert's name."""
        assert AMTOOL
        adding = await asyncio.create_subprocess_exec(
            AMTOOL, f"--alertmanager.url={self.alertmanager}", "alert", "add", *labels, "--annotation=summary=Disk full"
        )
        assert await adding.wait() == 0

    async def resolves(self, **labels: str) -> None:
        """It ends now."""
        alert = {"labels": labels, "endsAt": datetime.now(UTC).isoformat()}
        async with httpx.AsyncClient(base_url=self.alertmanager) as client:
            (await client.post("/api/v2/alerts", json=[alert])).raise_for_status()

    async def notified(self) -> int:
        """How many notifications Alertmanager has delivered, as it says itself."""
        async with httpx.AsyncClient(base_url=self.alertmanager) as client:
            text = (await client.get("/metrics")).text
        requests, failed = (
            re.search(rf'^alertmanager_notification_requests_{name}total{{integration="webhook"}} (\d+)', text, re.M)
            for name in ("", "failed_")
        )
        assert requests
        assert failed
        return int(requests[1]) - int(failed[1])

    async def incidents(self) -> list[Incident]:
        return await self.app.database.read(lambda connection: incidents.of_ids(connection, range(100)))

    async def pings(self) -> int:
        armed = await self.app.database.read(heartbeats.armed)
        return armed["watchdog"].pings

    async def becomes(self, *states: IncidentState) -> list[Incident]:
        """The incidents, once they are in these states."""

        async def are_so() -> bool:
            return [one.state for one in await self.incidents()] == list(states)

        await soon(are_so)
        return await self.incidents()


async def soon(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return once it holds: other programs are looked at, so it is asked again and again."""
    async with asyncio.timeout(30):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def alertmanager(folder: Path, posts_to: int) -> AsyncIterator[str]:
    """Its address."""
    config, port = folder / "alertmanager.yml", free_port()
    config.write_text(CONFIG.format(port=posts_to, token=TOKEN))
    url = f"http://127.0.0.1:{port}"
    assert ALERTMANAGER
    with (folder / "alertmanager.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
            [
                ALERTMANAGER,
                f"--config.file={config}",
                f"--storage.path={folder / 'alertmanager'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
            ],
            stdout=log,
            stderr=log,
        )
    try:

        async def ready() -> bool:
            assert process.poll() is None, (folder / "alertmanager.log").read_text()
            async with httpx.AsyncClient() as client:
                try:
                    return (await client.get(f"{url}/-/ready")).is_success
                except httpx.HTTPError:
                    return False

        await soon(ready)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    telegram, gateway = TelegramSandbox(limits=NO_LIMITS), MsmpusherSandbox()
    telegram.add_user(111111111, "Ama")
    (tmp_path / "oncall.toml").write_text(ONCALL + WATCHDOG)
    await telegram.start()
    await gateway.start()
    port = free_port()
    async with alertmanager(tmp_path, port) as url:
        scene = Scene(tmp_path, port, url, telegram, gateway)
        yield scene
        if scene.running:
            await scene.app.stop()
    await telegram.stop()
    await gateway.stop()


async def an_sms(scene: Scene, count: int = 1) -> list[str]:
    """The texts that reached Ama's phone, once there are so many."""
    return await until(
        lambda: len(scene.gateway.sent) >= count and [sms.text for sms in scene.gateway.sent if sms.number == AMA],
        timeout_s=30,
    )


async def test_what_fires_pages_and_what_is_resolved_ends(scene: Scene) -> None:
    await scene.start()
    await scene.fires("disk_full", "severity=critical", "instance=db1")
    assert await an_sms(scene) == ["CRITICAL Disk full (now) /ack P1"]
    (incident,) = await scene.becomes(IncidentState.OPEN)
    assert (incident.source, incident.title) == ("alertmanager", "Disk full")
    assert dict(incident.labels) == {"alertname": "disk_full", "severity": "critical", "instance": "db1"}
    await scene.resolves(alertname="disk_full", severity="critical", instance="db1")
    (incident,) = await scene.becomes(IncidentState.RESOLVED)
    assert incident.resolved_by == "alertmanager"
    await scene.fires("disk_full", "severity=critical", "instance=db1")
    await scene.becomes(IncidentState.RESOLVED, IncidentState.OPEN)


async def test_while_the_store_is_locked_it_tries_again_and_nothing_is_lost(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.start()
    outside = sqlite3.connect(scene.folder / "bridge.db", isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")
    await scene.fires("disk_full", "severity=critical")

    def refused() -> int:
        return sum("was not kept: database" in record.getMessage() for record in caplog.records)

    await until(refused, timeout_s=30)
    assert await scene.incidents() == []
    assert await scene.notified() == 0
    outside.close()
    assert await an_sms(scene) == ["CRITICAL Disk full (now) /ack P1"]
    await scene.becomes(IncidentState.OPEN)
    assert await scene.notified() == 1


async def test_what_fired_while_no_service_ran_arrives_when_it_starts(scene: Scene) -> None:
    await scene.fires("disk_full", "severity=critical")
    await scene.fires("Other", "severity=info")
    await scene.start()
    assert await an_sms(scene) == ["CRITICAL Disk full (now) /ack P1"]
    assert {one.labels["alertname"] for one in await scene.becomes(*[IncidentState.OPEN] * 2)} == {"disk_full", "Other"}


async def test_its_watchdog_drives_a_heartbeat_until_it_is_resolved(scene: Scene) -> None:
    await scene.start()
    await scene.fires("Watchdog")

    async def pinged_again() -> bool:
        return await scene.pings() >= 2

    async def notified_of_the_end() -> bool:
        # Each notification was a ping; the one about its end is the first that is none.
        return await scene.notified() > await scene.pings()

    await soon(pinged_again)
    await scene.resolves(alertname="Watchdog")
    await soon(notified_of_the_end)
    assert await scene.notified() == await scene.pings() + 1
    assert await scene.incidents() == []
