"""Due deliveries go to the gateway; what came of each is written down.

One step is one transaction: it writes what came back since the last one, and claims as many calls as there are free
slots. A call runs between two steps and holds no database connection.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from bridge.clock import Clock, Leaps, Stopwatch
from bridge.domain.errors import StoreInDoubt, StoreUnavailable
from bridge.domain.failover import Way
from bridge.domain.outcome import Outcome, Reason, Unknown
from bridge.gateways import Gateway
from bridge.services.sms.choose_gateway import Gateways, Standing
from bridge.services.sms.claims import Claims
from bridge.services.sms.decide_message import hold_stale
from bridge.services.sms.pages_port import NO_PAGES, Pages
from bridge.services.sms.rates import Rates
from bridge.services.sms.retry import RetryPolicy
from bridge.services.sms.send_sms import BUTTONS_FOR
from bridge.services.sms.settle import EndedCall, settle
from bridge.store import clock_set, outcomes, queue, switches
from bridge.store.database import Database
from bridge.store.outcomes import Finished
from bridge.store.queue import Call, Claimed, Room

log = logging.getLogger(__name__)

FRESH_S = 2.0
"""So old a claim stands for certain: a process is taken for gone after six beats of a second (`processes.lease`)."""


class Deliverer:
    """Keeps the slots busy. `step` is called by a `WorkLoop`; `wake` must make that happen soon."""

    def __init__(
        self,
        *,
        database: Database,
        slots: Sequence[Gateway],
        ways: Sequence[Way],
        retry: RetryPolicy,
        clock: Clock,
        claims: Claims,
        make_id: Callable[[], str],
        wake: Callable[[], None],
        on_finished: Callable[[Sequence[Finished], Sequence[Standing]], None] = lambda finished, standings: None,
        pages: Pages = NO_PAGES,
        page_retry: RetryPolicy | None = None,
        absence: timedelta = timedelta.max,
        only_message: int | None = None,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        """`slots`: one gateway object for each call that may run at once. `ways`: its gateways, in order of preference.

        `claims`: as who it claims.
        `make_id`: a new id for a call. `on_finished` hears of what was written, and how the gateways stand
        after it. `pages` words pages and sees to what became of them, which
        `page_retry` tries again. `absence`: after so long
        without a step (the machine slept, the store was away) queued messages are held and ask. `only_message`:
        deliver nothing but this message. `leads`: what was written by a clock that was set is brought to it by one
        process alone.
        """
        self._database = database
        self._ways = tuple(ways)
        self._gateways = tuple(slots)
        self._free = {way.name: [one for one in slots if one.name == way.name] for way in ways}
        self._retry = retry
        self._clock = clock
        self._make_id = make_id
        self._wake = wake
        self._on_finished = on_finished
        self._pages = pages
        self._page_retry = page_retry or retry
        self._absence = absence
        self._stepped_at = clock.now()
        self._leaps = Leaps(clock)
        self._only_message = only_message
        self._claims = claims
        self._leads = leads
        self._running: set[asyncio.Task[None]] = set()
        self._answered: list[EndedCall] = []
        self._claiming = True

    async def step(self) -> float | None:
        """Write what came back, claim, start the calls. Gives the seconds until the next delivery is due."""
        answered, self._answered = self._answered, []
        rooms = {way.name: Room(calls=len(self._free[way.name]), batch=way.batch) for way in self._ways}
        wanted = sum(room.calls for room in rooms.values()) if self._claiming else 0
        now, leap = self._clock.now(), self._leaps.seen()
        since_claim = Stopwatch(self._clock)
        was_away = now - self._stepped_at > self._absence
        if not answered and not wanted and not was_away:
            self._stepped_at = now
            return None
        try:
            name, calls, finished, standings, due_at = await self._database.write(
                partial(self._write, answered, rooms, [self._make_id() for _ in range(wanted)], was_away, leap)
            )
        except BaseException as error:
            self._answered[:0] = answered  # they happened: they are written as soon as that works
            if isinstance(error, StoreInDoubt):
                self._claims.renew()
            raise
        self._stepped_at = now
        self._leaps.settle(leap)
        # First of all: what is claimed and not called would be `sending` for as long as this process lives.
        may_call = partial(self._may_call, name or "", since_claim)
        for call in calls:
            log.debug(
                "claimed %d", len(call.deliveries), extra={"event": "attempt.claimed", "message_id": call.message_id}
            )
            task = asyncio.create_task(self._call(self._free[call.gateway].pop(), call, may_call))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        self._tell(finished, standings)
        if due_at is None or not all(self._free.values()):
            return None  # what is due may wait for a slot: a call that ends wakes us
        return (due_at - self._clock.now()).total_seconds()

    def _write(
        self,
        answered: Sequence[EndedCall],
        rooms: Mapping[str, Room],
        call_ids: Sequence[str],
        was_away: bool,
        leap: timedelta,
        connection: Connection,
    ) -> tuple[str | None, list[Call], list[Finished], list[Standing], datetime | None]:
        now = self._clock.now()
        if leap and self._leads():
            clock_set.move_pages(connection, leap, now)
        gateways = Gateways.read(connection, self._ways, now)
        finished = self._settle(connection, answered, gateways, now)
        if was_away and not self._others_were_there(connection, now):
            hold_stale(connection, now, older_than=self._absence)
            self._pages.after_absence(connection, self._stepped_at)
        if call_ids:
            finished += self._pages.redirect(connection, now)
        rates = Rates(connection, self._ways, now)
        name = self._claims.held(connection) if call_ids else None
        calls = (
            queue.claim(
                connection,
                rooms=rates.within(rooms),
                choose=gateways.choose,
                now=now,
                call_ids=call_ids,
                only_message=self._only_message,
                process=name,
            )
            if name is not None
            else []
        )
        calls = [replace(call, text=self._pages.text(connection, call, now)) if call.page else call for call in calls]
        gateways.write(connection)
        rates.begun(calls)
        # With a slot left over nothing more is due: ask when that changes. Without a name nothing can be claimed yet.
        looks = name is not None and len(calls) < len(call_ids)
        due_at = rates.not_before(queue.next_due(connection)) if looks else None
        return name, calls, finished, gateways.standings(), due_at

    def _others_were_there(self, connection: Connection, now: datetime) -> bool:
        """Whether somebody delivered while this process did not."""
        alive = switches.get(connection, switches.ALIVE) if self._claims.leased else None
        return alive is not None and now - alive.at <= self._absence

    def _settle(
        self, connection: Connection, answered: Sequence[EndedCall], gateways: Gateways, now: datetime
    ) -> list[Finished]:
        """Outcomes as next states, written down; gives those that changed something.

        A late one to an older attempt is kept with that attempt, and nothing follows from it.
        """
        if not answered:
            return []
        finished = settle(connection, answered, gateways, retry=self._retry, page_retry=self._page_retry, now=now)
        took = outcomes.finish(connection, finished, now=now, buttons_until=now + BUTTONS_FOR)
        if took < len(finished):
            log.warning("%d late outcomes changed nothing", len(finished) - took, extra={"event": "attempt.late"})
            finished = outcomes.taken(connection, finished, now)
        self._pages.written(connection, finished, now)
        return finished

    async def _may_call(self, name: str, since_claim: Stopwatch) -> bool:
        """Whether what was claimed under `name`, at that time or later, is still ours to send.

        This process may have been stopped in between, been taken for gone, and another may have sent it again.
        """
        since_sure = since_claim
        while self._claims.leased and since_sure.passed_s() > FRESH_S:
            since_sure = Stopwatch(self._clock)
            try:
                if not await self._database.read(partial(self._claims.stands, name=name)):
                    return False
            except StoreUnavailable:
                return False  # others may hear each other, and not us
        return True

    async def _call(self, gateway: Gateway, call: Call, may_call: Callable[[], Awaitable[bool]]) -> None:
        try:
            if await may_call():
                said = await gateway.send([one.number for one in call.deliveries], call.text)
                answers = tuple((one, said[one.number]) for one in call.deliveries)
            else:
                extra = {"event": "attempt.too_late", "message_id": call.message_id}
                log.warning("a call is not made: this process was taken for gone before it", extra=extra)
                answers = _nobody_knows(call)
        except asyncio.CancelledError:
            answers = _nobody_knows(call)
        except Exception as error:  # noqa: BLE001 - its text may hold a number or a key: only its kind is told
            # The port promises not to raise: a bug of ours must not say "not sent" about what may have been.
            log.error(
                "the gateway object failed: %s",
                type(error).__name__,
                extra={"event": "gateway.error", "message_id": call.message_id},
            )
            answers = _nobody_knows(call)
        log.debug("answered", extra={"event": "attempt.answered", "message_id": call.message_id})
        self._answered.append(EndedCall(call=call, outcomes=answers))
        self._free[gateway.name].append(gateway)
        self._wake()

    def _tell(self, finished: Sequence[Finished], standings: Sequence[Standing]) -> None:
        if not finished and not standings:
            return
        for one in standings:
            if one.turned:
                words, level = ("is out", logging.WARNING) if one.is_out else ("works again", logging.INFO)
                log.log(level, "gateway %s %s", one.breaker.gateway, words, extra={"event": "gateway.turned"})
        for ended in finished:
            log.info(
                "delivery %d of message #%d: %s (%s)",
                ended.delivery.id,
                ended.message_id,
                ended.next.state.value,
                ended.outcome.reason.value,
                extra={"event": "attempt.settled", "attempt": ended.delivery.attempt, "code": ended.outcome.words.code},
            )
        self._on_finished(finished, standings)

    @property
    def is_idle(self) -> bool:
        """Whether no call runs and every outcome is written."""
        return not self._running and not self._answered

    async def stop(self, within_s: float) -> None:
        """Claim nothing more; wait so many seconds for calls under way, cut the rest off, write all down.

        Call it after the loop that calls `step` has stopped. What the store does not take stays `sending` there, and
        becomes `unknown` at the next start.
        """
        self._claiming = False
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=within_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1)
        try:
            await self.step()
        except Exception as error:  # noqa: BLE001 - whatever it is, the rest must stop in order
            words = str(error) if isinstance(error, StoreUnavailable) else type(error).__name__
            log.error(
                "outcomes of the last calls could not be written: %s", words, extra={"event": "store.unavailable"}
            )
        await asyncio.gather(*(gateway.aclose() for gateway in self._gateways), return_exceptions=True)


def _nobody_knows(call: Call) -> tuple[tuple[Claimed, Outcome], ...]:
    return tuple((one, Unknown(reason=Reason.INTERRUPTED)) for one in call.deliveries)
