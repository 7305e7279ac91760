"""A trouble that lasts: said once, again while it lasts, and once that it is over.

It is kept in the store that it was said: a restart, or another process that leads, neither repeats it nor forgets to
say that it is over.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.services.chat.notices import Notices
from bridge.store import switches

HOURLY = timedelta(hours=1)


class StandingAlarm:
    """One trouble, told to the chat for notices and every admin."""

    def __init__(self, notices: Notices, name: str, *, again_after: timedelta | None = HOURLY) -> None:
        """`name`: of the switch that keeps it. `again_after`: None says it once, however long it lasts."""
        self._notices = notices
        self._name = name
        self._again_after = again_after

    def stands(self, connection: Connection) -> bool:
        """Whether it was said, and is not over."""
        return switches.get(connection, self._name) is not None

    def say(self, connection: Connection, words: str, now: datetime) -> bool:
        """It is there. Plain `words`; False where they are not due yet. At once when the clock was put back."""
        said = switches.get(connection, self._name)
        if said is not None and (self._again_after is None or timedelta(0) <= now - said.at < self._again_after):
            return False
        switches.put(connection, self._name, "", by="", now=now)
        self._notices.alarm(connection, f"{self._name}:{now.isoformat()}", words, now)
        return True

    def end(self, connection: Connection, words: str, now: datetime) -> bool:
        """It is over, which is said where it was said that it is there; False where it was not."""
        if not switches.drop(connection, self._name):
            return False
        self._notices.all_clear(connection, f"{self._name}:over:{now.isoformat()}", words, now)
        return True
