"""Messages to try the outbox with, and a look at its rows."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count

from sqlalchemy import Connection, select, update

from bridge.domain.delivery import Next, State
from bridge.domain.outcome import Outcome
from bridge.store import messages, queue
from bridge.store.outcomes import Finished
from bridge.store.queue import PRIORITY_SINGLE, Claimed
from bridge.store.tables import attempts as attempts_table
from bridge.store.tables import deliveries as deliveries_table

_keys = count(1)


def number(index: int) -> str:
    """A number of its own for each index."""
    return f"+23324{index:07d}"


def add_message(
    connection: Connection,
    numbers: Sequence[str] | int = 1,
    *,
    now: datetime,
    hold: str = "",
    group_size: int = 1,
    priority: int = PRIORITY_SINGLE,
    owner: str = "tg:1",
    text: str = "Disk full",
) -> int:
    """Write a message to these numbers (or to so many); gives its id."""
    given = [number(index) for index in range(numbers)] if isinstance(numbers, int) else numbers
    new = messages.NewMessage(
        source="test",
        source_key=str(next(_keys)),
        owner=owner,
        owner_name="Ama",
        text=text,
        encoding="gsm7",
        segments=1,
        numbers=given,
        remarks={},
        hold=hold,
        priority=priority,
        group_size=group_size,
    )
    return messages.add(connection, new, now=now, buttons_until=None)


def claim(
    connection: Connection,
    calls: int = 1,
    *,
    now: datetime,
    batch: int = 1,
    only_message: int | None = None,
    process: str = "",
) -> list[queue.Call]:
    """Claim at most so many calls."""
    ids = [f"call-{next(_keys)}" for _ in range(calls)]
    rooms = {"msmpusher": queue.Room(calls=calls, batch=batch)}
    return queue.claim(
        connection,
        rooms=rooms,
        choose=lambda *_: "msmpusher",
        now=now,
        call_ids=ids,
        only_message=only_message,
        process=process,
    )


def finished(call: queue.Call, delivery: Claimed, outcome: Outcome, following: Next) -> Finished:
    """The news of one number of a call."""
    return Finished(message_id=call.message_id, delivery=delivery, call=call.id, outcome=outcome, next=following)


def states(connection: Connection, message_id: int) -> list[str]:
    """The state of each delivery of a message, in the order of its numbers."""
    table = deliveries_table
    query = select(table.c.state).where(table.c.message_id == message_id).order_by(table.c.position)
    return list(connection.execute(query).scalars())


def put_in_state(connection: Connection, message_id: int, state: State) -> None:
    """Force a message's deliveries into a state, past every rule."""
    connection.execute(
        update(deliveries_table).where(deliveries_table.c.message_id == message_id).values(state=state.value)
    )


def attempt_rows(connection: Connection) -> list[tuple[int, int, str, str]]:
    """(delivery, attempt, call, outcome) of every attempt there is."""
    table = attempts_table
    query = select(table.c.delivery_id, table.c.attempt, table.c.call, table.c.outcome)
    return [tuple(row) for row in connection.execute(query.order_by(table.c.delivery_id, table.c.attempt))]
