"""How the gateways do, for every process alike."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from sqlalchemy import Connection, delete, insert, select

from bridge.domain.breaker import Breaker
from bridge.domain.outcome import reason_of
from bridge.store.tables import breakers

_ALL = select(breakers)


def read(connection: Connection) -> dict[str, Breaker]:
    """Of each gateway of which anything is to be told, by its name."""
    return {
        row.gateway: Breaker(
            gateway=row.gateway,
            failures=row.failures,
            reason=reason_of(row.reason) if row.reason else None,
            out_since=row.out_since,
            probe_at=row.probe_at,
            probe_every=timedelta(seconds=row.probe_every_s),
            rests_until=row.rests_until,
        )
        for row in connection.execute(_ALL)
    }


def write(connection: Connection, changed: Iterable[Breaker]) -> None:
    """As they are now."""
    for one in changed:
        connection.execute(delete(breakers).where(breakers.c.gateway == one.gateway))
        if one != Breaker(gateway=one.gateway):
            connection.execute(insert(breakers).values(**_row(one)))


def _row(one: Breaker) -> Mapping[str, object]:
    return {
        "gateway": one.gateway,
        "failures": one.failures,
        "reason": one.reason.value if one.reason else "",
        "out_since": one.out_since,
        "probe_at": one.probe_at,
        "probe_every_s": int(one.probe_every.total_seconds()),
        "rests_until": one.rests_until,
    }
