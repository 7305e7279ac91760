"""How many calls each gateway takes now, by its rate: kept in the database, so that it holds for all processes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from bridge.domain.failover import Way
from bridge.store import switches
from bridge.store.queue import Call, Room


class Rates:
    """The rates of the gateways within one transaction. Without any, nothing is read and nothing is written."""

    def __init__(self, connection: Connection, ways: Sequence[Way], now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._rates = {way.name: way.rate for way in ways if way.rate is not None}
        known = switches.several(connection, [_switch(name) for name in self._rates]) if self._rates else {}
        self._next_at = {name: known.get(_switch(name)) for name in self._rates}

    def within(self, rooms: Mapping[str, Room]) -> dict[str, Room]:
        """The same rooms, none with more calls than its rate allows now."""
        return {
            name: replace(room, calls=min(room.calls, rate.allowed(self._next_at[name], self._now)))
            if (rate := self._rates.get(name))
            else room
            for name, room in rooms.items()
        }

    def begun(self, calls: Sequence[Call]) -> None:
        """These begin now: write it down."""
        for name, count in Counter(call.gateway for call in calls).items():
            if rate := self._rates.get(name):
                self._next_at[name] = at = rate.after(self._next_at[name], self._now, count)
                switches.put(self._connection, _switch(name), "", by="", now=at)

    def not_before(self, due_at: datetime | None) -> datetime | None:
        """When to look again, where the next delivery is due at `due_at`: not before a gateway takes it."""
        waits = [
            at for name, rate in self._rates.items() if (at := self._next_at[name]) and not rate.allowed(at, self._now)
        ]
        return min(waits) if waits and due_at is not None and due_at <= self._now else due_at


def _switch(gateway: str) -> str:
    return f"rate:{gateway}"
