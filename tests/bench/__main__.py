"""Run it: `make bench`. Ratios are what counts; machines are noisy."""

import asyncio
import os
import platform
import statistics
from collections.abc import Callable
from datetime import UTC, datetime

from bridge import __version__
from tests.bench import alerts, gateway, outbox, service

ROUNDS = 5
DELIVERIES = 3000
RECIPIENTS = 10_000
STARTS = 3
POSTS = 2000
SURGE = 5000
PRESSES = 5


def spread(values: list[float], show: Callable[[float], str]) -> str:
    """Median, and from the least to the most."""
    return f"{show(statistics.median(values))} ({show(min(values))} to {show(max(values))})"


def whole(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")


def milliseconds(value: float) -> str:
    return f"{value * 1000:.1f} ms"


def seconds(value: float) -> str:
    return f"{value:.1f} s"


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
    await _alerts()


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


async def _alerts() -> None:
    found = [await alerts.posts(POSTS) for _ in range(STARTS)]
    percentiles = [statistics.quantiles(one.latencies_s, n=100) for one in found]
    row("alert POSTs/s, 3 new alerts each, 16 at once", spread([one.per_s for one in found], whole), "1 500 or more")
    row("their answers, p50", spread([one[49] for one in percentiles], milliseconds))
    row("their answers, p99", spread([one[98] for one in percentiles], milliseconds), "under 60 ms")
    row(f"until all {3 * POSTS} alerts are incidents", spread([one.taken_in_s for one in found], seconds))
    surge = await alerts.surge(SURGE)
    row(f"surge of {SURGE} alerts: posted in", seconds(surge.posted_s))
    row("surge: first page after", milliseconds(surge.first_page_s))
    row("surge: all are incidents, reachable by /alerts, after", seconds(surge.taken_in_s))
    row("surge: SMS in the first minute", whole(surge.sms))
    row("surge: calls to the group in the first minute", whole(surge.chat_calls), "at most 20")
    presses = sorted([one for _ in range(STARTS) for one in await alerts.ack_to_edit(PRESSES)])
    row("press of Ack to the edited card, 50 SMS queued, p50", milliseconds(statistics.median(presses)))
    row(f"press of Ack, the slowest of {len(presses)}", milliseconds(presses[-1]), "p95 under 300 ms")


asyncio.run(main())
