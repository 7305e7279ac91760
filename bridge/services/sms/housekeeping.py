"""What time alone does to messages: buttons end, an absence is noticed, what was away asks first."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from bridge.clock import Clock
from bridge.domain.errors import StoreError
from bridge.services.sms import decide_message
from bridge.services.sms.claims import Claims
from bridge.services.sms.pages_port import NO_PAGES, Pages
from bridge.services.sms.send_sms import BUTTONS_FOR
from bridge.store import idempotency, messages, outcomes, posts, queue, switches
from bridge.store.database import Database
from bridge.store.posts import Place

log = logging.getLogger(__name__)

ALIVE_EVERY = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=70)
"""Longer than any wait that we plan: a `Retry-After` is taken up to an hour."""
IDEMPOTENCY_FOR = timedelta(days=7)


def forget(connection: Connection, now: datetime) -> None:
    """Idempotency keys that are long over go."""
    idempotency.forget(connection, now - IDEMPOTENCY_FOR)


class Housekeeping:
    """`take_over` (or `come_in`) once, before the first claim; then `step`, called by a `WorkLoop`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        absence: timedelta,
        notice_places: Sequence[Place],
        pages: Pages = NO_PAGES,
        claims: Claims | None = None,
    ) -> None:
        """`absence`: after which queued messages are held and ask. `notice_places`: where admins read.

        `claims`: what this process sends is under that name.
        """
        self._database = database
        self._clock = clock
        self._absence = absence
        self._notice_places = notice_places
        self._pages = pages
        self._claims = claims
        self._alive_at: datetime | None = None

    async def take_over(self) -> None:
        """What an earlier process left behind: calls without an owner become unknown, stale messages are held."""
        unknown, stale = await self._database.write(self._take_over)
        _say_unknown(unknown)
        _say_stale(stale)

    async def come_in(self) -> None:
        """As `take_over`, of a process that joins others: what was claimed is not its to judge."""
        _say_stale(await self._database.write(lambda connection: self._end_absence(connection, self._clock.now())))

    def _take_over(self, connection: Connection) -> tuple[list[int], list[int]]:
        now = self._clock.now()
        return self._abandon(connection, now), self._end_absence(connection, now)

    def _end_absence(self, connection: Connection, now: datetime) -> list[int]:
        alive = switches.get(connection, switches.ALIVE)
        stale = []
        if alive is None or now - alive.at > self._absence:
            stale = decide_message.hold_stale(connection, now, older_than=self._absence)
            self._pages.after_absence(connection, now)
        switches.put(connection, switches.ALIVE, "", by="", now=now)
        return stale

    def _abandon(self, connection: Connection, now: datetime) -> list[int]:
        sending = [self._claims.name, *self._claims.others(connection)] if self._claims else []
        unknown = outcomes.abandon(connection, now=now, buttons_until=now + BUTTONS_FOR, but_of=sending)
        self._pages.abandoned(connection, unknown, now)
        return unknown

    async def step(self) -> float | None:
        """Do what is due by time."""
        now = self._clock.now()
        signs = self._alive_at is None or not timedelta(0) <= now - self._alive_at < ALIVE_EVERY
        unknown, stale = await self._database.write(partial(self._tidy, now, signs))
        _say_unknown(unknown)
        _say_stale(stale)
        if signs:
            self._alive_at = now
        return None

    def _tidy(self, now: datetime, signs: bool, connection: Connection) -> tuple[list[int], list[int]]:
        stale: list[int] = []
        # Another process may have had our place while the server did not hear us, and have left something behind.
        unknown = self._abandon(connection, now) if self._claims else []
        decide_message.end_buttons(connection, now)
        decide_message.hold_paused(connection, now)
        for message_id in messages.without_post(connection):
            for place in self._notice_places:
                posts.show(connection, f"notice:{message_id}:{place.chat_id}", place, message_id, now)
        if signs:
            if self._claims is not None and self._claims.leased:
                # After an outage of the store several processes come back, and one of them is the first.
                stale = self._end_absence(connection, now)
            switches.put(connection, switches.ALIVE, "", by="", now=now)
            # A clock that was ahead and was put right leaves times that nothing else would ever reach.
            queue.not_later_than(connection, now, now + LONGEST_WAIT)
        return unknown, stale

    async def leave(self) -> None:
        """Note when we went, so that the next process knows how long nobody was there."""
        try:
            await self._database.write(
                lambda connection: switches.put(connection, switches.ALIVE, "", by="", now=self._clock.now())
            )
        except StoreError as error:
            log.error("%s", error, extra={"event": "store.unavailable"})


def _say_unknown(messages: Sequence[int]) -> None:
    if messages:
        log.warning(
            "%d messages have outcomes that nobody knows: bridge was stopped in the middle of their calls",
            len(messages),
            extra={"event": "takeover.unknown"},
        )


def _say_stale(messages: Sequence[int]) -> None:
    if messages:
        log.warning(
            "%d messages waited through an absence and ask before they go out",
            len(messages),
            extra={"event": "takeover.stale"},
        )
