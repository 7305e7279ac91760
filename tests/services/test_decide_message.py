"""Presses of buttons, decided on a store alone: nothing has tidied up before them."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bridge.domain.decision import Hold
from bridge.domain.delivery import State
from bridge.domain.errors import Refused
from bridge.services.sms import decide_message
from bridge.services.sms.decide_message import Actor
from bridge.services.sms.send_sms import BUTTONS_FOR
from bridge.store import messages
from bridge.store.database import Database
from bridge.store.sqlite import SqliteDatabase
from tests.support.databases import new_database
from tests.support.manual_clock import MONDAY_MORNING
from tests.support.outbox import add_message, put_in_state, states

AMA = Actor(owner="tg:1", name="Ama", admin=False)
END = MONDAY_MORNING + BUTTONS_FOR
JUST_BEFORE = END - timedelta(microseconds=1)

DECISIONS = [
    pytest.param(decide_message.confirm, State.HELD, State.QUEUED, id="Send now"),
    pytest.param(decide_message.cancel, State.HELD, State.CANCELLED, id="Cancel"),
    pytest.param(decide_message.resend, State.UNKNOWN, State.QUEUED, id="Send again"),
    pytest.param(decide_message.leave, State.UNKNOWN, State.UNKNOWN, id="Leave it"),
]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    found = SqliteDatabase(new_database(tmp_path))
    yield found
    await found.aclose()


def with_buttons(connection: Connection, state: State) -> int:
    """A message of Ama's in this state, with buttons until `END`."""
    message_id = add_message(connection, now=MONDAY_MORNING, hold=Hold.ASK if state is State.HELD else Hold.NOT)
    put_in_state(connection, message_id, state)
    messages.offer_buttons(connection, message_id, END)
    return message_id


@pytest.mark.parametrize(("press", "before", "after"), DECISIONS)
async def test_a_button_works_until_its_time_is_over_and_not_from_then_on(
    database: Database, press: Callable[..., str], before: State, after: State
) -> None:
    message_id = await database.write(lambda connection: with_buttons(connection, before))
    for late in (END, END + timedelta(minutes=1)):
        with pytest.raises(Refused, match="have had their time"):
            await database.write(lambda connection, at=late: press(connection, message_id, AMA, at, seen=0))
    assert await database.read(lambda connection: states(connection, message_id)) == [before.value]
    await database.write(lambda connection: press(connection, message_id, AMA, JUST_BEFORE, seen=0))
    assert await database.read(lambda connection: states(connection, message_id)) == [after.value]


@pytest.mark.parametrize(("press", "before", "after"), DECISIONS)
async def test_a_button_of_an_earlier_turn_decides_nothing(
    database: Database, press: Callable[..., str], before: State, after: State
) -> None:
    message_id = await database.write(lambda connection: with_buttons(connection, before))
    with pytest.raises(Refused, match="have had their time"):
        await database.write(lambda connection: press(connection, message_id, AMA, JUST_BEFORE, seen=1))
    assert await database.read(lambda connection: states(connection, message_id)) == [before.value]
