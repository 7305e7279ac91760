"""Admins hear before a gateway's balance is gone, where it tells what is left; and once when it is topped up."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

from sqlalchemy import Connection

from bridge.clock import Clock
from bridge.domain.balance import Level, Told, amount, news
from bridge.domain.errors import StoreError
from bridge.domain.outcome import Unknown
from bridge.domain.wording import BALANCES
from bridge.store import balances, posts
from bridge.store.database import Database
from bridge.store.outcomes import Finished
from bridge.store.posts import Place

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class LowMark:
    """At what balance admins hear, in the gateway's units; 0: never. `setting`: where it is set."""

    at: float
    setting: str


class LowBalance:
    """Keeps what one gateway says it has left, and posts what is news of it.

    In transactions of its own, one at a time, each with the newest that is known by then: fifty calls that end at once
    are a few writes and one notice, and no outcome waits for any. What was said is written with its post.
    """

    def __init__(
        self, database: Database, clock: Clock, *, gateway: str, mark: LowMark, places: Sequence[Place]
    ) -> None:
        """`places`: where admins read."""
        self._database = database
        self._clock = clock
        self._gateway = gateway
        self._mark = mark
        self._places = tuple(places)
        self._newest: Told | None = None
        self._kept: Told | None = None
        self._writing: asyncio.Task[None] | None = None

    def heard(self, finished: Sequence[Finished]) -> None:
        """These outcomes of the gateway were written."""
        now = self._clock.now()
        for told in _told(finished):
            if told.is_newer_than(self._newest, now):
                self._newest = told
        if self._newest != self._kept and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while (newest := self._newest) is not None and newest != self._kept:
                level = await self._database.write(partial(self._keep, newest))
                self._kept = newest
                if level is not None:
                    log.log(
                        logging.WARNING if level else logging.INFO,
                        "gateway %s: its balance is %s",
                        self._gateway,
                        level.name.lower().replace("_", " "),
                        extra={"event": "gateway.balance"},
                    )
        except StoreError as error:  # the next answer tries again
            log.error("a gateway's balance could not be kept: %s", error, extra={"event": "store.unavailable"})

    def _keep(self, told: Told, connection: Connection) -> Level | None:
        """Gives what was said."""
        now = self._clock.now()
        if not told.is_newer_than(balances.told(connection, self._gateway), now):
            return None
        balances.put_told(connection, self._gateway, told)
        said = balances.said(connection, self._gateway)
        level = news(told, self._mark.at, said, now)
        if level is None:
            return None
        balances.put_said(connection, self._gateway, level, now)
        words = BALANCES[level].format(
            gateway=self._gateway, left=amount(told.balance), mark=amount(self._mark.at), setting=self._mark.setting
        )
        # Two processes that come to say the same after the same have one key for it.
        after = said.at.isoformat() if said is not None else "first"
        for place in self._places:
            key = f"{balances.SAID.format(self._gateway)}:{level.name.lower()}:{after}:{place.chat_id}"
            posts.say(connection, key, place, escape(words), now)
        return level

    async def stop(self) -> None:
        """Wait for what is being written."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)


def _told(finished: Sequence[Finished]) -> list[Told]:
    """What these answers say is left. One of which nobody knows what it means may be another call's."""
    return [
        Told(balance=one.outcome.words.balance, began=one.claimed_at)
        for one in finished
        if one.outcome.words.balance is not None and one.claimed_at and not isinstance(one.outcome, Unknown)
    ]
