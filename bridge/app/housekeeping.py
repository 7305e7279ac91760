"""What time alone brings about: builds the housekeeping of every subject, for one loop."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from bridge.app.from_settings import notice_places
from bridge.clock import Clock, Leaps
from bridge.services.chat import housekeeping as chat
from bridge.services.incidents import housekeeping as incidents
from bridge.services.sms import housekeeping as sms
from bridge.services.sms.claims import Claims
from bridge.services.sms.pages_port import Pages
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.store.posts import Place
from bridge.store.retention import blank
from bridge.telegram import housekeeping as telegram

log = logging.getLogger(__name__)

TIDY_EVERY = timedelta(seconds=30)

SURE_AFTER = timedelta(hours=1)
"""What is forgotten stays so: that is not for a clock to decide which was just set ahead. For so long after this
process began, or after a leap of more than that, nothing is forgotten."""


def housekeeping_desk(
    settings: Settings, database: Database, clock: Clock, pages: Pages, claims: Claims
) -> "HousekeepingDesk":
    """As the settings have it."""
    return HousekeepingDesk(
        database,
        clock,
        absence=timedelta(seconds=settings.command_max_age_s),
        notice_places=notice_places(settings),
        pages=pages,
        retention=timedelta(days=settings.retention_days),
        claims=claims,
    )


class HousekeepingDesk:
    """`take_over` (or `come_in`) once, before the first claim; then `step`, by a `WorkLoop`; at the end `leave`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        absence: timedelta,
        notice_places: Sequence[Place],
        pages: Pages,
        retention: timedelta,
        claims: Claims,
    ) -> None:
        """`retention`: after which texts and numbers are blanked. The others are as `Housekeeping` has them."""
        self._database = database
        self._clock = clock
        self._retention = retention
        self._messages = sms.Housekeeping(
            database, clock, absence=absence, notice_places=notice_places, pages=pages, claims=claims
        )
        self._tidied_at: datetime | None = None
        self._leaps = Leaps(clock)
        self._running_since_s = clock.monotonic()
        self.take_over = self._messages.take_over
        self.come_in = self._messages.come_in
        self.leave = self._messages.leave

    async def step(self) -> float | None:
        """Do what is due by time."""
        await self._messages.step()
        now = self._clock.now()
        if self._tidied_at is None or not timedelta(0) <= now - self._tidied_at < TIDY_EVERY:
            await self._database.write(partial(chat.tidy, now=now))
            self._tidied_at = now
            if self._is_sure():
                await self._database.write(partial(self._forget, now))
                # On its own: what else is due must not fail with it.
                blanked = await self._database.write(partial(blank, before=now - self._retention))
                if blanked:
                    log.debug("%d old rows were blanked", blanked, extra={"event": "retention.blanked"})
        return None

    def _is_sure(self) -> bool:
        """Whether the time has run long enough to be believed."""
        running_s = self._clock.monotonic()
        if leap := self._leaps.seen():
            self._leaps.settle(leap)
            if leap > SURE_AFTER:
                self._running_since_s = running_s
        return running_s - self._running_since_s >= SURE_AFTER.total_seconds()

    def _forget(self, now: datetime, connection: Connection) -> None:
        sms.forget(connection, now)
        telegram.forget(connection, now, retention=self._retention)
        incidents.forget(connection, now, retention=self._retention)
