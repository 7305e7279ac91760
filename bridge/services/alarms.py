"""What an admin must mend is said once an hour, however many messages meet it."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from html import escape

from sqlalchemy import Connection

from bridge.clock import Clock
from bridge.domain.errors import StoreUnavailable
from bridge.domain.outcome import Reason
from bridge.domain.wording import ALARMS
from bridge.store import posts
from bridge.store.database import Database
from bridge.store.outcomes import Finished
from bridge.store.posts import Place

log = logging.getLogger(__name__)


class Alarms:
    """Posts an alarm for each trouble of the gateway that only a person can mend.

    In a transaction of its own: nothing that goes wrong with an alarm may hold up the outcomes it is about.
    """

    def __init__(self, database: Database, clock: Clock, *, gateway: str, places: Sequence[Place]) -> None:
        """`places`: where admins read."""
        self._database = database
        self._clock = clock
        self._gateway = gateway
        self._places = places
        self._writing: set[asyncio.Task[None]] = set()

    def heard(self, finished: Sequence[Finished]) -> None:
        """These outcomes were written."""
        reasons = {one.outcome.reason for one in finished} & ALARMS.keys()
        if reasons and self._places:
            task = asyncio.create_task(self._raise(sorted(reasons)))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def _raise(self, reasons: Sequence[Reason]) -> None:
        try:
            await self._database.write(partial(self._post, reasons))
        except StoreUnavailable as error:
            log.error("an alarm could not be posted: %s", error, extra={"event": "store.unavailable"})

    def _post(self, reasons: Sequence[Reason], connection: Connection) -> None:
        now = self._clock.now()
        for reason in reasons:
            for place in self._places:
                key = f"alarm:{self._gateway}:{reason.value}:{place.chat_id}:{now:%Y-%m-%dT%H}"
                posts.say(connection, key, place, f"⚠️ Gateway {escape(self._gateway)}: {escape(ALARMS[reason])}", now)

    async def stop(self) -> None:
        """Wait for alarms that are being written."""
        await asyncio.gather(*self._writing, return_exceptions=True)
