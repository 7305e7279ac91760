"""Something small to write and to read back, for tests of the store itself."""

from collections.abc import Callable

from sqlalchemy import Connection, insert, select

from bridge.store.tables import switches
from tests.support.manual_clock import MONDAY_MORNING


def put(name: str) -> Callable[[Connection], str]:
    """An operation that writes the name, and gives it."""

    def operation(connection: Connection) -> str:
        connection.execute(insert(switches).values(name=name, value="", set_by="", set_at=MONDAY_MORNING))
        return name

    return operation


def names(connection: Connection) -> set[str]:
    """Those that were written."""
    return set(connection.execute(select(switches.c.name)).scalars())
