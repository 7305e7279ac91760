"""The delivering half against the sandbox gateway, with a raw httpx loop as the limit."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter

import httpx

from bridge import settings
from bridge.app import Outbox, new_id, rules_of
from bridge.clock import SystemClock
from bridge.domain.recipients import Request, read_list
from bridge.services.sms.send_sms import Order, measure, submit
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.store.homes import home_of
from bridge.store.outcomes import Finished
from tests.bench.gateway import PRIVATE_KEY, PUBLIC_KEY

SLOTS = 16
TEXT = "Disk full on db1"
LARGEST = 10_000
"""Numbers of the largest message."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """So many in so many seconds."""

    count: int
    seconds: float

    @property
    def per_s(self) -> float:
        return self.count / self.seconds


def numbers(count: int) -> list[str]:
    """Valid numbers of Ghana, all different."""
    return [f"+23324{1000000 + index}" for index in range(count)]


async def raw(url: str, count: int, body: dict[str, str] | None = None) -> Rate:
    """A loop that does nothing but call: one httpx client with one connection a slot."""
    left = iter(range(count))

    async def slot() -> None:
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=1)) as client:
            for index in left:
                answer = await client.post(
                    url,
                    json={
                        "privatekey": PRIVATE_KEY,
                        "publickey": PUBLIC_KEY,
                        "sender": "OPS",
                        "numbers": f"23324{1000000 + index}",
                        "message": TEXT,
                        **(body or {}),
                    },
                )
                assert answer.json()["status"] == 1000

    started = perf_counter()
    await asyncio.gather(*(slot() for _ in range(SLOTS)))
    return Rate(count=count, seconds=perf_counter() - started)


def environment(gateway: str, database: str, batch: int, slots: int = SLOTS) -> dict[str, str]:
    """A service with its limits lifted."""
    return {
        "BRIDGE_TELEGRAM_TOKEN": "1:bench",
        "BRIDGE_MSMPUSHER_URL": gateway,
        "BRIDGE_MSMPUSHER_PRIVATE_KEY": PRIVATE_KEY,
        "BRIDGE_MSMPUSHER_PUBLIC_KEY": PUBLIC_KEY,
        "BRIDGE_MSMPUSHER_SENDER": "OPS",
        "BRIDGE_MSMPUSHER_BATCH": str(batch),
        "BRIDGE_GATEWAY_SLOTS": str(slots),
        "BRIDGE_DAILY_LIMIT": "0",
        "BRIDGE_DAILY_LIMIT_ALL": "0",
        "BRIDGE_DATABASE_URL": database,
    }


@asynccontextmanager
async def opened(gateway: str, url: str, batch: int) -> AsyncIterator[tuple[Database, Settings]]:
    """The database there, and the settings of whoever delivers from it."""
    found = settings.load(environment(gateway, url, batch), env_file=Path("none"))
    database = home_of(url).open()
    try:
        yield database, found
    finally:
        await database.aclose()


async def deliveries(gateway: str, url: str, count: int, a_message: int) -> Rate:
    """Deliveries, one number a call, durable: messages of `a_message` numbers that lie in the outbox already."""
    async with opened(gateway, url, 1) as (database, found):
        every = numbers(count)
        for first in range(0, count, a_message):
            await put(database, found, every[first : first + a_message])
        return await deliver(database, found, count)


async def recipients(gateway: str, url: str, count: int) -> Rate:
    """One message to `count` normalised numbers, batch 100: from the request until every outcome is written."""
    async with opened(gateway, url, 100) as (database, found):
        every = numbers(count)
        started = perf_counter()
        await put(database, found, every)
        await deliver(database, found, count)
        return Rate(count=count, seconds=perf_counter() - started)


async def from_backlog(gateway: str, url: str, backlog: int, count: int) -> Rate:
    """`count` deliveries, one number a call, while never fewer than `backlog` more of them are due."""
    async with opened(gateway, url, 1) as (database, found):
        every = numbers(LARGEST)
        for first in range(0, backlog + count, LARGEST):
            await put(database, found, every[: backlog + count - first])
        return await deliver(database, found, count)


async def reading(count: int) -> Rate:
    """Reading and checking `count` numbers, as a request brings them."""
    every = numbers(count)
    started = perf_counter()
    read = read_list(every, text=TEXT, region="GH", allowed_countries=frozenset())
    assert isinstance(read, Request)
    return Rate(count=count, seconds=perf_counter() - started)


async def put(database: Database, found: Settings, recipients: list[str]) -> int:
    """A message to all of them, as a door makes it; its id."""
    rules = rules_of(found)
    now = datetime.now(UTC)
    request = read_list(recipients, text=TEXT, region="GH", allowed_countries=frozenset())
    assert isinstance(request, Request)
    order = Order(
        source="api",
        source_key=new_id(),
        owner="api:bench",
        owner_name="bench",
        request=request,
        ordered_at=now,
    )
    made = await database.write(partial(submit, order=order, measured=measure(TEXT, rules), rules=rules, now=now))
    return made.id


async def deliver(database: Database, found: Settings, count: int) -> Rate:
    """From the start of the loop until so many outcomes are committed."""
    written = 0
    done = asyncio.Event()

    def heard(finished: Sequence[Finished]) -> None:
        nonlocal written
        written += len(finished)
        if written >= count:
            done.set()

    outbox = Outbox(found, database, SystemClock(), on_finished=heard)
    started = perf_counter()
    outbox.loop.start()
    await done.wait()
    rate = Rate(count=written, seconds=perf_counter() - started)
    await outbox.loop.stop()
    await outbox.deliverer.stop(1)
    return rate
