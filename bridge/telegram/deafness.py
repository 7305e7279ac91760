"""What is written to the bot does not come: the bot itself tells so, for it can still write."""

import logging

from bridge.clock import Clock
from bridge.domain.errors import StoreUnavailable
from bridge.services.chat.notices import Notices
from bridge.services.chat.standing_alarm import StandingAlarm
from bridge.store.database import Database

log = logging.getLogger(__name__)

NAME = "telegram:deaf"

PATIENCE_S = 30.0
"""A restart, or another process that takes over, looks like it for some seconds."""


class Deafness:
    """Told to the chat for notices and every admin, once it lasts; and that it is over."""

    def __init__(self, database: Database, notices: Notices, clock: Clock) -> None:
        self._database = database
        self._alarm = StandingAlarm(notices, NAME)
        self._clock = clock
        self._since_s: float | None = None
        self._may_stand = True
        """Also of the process that led before."""

    async def lasts(self, why: str) -> None:
        """There it is (still). `why`: a part of a sentence."""
        passed_s = self._clock.monotonic()
        if self._since_s is None:
            self._since_s = passed_s
        if passed_s - self._since_s < PATIENCE_S:
            return
        self._may_stand = True
        words = (
            f"The bot does not hear you: {why}. Until that is over commands and buttons do nothing. Alerts still page."
        )
        now = self._clock.now()
        try:
            await self._database.write(lambda connection: self._alarm.say(connection, words, now))
        except StoreUnavailable as error:
            log.error("an alarm could not be posted: %s", error, extra={"event": "store.unavailable"})

    async def is_over(self) -> None:
        """Updates come."""
        self._since_s = None
        if not self._may_stand:
            return
        now = self._clock.now()
        try:
            await self._database.write(lambda connection: self._alarm.end(connection, "The bot hears you again.", now))
        except StoreUnavailable as error:
            log.error("an all-clear could not be posted: %s", error, extra={"event": "store.unavailable"})
        else:
            self._may_stand = False
