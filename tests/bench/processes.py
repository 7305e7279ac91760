"""Several processes on one PostgreSQL against one: a gateway that takes its time, few slots in each."""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic

from bridge.sandbox.telegram import TelegramSandbox
from tests.bench.databases import count
from tests.bench.outbox import Rate, environment, numbers, opened, put
from tests.bench.service import free_port, ready

SLOTS = 8
ACCEPTED = "deliveries WHERE state = 'accepted'"


async def deliveries(gateway: str, url: str, processes: int, amount: int) -> Rate:
    """`amount` deliveries, one number a call, by so many processes of `SLOTS` slots each, all of them ready before."""
    async with AsyncExitStack() as stack:
        telegram = TelegramSandbox()
        await stack.enter_async_context(telegram)
        for _ in range(processes):
            port = free_port()
            changed = {
                "BRIDGE_TELEGRAM_TOKEN": telegram.token,
                "BRIDGE_TELEGRAM_API_URL": telegram.url,
                "BRIDGE_PORT": str(port),
                "BRIDGE_LOG_LEVEL": "WARNING",
            }
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bridge", "run", env=environment(gateway, url, 1, SLOTS) | changed, cwd=Path.cwd()
            )
            stack.push_async_callback(_ended, process)
            await ready(port)
        database, found = await stack.enter_async_context(opened(gateway, url, 1))
        started = monotonic()
        await put(database, found, numbers(amount))
        while await count(database, ACCEPTED) < amount:
            await asyncio.sleep(0.05)
        return Rate(count=amount, seconds=monotonic() - started)


async def _ended(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    await process.wait()
