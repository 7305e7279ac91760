"""The on-call book: the file and the calendars in force, in every process the newest that the database keeps."""

from sqlalchemy import Connection

from bridge.clock import Clock
from bridge.oncall.calendar import Calendar
from bridge.oncall.file import read
from bridge.oncall.records import OnCall
from bridge.oncall.who import Roster
from bridge.store import oncall as kept

NOBODY = OnCall()
"""Without a file: alerts become cards, and nobody is paged."""


class Book:
    """Reads what was accepted, once for each version of it."""

    def __init__(self, *, region: str, clock: Clock) -> None:
        """`region`: how national numbers of the file are read."""
        self._region = region
        self._clock = clock
        self._read: tuple[int, OnCall] | None = None
        self._calendars: dict[tuple[str, str], Calendar] = {}

    def roster(self, connection: Connection) -> Roster:
        """Who is on call, as of now."""
        return Roster(
            oncall=self._oncall(connection),
            calendars={},
            overrides=kept.overrides_after(connection, self._clock.now()),
        )

    def _oncall(self, connection: Connection) -> OnCall:
        newest = kept.newest_file_id(connection)
        if newest is None:
            return NOBODY
        if self._read is None or self._read[0] != newest:
            file = kept.newest_file(connection)
            self._read = (newest, NOBODY if file is None else read(file.text, region=self._region))
        return self._read[1]
