"""Dead man's switches: when each was heard of last, and until when its silence is fine."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select, update

from bridge.store.dialect import insert_new
from bridge.store.tables import heartbeats


@dataclass(frozen=True, kw_only=True, slots=True)
class Heartbeat:
    """`seen_at`: its last ping, None before the first. `silent_since`: that, or when it was armed; time in which nobody
    listened is not in it. `allowed`: the silence that is fine. `due_at`: when it becomes an incident, or is looked at
    again.
    """

    name: str
    armed_at: datetime
    seen_at: datetime | None
    silent_since: datetime
    allowed: timedelta
    due_at: datetime
    pings: int


_ALL = select(heartbeats).order_by(heartbeats.c.name)
_ONE = heartbeats.c.name == bindparam("b_name")
_PINGED = (
    update(heartbeats)
    .where(_ONE)
    .values(
        seen_at=bindparam("b_now"),
        silent_since=bindparam("b_now"),
        allowed_s=bindparam("b_allowed"),
        due_at=bindparam("b_due"),
        pings=heartbeats.c.pings + 1,
    )
)


def armed(connection: Connection) -> dict[str, Heartbeat]:
    """Name -> what is known of it, of all that are armed."""
    return {
        row.name: Heartbeat(
            name=row.name,
            armed_at=row.armed_at,
            seen_at=row.seen_at,
            silent_since=row.silent_since,
            allowed=timedelta(seconds=row.allowed_s),
            due_at=row.due_at,
            pings=row.pings,
        )
        for row in connection.execute(_ALL)
    }


def arm(connection: Connection, name: str, allowed: timedelta, now: datetime) -> None:
    """From now on its silence counts; nothing changes for one that is armed."""
    insert_new(
        connection,
        heartbeats,
        {
            "name": name,
            "armed_at": now,
            "seen_at": None,
            "silent_since": now,
            "allowed_s": _seconds(allowed),
            "due_at": now + allowed,
            "pings": 0,
        },
    )


def disarm(connection: Connection, name: str) -> None:
    """Its silence is nobody's concern any more."""
    connection.execute(delete(heartbeats).where(_ONE), {"b_name": name})


def pinged(connection: Connection, name: str, allowed: timedelta, now: datetime) -> None:
    """It was heard; one that is not armed yet is from now on."""
    arm(connection, name, allowed, now)
    connection.execute(_PINGED, {"b_name": name, "b_now": now, "b_allowed": _seconds(allowed), "b_due": now + allowed})


def allow(connection: Connection, name: str, allowed: timedelta, due_at: datetime) -> None:
    """The file allows another silence now."""
    connection.execute(
        update(heartbeats).where(_ONE).values(allowed_s=_seconds(allowed), due_at=due_at), {"b_name": name}
    )


def look_again(connection: Connection, name: str, at: datetime) -> None:
    """Its silence is an incident already, and is looked at again then."""
    connection.execute(update(heartbeats).where(_ONE).values(due_at=at), {"b_name": name})


def forgive(connection: Connection, since: datetime, until: datetime) -> None:
    """Nobody listened between these times: as much silence is forgiven as lay in them."""
    for one in armed(connection).values():
        deaf = until - max(since, one.silent_since)
        if deaf > timedelta(0):
            moved = {"silent_since": one.silent_since + deaf, "due_at": one.due_at + deaf}
            connection.execute(update(heartbeats).where(_ONE).values(**moved), {"b_name": one.name})


def went_back(connection: Connection, by: timedelta, now: datetime) -> None:
    """The clock shows `now`, and went back by so much: silence is as long as it was."""
    for one in armed(connection).values():
        moved: dict[str, datetime] = {"silent_since": one.silent_since - by, "due_at": one.due_at - by}
        if one.seen_at is not None and one.seen_at > now:
            moved["seen_at"] = one.seen_at - by
        connection.execute(update(heartbeats).where(_ONE).values(**moved), {"b_name": one.name})


def not_to_come(connection: Connection, now: datetime) -> None:
    """What was heard of at a time to come, by a clock that was set back while nobody was there, is silent from now."""
    for one in armed(connection).values():
        if one.silent_since > now:
            moved = {"silent_since": now, "due_at": now + one.allowed}
            connection.execute(update(heartbeats).where(_ONE).values(**moved), {"b_name": one.name})


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
