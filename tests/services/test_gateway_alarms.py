"""What admins are told of a gateway that only they can mend, and that it works again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bridge.domain.breaker import Breaker
from bridge.domain.delivery import Next, State
from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Unknown
from bridge.services.sms.choose_gateway import Standing
from bridge.services.sms.gateway_alarms import Alarms
from bridge.store.database import Database
from bridge.store.outcomes import Finished
from bridge.store.posts import Place
from bridge.store.queue import Claimed
from bridge.store.sqlite import SqliteDatabase
from bridge.store.tables import posts
from tests.support.databases import new_database
from tests.support.manual_clock import ManualClock

NO_BALANCE = NotSent(reason=Reason.NO_BALANCE, out_of_service=True)
BAD_KEY = NotSent(reason=Reason.BAD_KEY, out_of_service=True)
IN = Standing(breaker=Breaker(gateway="msmpusher"))
BALANCE, KEY, CLEAR = "balance", "keys", "works again"


class Admins:
    """Two places where admins read; `restart` is a new process on the same store."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = ManualClock()
        self.restart()

    def restart(self) -> None:
        places = (Place(chat_id=1), Place(chat_id=-100, thread_id=7))
        self.alarms = Alarms(self.database, self.clock, gateway="msmpusher", places=places, everywhere=places)

    async def hear(self, *outcomes: Outcome, began: datetime | None = None) -> None:
        """These outcomes were written now, of rounds that began just now or at `began`."""
        self.alarms.heard([_finished(outcome, began or self.clock.now()) for outcome in outcomes], IN)
        await self.alarms.stop()

    async def read(self) -> list[str]:
        """What was posted, in order; each at both places."""
        rows = await self.database.read(lambda c: c.execute(select(posts).order_by(posts.c.id)).all())
        assert [(row.chat_id, row.thread_id) for row in rows] == [(1, None), (-100, 7)] * (len(rows) // 2)
        assert [row.text for row in rows[::2]] == [row.text for row in rows[1::2]]
        return [next(word for word in (BALANCE, KEY, CLEAR) if word in row.text) for row in rows[::2]]

    def minutes_pass(self, minutes: float) -> None:
        self.clock.advance(minutes * 60)


def _finished(outcome: Outcome, began: datetime) -> Finished:
    delivery = Claimed(id=1, number="+233241109433", attempt=1, tries=1, round_started_at=began)
    return Finished(
        message_id=1,
        delivery=delivery,
        call="call",
        outcome=outcome,
        next=Next(state=State.FAILED),
        claimed_at=began,
    )


@pytest.fixture
async def admins(tmp_path: Path) -> AsyncIterator[Admins]:
    database = SqliteDatabase(new_database(tmp_path))
    yield Admins(database)
    await database.aclose()


async def test_an_alarm_is_repeated_an_hour_after_it_was_said_and_not_at_the_next_full_hour(admins: Admins) -> None:
    admins.minutes_pass(59)
    await admins.hear(NO_BALANCE, NO_BALANCE)
    for _ in range(5):
        admins.minutes_pass(11)
        await admins.hear(NO_BALANCE)
    assert await admins.read() == [BALANCE]
    admins.minutes_pass(5)
    await admins.hear(NO_BALANCE)
    assert await admins.read() == [BALANCE, BALANCE]


async def test_each_trouble_has_its_own_alarm_and_one_all_clear_ends_them_all(admins: Admins) -> None:
    await admins.hear(NO_BALANCE)
    await admins.hear(BAD_KEY)
    await admins.hear(Accepted())
    await admins.hear(Accepted())
    assert await admins.read() == [BALANCE, KEY, CLEAR]


async def test_without_an_alarm_there_is_no_all_clear(admins: Admins) -> None:
    await admins.hear(Accepted())
    await admins.hear(Unknown(reason=Reason.CUT))
    await admins.hear(Accepted(reason=Reason.SCHEDULED, scheduled=True))
    assert await admins.read() == []


async def test_the_all_clear_survives_a_restart_and_so_does_that_it_was_said(admins: Admins) -> None:
    await admins.hear(NO_BALANCE)
    admins.restart()
    await admins.hear(Accepted())
    admins.restart()
    await admins.hear(Accepted())
    assert await admins.read() == [BALANCE, CLEAR]


async def test_a_restart_does_not_repeat_an_alarm(admins: Admins) -> None:
    await admins.hear(NO_BALANCE)
    admins.restart()
    admins.minutes_pass(30)
    await admins.hear(NO_BALANCE)
    assert await admins.read() == [BALANCE]


async def test_after_an_all_clear_new_trouble_is_said_at_once(admins: Admins) -> None:
    await admins.hear(NO_BALANCE)
    await admins.hear(Accepted())
    admins.minutes_pass(5)
    await admins.hear(NO_BALANCE)
    assert await admins.read() == [BALANCE, CLEAR, BALANCE]


async def test_a_gateway_that_takes_some_and_refuses_others_is_not_talked_about_all_the_time(admins: Admins) -> None:
    for _ in range(50):
        await admins.hear(NO_BALANCE)
        admins.minutes_pass(0.5)
        await admins.hear(Accepted())
        admins.minutes_pass(0.5)
    assert await admins.read() == [BALANCE, CLEAR, BALANCE]
    admins.minutes_pass(60)
    await admins.hear(Accepted())
    assert await admins.read() == [BALANCE, CLEAR, BALANCE, CLEAR]


async def test_what_was_under_way_when_another_was_refused_ends_no_alarm(admins: Admins) -> None:
    began = admins.clock.now()
    admins.minutes_pass(0.1)
    await admins.hear(NO_BALANCE, Accepted(), began=began)
    await admins.hear(Accepted(), began=began)
    assert await admins.read() == [BALANCE]
    await admins.hear(Accepted(), began=began + timedelta(minutes=1))
    assert await admins.read() == [BALANCE, CLEAR]


async def test_an_alarm_that_comes_while_the_all_clear_is_written_gets_its_own(admins: Admins) -> None:
    await admins.hear(NO_BALANCE)
    now = admins.clock.now()
    admins.alarms.heard([_finished(Accepted(), now)], IN)
    admins.alarms.heard([_finished(BAD_KEY, now)], IN)
    await admins.alarms.stop()
    assert await admins.read() == [BALANCE, CLEAR, KEY]
    admins.minutes_pass(61)
    await admins.hear(Accepted())
    assert await admins.read() == [BALANCE, CLEAR, KEY, CLEAR]


async def test_a_clock_that_was_put_back_silences_nobody(admins: Admins) -> None:
    await admins.hear(NO_BALANCE)
    admins.minutes_pass(-120)
    await admins.hear(NO_BALANCE)
    assert await admins.read() == [BALANCE, BALANCE]


async def test_a_store_that_is_gone_ends_nothing_but_the_alarm(
    admins: Admins, caplog: pytest.LogCaptureFixture
) -> None:
    await admins.hear(NO_BALANCE)
    await admins.database.aclose()
    await admins.hear(NO_BALANCE)
    await admins.hear(Accepted())
    assert ["alarm" in caplog.text, "all-clear" in caplog.text] == [True, True]


async def test_who_heard_that_nothing_can_be_sent_hears_it_again_and_that_it_is_over(admins: Admins) -> None:
    here, private = Place(chat_id=-100), Place(chat_id=7)
    alarms = Alarms(admins.database, admins.clock, gateway="msmpusher", places=[here], everywhere=[private])

    async def hear(outcome: Outcome, standing: Standing = IN) -> None:
        alarms.heard([_finished(outcome, admins.clock.now())], standing)
        await alarms.stop()

    now = admins.clock.now()
    out = Breaker(gateway="msmpusher", failures=1, reason=Reason.NO_BALANCE, out_since=now)
    await hear(NO_BALANCE, Standing(breaker=out))
    admins.minutes_pass(61)
    await hear(NO_BALANCE, Standing(breaker=out))
    await hear(Accepted())
    rows = await admins.database.read(lambda c: c.execute(select(posts).order_by(posts.c.id)).all())
    for place in (here, private):
        said = [row.text for row in rows if row.chat_id == place.chat_id]
        assert ["works again" in words for words in said] == [False, False, True]


def _out(admins: Admins, *others: str) -> Standing:
    """It went out now, since it cannot be reached."""
    breaker = Breaker(gateway="msmpusher", failures=3, reason=Reason.UNREACHABLE, out_since=admins.clock.now())
    return Standing(breaker=breaker, others=others, several=True)


async def _fails(admins: Admins, standing: Standing) -> None:
    admins.alarms.heard([_finished(NotSent(reason=Reason.UNREACHABLE), admins.clock.now())], standing)
    await admins.alarms.stop()


async def _texts(admins: Admins) -> list[str]:
    rows = await admins.database.read(lambda c: c.execute(select(posts.c.text).order_by(posts.c.id)).scalars().all())
    return list(rows[::2])


OUT = "⚠️ Gateway msmpusher: 3 calls in a row failed: the gateway cannot be reached."


async def test_that_calls_fail_is_said_once_with_what_becomes_of_messages(admins: Admins) -> None:
    out = _out(admins, "textlocal")
    await _fails(admins, out)
    admins.minutes_pass(90)
    await _fails(admins, out)
    admins.restart()
    await _fails(admins, out)
    assert await _texts(admins) == [f"{OUT} Messages go by textlocal."]


async def test_that_a_gateway_is_out_is_said_by_the_next_process_where_one_died_before_it_could(admins: Admins) -> None:
    out = _out(admins, "textlocal")
    admins.restart()  # the outcome was written, and the process was gone
    admins.minutes_pass(1)
    await _fails(admins, out)
    assert await _texts(admins) == [f"{OUT} Messages go by textlocal."]


@pytest.mark.parametrize("minutes", [0, 5, 90])
async def test_that_no_gateway_is_left_is_said_although_that_one_is_out_is_known(
    admins: Admins, minutes: float
) -> None:
    out = _out(admins, "textlocal")
    await _fails(admins, out)
    admins.minutes_pass(minutes)
    alone = replace(out, others=())
    await _fails(admins, alone)
    await _fails(admins, alone)
    assert await _texts(admins) == [f"{OUT} Messages go by textlocal.", f"{OUT} No gateway is left that works."]


async def test_what_only_a_person_mends_is_said_anew_when_no_gateway_is_left(admins: Admins) -> None:
    balance = Breaker(gateway="msmpusher", failures=1, reason=Reason.NO_BALANCE, out_since=admins.clock.now())
    for others in (("textlocal",), ("textlocal",), (), ()):
        standing = Standing(breaker=balance, others=others, several=True)
        admins.alarms.heard([_finished(NO_BALANCE, admins.clock.now())], standing)
        await admins.alarms.stop()
    assert [text.split(". ")[-1] for text in await _texts(admins)] == [
        "Messages go by textlocal.",
        "No gateway is left that works.",
    ]


async def test_that_it_is_out_is_not_said_again_when_its_reason_changes(admins: Admins) -> None:
    out = Breaker(gateway="msmpusher", failures=1, reason=Reason.NO_BALANCE, out_since=admins.clock.now())
    in_place = Standing(breaker=out, others=("textlocal",), several=True)
    admins.alarms.heard([_finished(NO_BALANCE, admins.clock.now())], in_place)
    await admins.alarms.stop()
    admins.minutes_pass(1)
    now = replace(in_place, breaker=replace(out, failures=2, reason=Reason.UNREACHABLE))
    await _fails(admins, now)
    assert [text.split(". ")[-1] for text in await _texts(admins)] == ["Messages go by textlocal."]
    await _fails(admins, replace(now, others=()))
    assert (await _texts(admins))[1:] == [
        "⚠️ Gateway msmpusher: 2 calls in a row failed: the gateway cannot be reached. No gateway is left that works."
    ]


async def test_an_alarm_of_a_clock_that_was_ahead_is_ended_by_what_is_accepted_now(admins: Admins) -> None:
    admins.minutes_pass(24 * 60)
    await admins.hear(NO_BALANCE)
    await admins.hear(Accepted(), began=admins.clock.now() - timedelta(minutes=1))  # asks, and stands
    admins.minutes_pass(-24 * 60)
    await admins.hear(Accepted())
    assert await admins.read() == [BALANCE, CLEAR]
