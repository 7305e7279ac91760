"""Alerts into the whole program as a process: POSTs a second, a surge, and how soon a press shows."""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_state import Message
from bridge.store.database import Database
from bridge.store.homes import home_of
from tests.bench.databases import count
from tests.bench.service import AMA, environment, free_port, ready
from tests.support.alerting import ONCALL, TOKEN

CONNECTIONS = 16
CHAT_CALLS = ("sendmessage", "editmessagetext")


@dataclass(frozen=True, kw_only=True)
class Posts:
    """`latencies_s` of each POST; `taken_in_s`: from the first POST until every alert was an incident."""

    per_s: float
    latencies_s: list[float]
    taken_in_s: float


@dataclass(frozen=True, kw_only=True)
class Surge:
    """`alerts` posted in `posted_s`; `first_page_s` after the first one; `chat_calls`: of the minute."""

    alerts: int
    posted_s: float
    first_page_s: float
    taken_in_s: float
    sms: int
    open: int
    chat_calls: int


@dataclass
class Scene:
    """A running service with its surroundings."""

    telegram: TelegramSandbox
    gateway: MsmpusherSandbox
    port: int
    database: Database
    chat_calls: list[float]

    async def incidents(self) -> int:
        """How many there are."""
        return await count(self.database, "incidents")


@asynccontextmanager
async def scene(url: str) -> AsyncIterator[Scene]:
    """The service as a process, with an on-call file. `url`: where its database is."""
    telegram, gateway = TelegramSandbox(), MsmpusherSandbox()
    telegram.add_user(AMA, "Ama")
    telegram.private(AMA)
    ops = telegram.add_group("Ops", [AMA])
    await telegram.start()
    await gateway.start()
    with tempfile.TemporaryDirectory(prefix="bridge-bench-") as folder:
        port, database = free_port(), home_of(url).open()
        Path(folder, "oncall.toml").write_text(ONCALL)  # noqa: ASYNC240 - before anything runs
        changed = {
            "BRIDGE_ONCALL_FILE": str(Path(folder, "oncall.toml")),
            "BRIDGE_ALERT_TOKENS": TOKEN,
            "BRIDGE_TELEGRAM_CHAT": str(ops.id),
            "BRIDGE_CONFIRM_ABOVE": "1000000",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bridge",
            "run",
            env=environment(telegram, gateway, url, port) | changed,
            cwd=Path.cwd(),
        )
        try:
            await ready(port)
            await telegram.wait_for(lambda: telegram.polled, 10)
            found = Scene(telegram, gateway, port, database, [])
            telegram.on_done = lambda method, _: (
                found.chat_calls.append(monotonic()) if method.lower() in CHAT_CALLS else None
            )
            yield found
        finally:
            process.terminate()
            await process.wait()
            await database.aclose()
            await telegram.stop()
            await gateway.stop()


def request(names: list[str]) -> bytes:
    """A POST of an Alertmanager that says that these fire."""
    now = datetime.now(UTC).isoformat()
    alerts = [
        {
            "status": "firing",
            "labels": {"alertname": name, "severity": "critical", "instance": "db1:9100", "job": "node"},
            "annotations": {"summary": name, "description": "The disk of db1 is 97 % full."},
            "startsAt": now,
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.org/graph?g0.expr=disk",
            "fingerprint": name,
        }
        for name in names
    ]
    body = json.dumps({"version": "4", "status": "firing", "receiver": "bridge", "alerts": alerts}).encode()
    head = (
        "POST /alerts/alertmanager HTTP/1.1\r\nHost: bridge\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def post_all(port: int, requests: list[bytes]) -> list[float]:
    """All of them over `CONNECTIONS` connections that are kept; the seconds of each."""
    waiting = iter(requests)
    latencies = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for raw in waiting:
            started = monotonic()
            writer.write(raw)
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 202 " not in head.split(b"\r\n", 1)[0]:
                raise RuntimeError(head.decode())
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            )
            await reader.readexactly(length)
            latencies.append(monotonic() - started)
        writer.close()

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return latencies


async def posts(url: str, requests: int) -> Posts:
    """So many POSTs of three new alerts each, as fast as they are answered."""
    async with scene(url) as here:
        await post_all(here.port, [request([f"warm {index}"]) for index in range(50)])
        before = 50
        made = [request([f"{index}-{one}" for one in "abc"]) for index in range(requests)]
        started = monotonic()
        latencies = await post_all(here.port, made)
        posted = monotonic() - started
        while await here.incidents() < before + 3 * requests:
            await asyncio.sleep(0.05)
        return Posts(per_s=requests / posted, latencies_s=latencies, taken_in_s=monotonic() - started)


async def surge(url: str, alerts: int) -> Surge:
    """So many alerts, ten a POST; then what came of them within a minute."""
    async with scene(url) as here:
        first: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        here.gateway.on_sms = lambda _: None if first.done() else first.set_result(monotonic())
        made = [request([f"probe {start + one}" for one in range(10)]) for start in range(0, alerts, 10)]
        started = monotonic()
        await post_all(here.port, made)
        posted = monotonic() - started
        while await here.incidents() < alerts:
            await asyncio.sleep(0.05)
        taken = monotonic() - started
        first_page = await first - started
        await asyncio.sleep(max(0.0, 60 - (monotonic() - started)))
        return Surge(
            alerts=alerts,
            posted_s=posted,
            first_page_s=first_page,
            taken_in_s=taken,
            sms=len(here.gateway.sent),
            open=await here.incidents(),
            chat_calls=sum(at - started < 60 for at in here.chat_calls),
        )


async def ack_to_edit(url: str, samples: int) -> list[float]:
    """From a press of Ack to the edited card, with 50 SMS queued at a gateway that takes a second for each.

    `samples`: at most 5, or the alerts become a storm.
    """
    found = []
    async with scene(url) as here:
        ops = next(chat for chat in here.telegram.world.chats.values() if chat.id < 0)
        for index in range(samples):
            await post_all(here.port, [request([f"alert {index}"])])

            def shows(*words: str, name: str = f"· alert {index}\n") -> Message | None:
                posts_there = reversed(here.telegram.from_bot(ops))
                return next(
                    (one for one in posts_there if name in one.text and all(w in one.text for w in words)), None
                )

            post = await here.telegram.wait_for(lambda: shows("next step"), 60)
            here.gateway.answer_after_s = 1.0
            numbers = ",".join(f"+23324{4000000 + 50 * index + one}" for one in range(50))
            here.telegram.say(AMA, f"/sms {numbers} Disk full on db1")
            await asyncio.sleep(0.3)
            started = monotonic()
            await here.telegram.press(here.telegram.world.users[AMA], post, "Ack")
            await here.telegram.wait_for(lambda: shows("acknowledged by"), 60)
            found.append(monotonic() - started)
            here.gateway.answer_after_s = 0.0
            await asyncio.sleep(5)  # what this one set off shall be over, and the group may be written to again
    return found
