"""What gateways said they have left, and what admins were told about it: named values, for every process alike."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from bridge.domain.balance import Level, Said, Told
from bridge.store import switches
from bridge.store.tables import switches as table

TOLD = "balance:"
"""A gateway's name follows. The value is what it has left, set when the call began that brought it."""

SAID = "alarm:{}:low_balance"
"""The value is the level that was said, set when it was."""

_ALL = select(table).where(table.c.name.startswith(TOLD))


def told(connection: Connection, gateway: str) -> Told | None:
    """What it said last; None: nothing yet."""
    found = switches.get(connection, TOLD + gateway)
    return None if found is None else Told(balance=float(found.value), began=found.at)


def told_by_all(connection: Connection) -> Mapping[str, Told]:
    """The same by the gateway's name, of each that ever told it."""
    return {
        row.name.removeprefix(TOLD): Told(balance=float(row.value), began=row.set_at)
        for row in connection.execute(_ALL)
    }


def put_told(connection: Connection, gateway: str, newest: Told) -> None:
    """From now on it is this."""
    switches.put(connection, TOLD + gateway, repr(newest.balance), by="", now=newest.began)


def said(connection: Connection, gateway: str) -> Said | None:
    """What admins were told last of its balance; None: nothing yet."""
    found = switches.get(connection, SAID.format(gateway))
    return None if found is None else Said(level=Level[found.value.upper()], at=found.at)


def put_said(connection: Connection, gateway: str, level: Level, now: datetime) -> None:
    """Admins are told this."""
    switches.put(connection, SAID.format(gateway), level.name.lower(), by="", now=now)
