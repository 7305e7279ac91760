"""The delivering half of bridge and nothing else: a store, the loop, and slots that call a real gateway server."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

from bridge.clock import Clock, SystemClock
from bridge.domain.delivery import SETTLED, State
from bridge.domain.failover import Way
from bridge.engine.work_loop import WorkLoop
from bridge.gateways import Gateway, msmpusher
from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.services.sms.choose_gateway import Standing
from bridge.services.sms.claims import Claims
from bridge.services.sms.deliver import Deliverer
from bridge.services.sms.retry import RetryPolicy
from bridge.store import messages
from bridge.store.messages import MessageView
from bridge.store.outcomes import Finished
from bridge.store.queue import PRIORITY_SINGLE
from bridge.store.sqlite import SqliteDatabase
from tests.support.outbox import add_message

WITHIN_S = 10.0
"""Longest wait for anything; only a failing test waits so long."""


class Rig:
    """`start` lets the loop turn; without it a test calls `deliverer.step` itself."""

    def __init__(
        self,
        path: Path,
        sandbox: MsmpusherSandbox,
        *,
        clock: Clock | None = None,
        slots: int = 4,
        batch: int = 1,
        retry_for_s: float = 120,
        timeout_s: float = 5,
        keep_s: float = 2,
        gateways: Sequence[Gateway] = (),
        ways: Sequence[Way] = (),
        only_message: int | None = None,
        claims: Claims | None = None,
        database: Callable[[Path], SqliteDatabase] = SqliteDatabase,
        hears: Callable[[], None] = lambda: None,
    ) -> None:
        """`hears`: called when outcomes are told."""
        self.path = path
        self.clock = clock or SystemClock()
        self.batch = batch
        self.database = database(path)
        self._hears = hears
        self.heard: list[Finished] = []
        self.turned: list[Standing] = []
        self.woken = asyncio.Event()
        self._ids = count(1)
        made = gateways or [
            msmpusher.build(
                url=sandbox.url,
                private_key=sandbox.private_key,
                public_key=sandbox.public_key,
                sender="OPS",
                timeout_s=timeout_s,
                keep_s=keep_s,
                now=self.clock.now,
            )
            for _ in range(slots)
        ]
        self.deliverer = Deliverer(
            database=self.database,
            slots=made,
            retry=RetryPolicy(retry_for_s),
            clock=self.clock,
            ways=ways or [Way(name="msmpusher", batch=batch)],
            claims=claims or Claims(lambda: "this process"),
            make_id=lambda: f"call-{next(self._ids)}",
            wake=self._wake,
            on_finished=self._hear,
            only_message=only_message,
        )
        self.loop = WorkLoop("delivery", self.deliverer.step, self.clock, every_s=0.5)
        self._news = asyncio.Condition()
        self._told: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self.loop.start()

    async def close(self) -> None:
        """Stop as the service does. Harmless the second time."""
        await self.loop.stop()
        await self.deliverer.stop(5)
        await asyncio.gather(*self._told)
        await self.database.aclose()

    async def send(self, numbers: Sequence[str] | int, *, priority: int = PRIORITY_SINGLE, hold: str = "") -> int:
        """Write a message and wake the loop; gives its id."""
        now = self.clock.now()
        message = await self.database.write(
            lambda connection: add_message(
                connection, numbers, now=now, group_size=self.batch, priority=priority, hold=hold
            )
        )
        self.loop.wake()
        return message

    async def view(self, message: int) -> MessageView:
        found = await self.database.read(lambda connection: messages.view(connection, message, lines=10_000))
        assert found is not None
        return found

    async def counts(self, message: int) -> dict[State, int]:
        return dict((await self.view(message)).counts)

    async def settled(self, message: int) -> MessageView:
        """The message, once every outcome is known."""
        return await self.until(message, lambda view: set(view.counts) <= SETTLED)

    async def until(self, message: int, condition: Callable[[MessageView], bool]) -> MessageView:
        """The message, once `condition` holds of it; looked at after each outcome that was written."""
        async with asyncio.timeout(WITHIN_S), self._news:
            while not condition(view := await self.view(message)):
                await self._news.wait()
            return view

    async def step(self) -> None:
        """One turn by hand, and whatever calls it began, ended."""
        self.woken.clear()
        await self.deliverer.step()
        if not self.deliverer.is_idle:
            async with asyncio.timeout(WITHIN_S):
                await self.woken.wait()

    def _wake(self) -> None:
        self.woken.set()
        self.loop.wake()

    def _hear(self, finished: Sequence[Finished], standings: Sequence[Standing]) -> None:
        self._hears()
        self.heard += finished
        self.turned += [one for one in standings if one.turned]
        task = asyncio.ensure_future(self._tell())
        self._told.add(task)
        task.add_done_callback(self._told.discard)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()
