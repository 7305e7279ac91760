"""Run it: `make bench`. Ratios are what counts; machines are noisy."""

import asyncio
import os
import platform
import statistics
from collections.abc import Callable
from datetime import UTC, datetime

from bridge import __version__
from tests.bench import gateway, outbox, service

ROUNDS = 5
DELIVERIES = 3000
RECIPIENTS = 10_000
STARTS = 3


def spread(values: list[float], show: Callable[[float], str]) -> str:
    """Median, and from the least to the most."""
    return f"{show(statistics.median(values))} ({show(min(values))} to {show(max(values))})"


def whole(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")


def milliseconds(value: float) -> str:
    return f"{value * 1000:.1f} ms"


def row(what: str, found: str, goal: str = "") -> None:
    print(f"| {what} | {found} | {goal} |", flush=True)


async def main() -> None:
    """Everything, as one table in Markdown."""
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, bridge {__version__}, "
        f"Python {platform.python_version()}, {os.cpu_count()} cores"
    )
    print("Median of the rounds (least to most).\n")
    row("measure", "found", "to reach")
    row("---", "---", "---")
    with gateway.running() as url:
        await _outbox(url)
    await _service()


async def _outbox(url: str) -> None:
    await outbox.raw(url, 200)
    raws, ours, ratios, many, lists = [], [], [], [], []
    for _ in range(ROUNDS):
        raw = (await outbox.raw(url, DELIVERIES)).per_s
        own = (await outbox.deliveries(url, DELIVERIES, 10)).per_s
        raws.append(raw)
        ours.append(own)
        ratios.append(own / raw)
        lists.append((await outbox.recipients(url, RECIPIENTS)).per_s)
        many.append((await outbox.reading(RECIPIENTS)).per_s)
    row(f"raw httpx loop, {outbox.SLOTS} clients with a connection each, calls/s", spread(raws, whole), "the limit")
    row(f"deliveries/s, one number a call, durable, {outbox.SLOTS} slots", spread(ours, whole))
    row("ratio of the two, round by round", spread(ratios, lambda value: f"{value:.2f}"), "0.7 or more")
    row(f"recipients/s, one message to {RECIPIENTS} numbers, batch 100", spread(lists, whole), "12 000 or more")
    row("reading and checking numbers of such a request, numbers/s", spread(many, whole), "beside it")


async def _service() -> None:
    found = [await service.measure(200, 1000) for _ in range(STARTS)]
    latencies = [statistics.quantiles(one.latencies_s, n=100) for one in found]
    row("update to gateway request, idle, p50", spread([one[49] for one in latencies], milliseconds))
    row("update to gateway request, idle, p95", spread([one[94] for one in latencies], milliseconds), "under 15 ms")
    row("commands/s accepted from a backlog of 1000", spread([one.commands_per_s for one in found], whole))
    row("start to ready", spread([one.ready_s for one in found], lambda value: f"{value:.2f} s"), "under 1.5 s")
    row("memory, idle", spread([one.idle_mb for one in found], lambda value: f"{value:.0f} MB"), "under 100 MB")
    row("memory, the most under load", spread([one.loaded_mb for one in found], lambda value: f"{value:.0f} MB"))


asyncio.run(main())
