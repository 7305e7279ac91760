"""What admins are told of a balance that runs low, over a real store."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bridge.domain.delivery import Next, State
from bridge.domain.outcome import Accepted, GatewayWords, NotSent, Outcome, Reason, Unknown
from bridge.services.sms.low_balance import LowBalance, LowMark
from bridge.store import balances
from bridge.store.database import Database
from bridge.store.outcomes import Finished
from bridge.store.posts import Place
from bridge.store.queue import Claimed
from bridge.store.sqlite import SqliteDatabase
from bridge.store.tables import posts
from tests.support.databases import new_database
from tests.support.manual_clock import ManualClock

LOW, ALMOST_GONE, ENOUGH = "is low", "almost gone", "above the mark again"


class Admins:
    """Two places where admins read; `restart` is a new process on the same store."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = ManualClock()
        self.restart()

    def restart(self, mark: float = 100) -> None:
        self.places = (Place(chat_id=1), Place(chat_id=-100, thread_id=7))
        self.balance = self.process(mark)

    def process(self, mark: float = 100) -> LowBalance:
        low_mark = LowMark(at=mark, setting="BRIDGE_TEXTLOCAL_LOW_BALANCE")
        return LowBalance(self.database, self.clock, gateway="textlocal", mark=low_mark, places=self.places)

    async def hear(self, *left: float, began: datetime | None = None) -> None:
        """These balances were told by calls that began just now or at `began`, and a second passes."""
        began = began or self.clock.now()
        self.clock.advance(1)
        self.balance.heard([finished(accepted(one), began) for one in left])
        await self.balance.stop()

    async def texts(self) -> list[str]:
        """What was posted, in order; each at both places."""
        rows = await self.database.read(lambda c: c.execute(select(posts).order_by(posts.c.id)).all())
        assert [(row.chat_id, row.thread_id) for row in rows] == [(1, None), (-100, 7)] * (len(rows) // 2)
        assert [row.text for row in rows[::2]] == [row.text for row in rows[1::2]]
        return [row.text for row in rows[::2]]

    async def read(self) -> list[str]:
        return [next(word for word in (LOW, ALMOST_GONE, ENOUGH) if word in text) for text in await self.texts()]

    async def last_told(self) -> float | None:
        told = await self.database.read(lambda connection: balances.told(connection, "textlocal"))
        return told.balance if told else None


def accepted(balance: float) -> Outcome:
    return Accepted(words=GatewayWords(balance=balance))


def finished(outcome: Outcome, began: datetime | None) -> Finished:
    delivery = Claimed(id=1, number="+233241109433", attempt=1, tries=1, round_started_at=ManualClock().now())
    return Finished(
        message_id=1, delivery=delivery, call="call", outcome=outcome, next=Next(state=State.ACCEPTED), claimed_at=began
    )


@pytest.fixture
async def admins(tmp_path: Path) -> AsyncIterator[Admins]:
    database = SqliteDatabase(new_database(tmp_path))
    yield Admins(database)
    await database.aclose()


async def test_each_notice_names_the_gateway_the_balance_the_mark_and_what_to_do(admins: Admins) -> None:
    for left in (100.0, 9.5, 1162.0):
        await admins.hear(left)
    assert await admins.texts() == [
        "⚠️ Gateway textlocal: its balance is low, 100 is left. Top it up: without a balance it sends nothing. This is "
        "said at 100 (BRIDGE_TEXTLOCAL_LOW_BALANCE), and once more at a tenth of that.",
        "⚠️ Gateway textlocal: its balance is almost gone, 9.5 is left. Top it up now: without a balance it sends "
        "nothing. This is less than a tenth of 100 (BRIDGE_TEXTLOCAL_LOW_BALANCE).",
        "✅ Gateway textlocal: its balance is above the mark again, 1162 is left (the mark: 100).",
    ]


async def test_an_alarm_is_not_repeated_however_long_it_stays_low(admins: Admins) -> None:
    for left in range(99, 9, -1):
        await admins.hear(left)
        admins.clock.advance(3600)
    assert await admins.read() == [LOW]


async def test_it_is_said_anew_after_each_top_up(admins: Admins) -> None:
    for left in (90, 500, 90, 5, 500, 90):
        await admins.hear(left)
    assert await admins.read() == [LOW, ENOUGH, LOW, ALMOST_GONE, ENOUGH, LOW]


async def test_a_restart_repeats_nothing_and_forgets_no_all_clear(admins: Admins) -> None:
    for left in (90, 80, 5, 4, 500, 400):
        admins.restart()
        await admins.hear(left)
    assert await admins.read() == [LOW, ALMOST_GONE, ENOUGH]


async def test_an_answer_that_came_late_undoes_nothing_not_even_after_a_restart(admins: Admins) -> None:
    began = admins.clock.now()
    admins.clock.advance(10)
    await admins.hear(90)
    admins.restart()
    await admins.hear(101, began=began)
    assert (await admins.read(), await admins.last_told()) == ([LOW], 90)
    await admins.hear(500)
    admins.restart()
    await admins.hear(89, began=began + timedelta(seconds=1))
    assert (await admins.read(), await admins.last_told()) == ([LOW, ENOUGH], 500)


async def test_fifty_calls_that_end_one_by_one_are_one_notice_and_few_writes(admins: Admins) -> None:
    written = 0

    def count(_seconds: float) -> None:
        nonlocal written
        written += 1

    database = SqliteDatabase(admins.database.path, on_commit=count)
    admins.database = database
    admins.restart()
    began = admins.clock.now()
    admins.clock.advance(1)
    for left in range(130, 80, -1):
        admins.balance.heard([finished(accepted(left), began)])
    await admins.balance.stop()
    assert (await admins.read(), await admins.last_told()) == ([LOW], 81)
    assert written < 5
    await database.aclose()


async def test_two_processes_that_hear_it_at_once_say_it_once(admins: Admins) -> None:
    other = admins.process()
    began = admins.clock.now()
    admins.clock.advance(1)
    admins.balance.heard([finished(accepted(90), began)])
    other.heard([finished(accepted(89), began)])
    await admins.balance.stop()
    await other.stop()
    assert await admins.read() == [LOW]


async def test_of_a_list_the_least_counts(admins: Admins) -> None:
    await admins.hear(103, 99, 101)
    assert (await admins.read(), await admins.last_told()) == ([LOW], 99)


async def test_what_was_not_sent_tells_the_balance_too_and_what_nobody_knows_does_not(admins: Admins) -> None:
    words = GatewayWords(balance=3)
    now = admins.clock.now()
    admins.balance.heard([finished(Unknown(reason=Reason.REPEATED_ID, words=words), now)])
    admins.balance.heard([finished(Accepted(), now), finished(accepted(1), None)])
    await admins.balance.stop()
    assert (await admins.read(), await admins.last_told()) == ([], None)
    admins.balance.heard([finished(NotSent(reason=Reason.NO_BALANCE, words=words), now)])
    await admins.balance.stop()
    assert (await admins.read(), await admins.last_told()) == ([ALMOST_GONE], 3)


async def test_without_a_mark_the_balance_is_kept_and_nothing_is_said(admins: Admins) -> None:
    admins.restart(mark=0)
    await admins.hear(0)
    assert (await admins.read(), await admins.last_told()) == ([], 0)


async def test_nobody_waits_for_the_notice_and_a_store_that_is_gone_ends_nothing_but_it(
    admins: Admins, caplog: pytest.LogCaptureFixture
) -> None:
    began = admins.clock.now()
    admins.balance.heard([finished(accepted(90), began)])
    assert await admins.last_told() is None  # it returned before anything was written
    await admins.balance.stop()
    path = admins.database.path
    await admins.database.aclose()
    await admins.hear(5)
    assert "a gateway's balance could not be kept" in caplog.text

    admins.database = SqliteDatabase(path)
    admins.restart()
    await admins.hear(4)
    assert await admins.read() == [LOW, ALMOST_GONE]
    await admins.database.aclose()
