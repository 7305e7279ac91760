"""The whole program as a process, against the sandbox: latency, commands, start, memory."""

import asyncio
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import httpx

from bridge.sandbox.msmpusher import Call, MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_limits import NO_LIMITS
from bridge.store.database import Database
from bridge.store.homes import home_of
from tests.bench.databases import count

AMA = 111111111


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Seconds and MB."""

    ready_s: float
    latencies_s: list[float]
    commands_per_s: float
    idle_mb: float
    loaded_mb: float


def megabytes(pid: int, field: str) -> float:
    """`VmRSS` (now) or `VmHWM` (the most so far) of a process; only Linux tells."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


async def measure(url: str, samples: int, commands: int) -> Measured:
    """Start the service, ask it `samples` times one at a time, then give it `commands` at once.

    `url`: where its database will be, or is.
    """
    telegram, gateway = TelegramSandbox(limits=NO_LIMITS), MsmpusherSandbox()
    telegram.add_user(AMA, "Ama")
    telegram.private(AMA)
    await telegram.start()
    await gateway.start()
    port = free_port()
    started = monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", "run", env=environment(telegram, gateway, url, port), cwd=Path.cwd()
    )
    try:
        await ready(port)
        ready_s = monotonic() - started
        await telegram.wait_for(lambda: telegram.polled, 10)
        await _latencies(telegram, gateway, 5)  # the first ones meet cold caches
        idle_mb = megabytes(process.pid, "VmRSS")
        latencies = await _latencies(telegram, gateway, samples)
        database = home_of(url).open()
        per_s = await _commands(telegram, database, commands)
        await database.aclose()
        return Measured(
            ready_s=ready_s,
            latencies_s=latencies,
            commands_per_s=per_s,
            idle_mb=idle_mb,
            loaded_mb=megabytes(process.pid, "VmHWM"),
        )
    finally:
        process.terminate()
        await process.wait()
        await telegram.stop()
        await gateway.stop()


def environment(telegram: TelegramSandbox, gateway: MsmpusherSandbox, url: str, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "BRIDGE_TELEGRAM_TOKEN": telegram.token,
        "BRIDGE_TELEGRAM_API_URL": telegram.url,
        "BRIDGE_TELEGRAM_ADMINS": str(AMA),
        "BRIDGE_MSMPUSHER_URL": gateway.url,
        "BRIDGE_MSMPUSHER_PRIVATE_KEY": gateway.private_key,
        "BRIDGE_MSMPUSHER_PUBLIC_KEY": gateway.public_key,
        "BRIDGE_MSMPUSHER_SENDER": "OPS",
        "BRIDGE_DAILY_LIMIT": "0",
        "BRIDGE_DAILY_LIMIT_ALL": "0",
        "BRIDGE_DATABASE_URL": url,
        "BRIDGE_PORT": str(port),
        "BRIDGE_LOG_LEVEL": "WARNING",
    }


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def ready(port: int) -> None:
    async with httpx.AsyncClient() as client:
        while True:
            try:
                if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.005)


async def _latencies(telegram: TelegramSandbox, gateway: MsmpusherSandbox, samples: int) -> list[float]:
    """From an update that Telegram has to the request that the gateway has, one at a time."""
    found = []
    for index in range(samples):
        arrived: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        def note(_call: Call, arrived: asyncio.Future[float] = arrived) -> None:
            arrived.set_result(monotonic())

        gateway.on_request = note
        said = monotonic()
        telegram.say(AMA, f"/sms +23324{2000000 + index} Disk full on db1")
        found.append(await arrived - said)
        await asyncio.sleep(0.05)  # idle: what this one set off shall be over
    gateway.on_request = None
    return found


async def _commands(telegram: TelegramSandbox, database: Database, commands: int) -> float:
    """Commands a second until all of a backlog are committed as messages, while they are sent."""
    before = await count(database, "messages")
    started = monotonic()
    for index in range(commands):
        telegram.say(AMA, f"/sms +23324{3000000 + index} Disk full on db1")
    while await count(database, "messages") - before < commands:
        await asyncio.sleep(0.01)
    return commands / (monotonic() - started)
