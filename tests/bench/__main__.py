"""Run it: `make bench`. Ratios are what counts; machines are noisy.

Alone, parts by name: `python -m tests.bench --only outbox alerts --on SQLite`. With `--write` the table goes to
docs/performance.md.
"""

import argparse
import asyncio
import os
import platform
import statistics
from datetime import UTC, datetime
from pathlib import Path

from bridge import __version__
from tests.bench import alerts, gateway, outbox, processes, service
from tests.bench.databases import KINDS, NewUrl, migrated
from tests.bench.table import Table, megabytes, milliseconds, ratio, seconds, whole

PAGE = Path("docs/performance.md")
BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->\n"

ROUNDS = 5
DELIVERIES = 3000
RECIPIENTS = 10_000
STARTS = 3
POSTS = 2000
SURGE = 5000
PRESSES = 5
BACKLOGS = 1000, 1_000_000
SHARED = 400


async def measure_outbox(table: Table, where: str, new_url: NewUrl) -> None:
    """Deliveries and recipients, by the delivering half alone."""
    raws, ours, ratios, many, lists = [], [], [], [], []
    with gateway.running() as called:
        await outbox.raw(called, 200)
        for _ in range(ROUNDS):
            raws.append((await outbox.raw(called, DELIVERIES)).per_s)
            async with migrated(new_url) as url:
                ours.append((await outbox.deliveries(called, url, DELIVERIES, 10)).per_s)
            ratios.append(ours[-1] / raws[-1])
            async with migrated(new_url) as url:
                lists.append((await outbox.recipients(called, url, RECIPIENTS)).per_s)
            many.append((await outbox.reading(RECIPIENTS)).per_s)
    table.add(
        f"raw httpx loop, {outbox.SLOTS} clients with a connection each, calls/s", where, raws, whole, "the limit"
    )
    table.add(f"deliveries/s, one number a call, durable, {outbox.SLOTS} slots", where, ours, whole)
    table.add("ratio of the two, round by round", where, ratios, ratio, "SQLite 0.8, PostgreSQL 0.35")
    table.add(f"recipients/s, one message to {RECIPIENTS} numbers, batch 100", where, lists, whole, "18 000")
    table.add("reading and checking numbers of such a request, numbers/s", where, many, whole)


async def measure_backlog(table: Table, where: str, new_url: NewUrl) -> None:
    """Whether what waits makes what leaves dearer."""
    rates = []
    with gateway.running() as called:
        for backlog in BACKLOGS:
            async with migrated(new_url) as url:
                rates.append((await outbox.from_backlog(called, url, backlog, DELIVERIES)).per_s)
            table.add(f"deliveries/s while {whole(backlog)} rows wait", where, rates[-1:], whole)
    table.add("ratio of the two", where, [rates[1] / rates[0]], ratio, "0.8")


async def measure_service(table: Table, where: str, new_url: NewUrl) -> None:
    """The whole program: how soon, how fast, how large."""
    found = []
    for _ in range(STARTS):
        async with migrated(new_url) as url:
            found.append(await service.measure(url, 200, 1000))
    latencies = [statistics.quantiles(one.latencies_s, n=100) for one in found]
    table.add("update to gateway request, idle, p50", where, [one[49] for one in latencies], milliseconds)
    table.add("update to gateway request, idle, p95", where, [one[94] for one in latencies], milliseconds, "12 ms")
    table.add("commands/s accepted from a backlog of 1000", where, [one.commands_per_s for one in found], whole)
    table.add("start to ready", where, [one.ready_s for one in found], seconds, "1.2 s")
    table.add("memory, idle", where, [one.idle_mb for one in found], megabytes, "95 MB")
    table.add("memory, the most under load", where, [one.loaded_mb for one in found], megabytes, "160 MB")


async def measure_alerts(table: Table, where: str, new_url: NewUrl) -> None:
    """Alerts that come fast."""
    found = []
    for _ in range(STARTS):
        async with migrated(new_url) as url:
            found.append(await alerts.posts(url, POSTS))
    percentiles = [statistics.quantiles(one.latencies_s, n=100) for one in found]
    table.add("alert POSTs/s, 3 new alerts each, 16 at once", where, [one.per_s for one in found], whole, "2 500")
    table.add("their answers, p50", where, [one[49] for one in percentiles], milliseconds)
    table.add("their answers, p99", where, [one[98] for one in percentiles], milliseconds, "25 ms")
    table.add(f"until all {3 * POSTS} alerts are incidents", where, [one.taken_in_s for one in found], seconds)


async def measure_surge(table: Table, where: str, new_url: NewUrl) -> None:
    """Many alerts, and what reaches people in the minute after."""
    async with migrated(new_url) as url:
        surge = await alerts.surge(url, SURGE)
    table.add(f"surge of {SURGE} alerts: posted in", where, [surge.posted_s], seconds)
    table.add("surge: first page after", where, [surge.first_page_s], seconds)
    table.add("surge: all are incidents, reachable by /alerts, after", where, [surge.taken_in_s], seconds)
    table.add("surge: SMS in the first minute", where, [surge.sms], whole)
    table.add("surge: calls to the group in the first minute", where, [surge.chat_calls], whole, "at most 20")


async def measure_presses(table: Table, where: str, new_url: NewUrl) -> None:
    """How soon an Ack shows."""
    presses = []
    for _ in range(STARTS):
        async with migrated(new_url) as url:
            presses += (await alerts.ack_to_edit(url, PRESSES))[:3]
    table.add("press of Ack to the edited card, 50 SMS queued, first three of a minute", where, presses, milliseconds,
              "p95 150 ms")  # fmt: skip


async def measure_processes(table: Table, where: str, new_url: NewUrl) -> None:
    """Two processes against one; of a file there is but one."""
    if where == "SQLite":
        return
    ratios = []
    with gateway.running(answer_after_s=0.2) as called:
        for _ in range(STARTS):
            rates = []
            for number in (1, 2):
                async with migrated(new_url) as url:
                    rates.append((await processes.deliveries(called, url, number, SHARED)).per_s)
            ratios.append(rates[1] / rates[0])
    table.add(
        "two processes against one, 8 slots each, a gateway that answers after 200 ms", where, ratios, ratio, "1.6"
    )


PARTS = {
    "outbox": measure_outbox,
    "backlog": measure_backlog,
    "service": measure_service,
    "alerts": measure_alerts,
    "surge": measure_surge,
    "presses": measure_presses,
    "processes": measure_processes,
}


async def measured(parts: list[str], kinds: list[str]) -> str:
    """As one table in Markdown."""
    table = Table(kinds)
    for part in parts:
        for kind in kinds:
            with KINDS[kind]() as new_url:
                await PARTS[part](table, kind, new_url)
    machine = f"bridge {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores"
    return f"{datetime.now(UTC):%Y-%m-%d}, {machine}. Median of the rounds (least to most).\n\n{table}\n"


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), dest="parts")
    parser.add_argument("--on", nargs="+", choices=KINDS, default=list(KINDS), dest="kinds")
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    given = asked()
    found = asyncio.run(measured(given.parts, given.kinds))
    print(f"\n{found}")
    if given.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}{found}{END}{rest.partition(END)[2]}")
