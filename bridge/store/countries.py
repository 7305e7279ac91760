"""Which countries people have sent to: the first message to another one asks first."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from bridge.store.dialect import insert_new
from bridge.store.tables import countries

_USED = select(countries.c.country).where(countries.c.country.in_(bindparam("b_countries", expanding=True)))


def used(connection: Connection, wanted: Collection[str]) -> frozenset[str]:
    """Those of these countries (ISO codes, "" for numbers of none) that a message was let go to."""
    return (
        frozenset(connection.execute(_USED, {"b_countries": sorted(set(wanted))}).scalars()) if wanted else frozenset()
    )


def use(connection: Connection, wanted: Collection[str], now: datetime) -> None:
    """A message to these is let go."""
    for country in sorted({*wanted} - used(connection, wanted)):
        insert_new(connection, countries, {"country": country, "first_used_at": now})
