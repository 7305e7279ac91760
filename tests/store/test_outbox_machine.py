"""The outbox as a state machine, on a real database: whatever happens in whatever order, nothing is lost or doubled."""

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, select

from bridge.domain.delivery import RESENDABLE, Cause, State, follow
from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.store import messages, outcomes, queue, switches
from bridge.store.queue import PRIORITY_BULK, PRIORITY_SINGLE, Call
from bridge.store.sqlite import sqlite_engine
from bridge.store.tables import deliveries as deliveries_table
from tests.support.databases import new_database
from tests.support.outbox import add_message, attempt_rows, claim, finished

START = datetime(2026, 1, 5, 9, tzinfo=UTC)

OUTCOMES: list[Outcome] = [
    Accepted(),
    Accepted(reason=Reason.SCHEDULED, scheduled=True),
    Rejected(reason=Reason.BAD_NUMBER),
    Rejected(reason=Reason.BAD_NUMBER, split=True),
    NotSent(reason=Reason.GATEWAY_FAILED),
    NotSent(reason=Reason.NO_BALANCE, out_of_service=True),
    Unknown(reason=Reason.NO_ANSWER),
]
CERTAIN = {State.ACCEPTED, State.SCHEDULED, State.REJECTED, State.FAILED}


@dataclass
class Expected:
    """What one delivery should be, by rules written down a second time, as plainly as can be."""

    message: int
    group_size: int
    due_at: datetime
    state: State
    attempt: int = 0
    tries: int = 0
    round_started_at: datetime | None = None
    calls: list[str] = field(default_factory=list)  # of attempt 1, 2, ...


class Outbox(RuleBasedStateMachine):
    """Every rule is one transaction, as in the service."""

    def open(self) -> Engine:
        """An empty database."""
        self.folder = Path(tempfile.mkdtemp())
        return sqlite_engine(new_database(self.folder))

    @initialize()
    def start(self) -> None:
        self.engine = self.open()
        self.now = START
        self.expected: dict[int, Expected] = {}
        self.calls: list[Call] = []  # all that ever were, so that news can come late, again, and in any order
        self.said: dict[tuple[str, int], Outcome] = {}  # (call, delivery) -> what is certain of it
        self.paused = False

    def teardown(self) -> None:
        self.engine.dispose()
        shutil.rmtree(self.folder)

    def of(self, message: int) -> list[Expected]:
        return [one for one in self.expected.values() if one.message == message]

    @rule(
        count=st.integers(1, 6),
        group_size=st.integers(1, 4),
        priority=st.sampled_from([PRIORITY_SINGLE, PRIORITY_BULK]),
        held=st.booleans(),
    )
    def a_message_is_written(self, count: int, group_size: int, priority: int, held: bool) -> None:
        with self.engine.begin() as connection:
            hold = "ask" if held else ""
            message = add_message(connection, count, now=self.now, group_size=group_size, priority=priority, hold=hold)
            query = select(deliveries_table.c.id).where(deliveries_table.c.message_id == message)
            ids = list(connection.execute(query).scalars())
        assert len(ids) == count
        state = State.HELD if held else State.QUEUED
        for one in ids:
            self.expected[one] = Expected(message, group_size, self.now, state)

    @rule(slots=st.integers(0, 4), batch=st.integers(1, 3))
    def what_is_due_is_claimed(self, slots: int, batch: int) -> None:
        due = {key for key, one in self.expected.items() if one.state is State.QUEUED and one.due_at <= self.now}
        with self.engine.begin() as connection:
            calls = claim(connection, slots, now=self.now, batch=batch)
        taken = [one.id for call in calls for one in call.deliveries]
        assert len(calls) <= slots
        assert len(taken) == len(set(taken))
        assert set(taken) <= due
        assert bool(calls) == bool(due and slots and not self.paused)
        for call in calls:
            assert {self.expected[one.id].message for one in call.deliveries} == {call.message_id}
            assert len(call.deliveries) <= min(batch, *(self.expected[one.id].group_size for one in call.deliveries))
            for one in call.deliveries:
                row = self.expected[one.id]
                row.state, row.attempt, row.tries = State.SENDING, row.attempt + 1, row.tries + 1
                row.round_started_at = row.round_started_at or self.now
                row.calls.append(call.id)
                assert (one.attempt, one.tries, one.round_started_at) == (row.attempt, row.tries, row.round_started_at)
        self.calls += calls

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), newest=st.booleans())
    def a_call_is_answered(self, data: st.DataObject, newest: bool) -> None:
        """Also late, and more than once; what is certain is then said again."""
        open_calls = [call for call in self.calls if any(self.is_current(call, one) for one in call.deliveries)]
        call = data.draw(st.sampled_from(open_calls if newest and open_calls else self.calls), label="call")
        news = []
        for one in call.deliveries:
            outcome = self.said.get((call.id, one.id)) or data.draw(st.sampled_from(OUTCOMES), label="outcome")
            if not isinstance(outcome, Unknown):
                self.said[call.id, one.id] = outcome
            retry_at = data.draw(st.sampled_from([None, self.now, self.now + timedelta(seconds=30)]), label="retry at")
            following = follow(outcome, listed=len(call.deliveries), now=self.now, retry_at=retry_at)
            news.append(finished(call, one, outcome, following))
        with self.engine.begin() as connection:
            took = outcomes.finish(connection, news, now=self.now, buttons_until=self.now)
        expected_to_take = 0
        for one, what in zip(call.deliveries, news, strict=True):
            row = self.expected[one.id]
            if row.attempt != one.attempt:
                continue
            if row.state is State.SENDING or (row.state is State.UNKNOWN and what.next.state in CERTAIN):
                row.state = what.next.state
                row.due_at = what.next.due_at or row.due_at
                row.group_size = what.next.group_size or row.group_size
                expected_to_take += 1
        assert took == expected_to_take

    def is_current(self, call: Call, one: queue.Claimed) -> bool:
        row = self.expected[one.id]
        return row.attempt == one.attempt and row.state in (State.SENDING, State.UNKNOWN)

    @precondition(lambda self: self.expected)
    @rule(
        data=st.data(),
        what=st.sampled_from(
            [
                (Cause.CONFIRM, State.QUEUED, {State.HELD}),
                (Cause.CANCEL, State.CANCELLED, {State.HELD, State.QUEUED}),
                (Cause.HOLD, State.HELD, {State.QUEUED}),
                (Cause.RESEND, State.QUEUED, set(RESENDABLE)),
            ]
        ),
    )
    def somebody_decides(self, data: st.DataObject, what: tuple[Cause, State, set[State]]) -> None:
        cause, new, olds = what
        message = data.draw(st.sampled_from(sorted({one.message for one in self.expected.values()})), label="message")
        with self.engine.begin() as connection:
            moved = messages.move(connection, message, cause, new, now=self.now)
        concerned = [one for one in self.of(message) if one.state in olds]
        assert moved == len(concerned)
        for one in concerned:
            one.state = new
            if new is State.QUEUED:
                one.due_at, one.tries, one.round_started_at = self.now, 0, None

    @rule()
    def the_process_is_killed_and_the_next_takes_over(self) -> None:
        with self.engine.begin() as connection:
            found = outcomes.abandon(connection, now=self.now, buttons_until=self.now)
        sending = [one for one in self.expected.values() if one.state is State.SENDING]
        assert set(found) == {one.message for one in sending}
        for one in sending:
            one.state = State.UNKNOWN

    @rule()
    def the_switch_is_turned(self) -> None:
        with self.engine.begin() as connection:
            if self.paused:
                switches.drop(connection, switches.PAUSED)
            else:
                switches.put(connection, switches.PAUSED, "on", by="Ama", now=self.now)
        self.paused = not self.paused

    @rule(seconds=st.sampled_from([0.000001, 1, 30, 3600]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def the_rows_are_what_they_should_be(self) -> None:
        with self.engine.connect() as connection:
            rows = connection.execute(select(deliveries_table)).all()
            attempts = attempt_rows(connection)
            next_due = queue.next_due(connection)
            counts = queue.counts(connection)
        found = {
            row.id: Expected(
                row.message_id,
                row.group_size,
                row.due_at,
                State(row.state),
                row.attempt,
                row.tries,
                row.round_started_at,
            )
            for row in rows
        }
        for key, one in self.expected.items():
            found[key].calls = one.calls
        assert found == self.expected
        written = [(key, index + 1, call) for key, one in self.expected.items() for index, call in enumerate(one.calls)]
        assert [attempt[:3] for attempt in attempts] == sorted(written)
        outcomes = {(delivery, attempt): outcome for delivery, attempt, _, outcome in attempts}
        for key, one in self.expected.items():
            if one.state is State.ACCEPTED:
                assert outcomes[key, one.attempt] == "accepted"
        queued = [one.due_at for one in self.expected.values() if one.state is State.QUEUED]
        assert next_due == min(queued, default=None)
        for state in (State.HELD, State.QUEUED, State.SENDING, State.UNKNOWN):
            assert counts.get(state, 0) == sum(one.state is state for one in self.expected.values())


def runs(examples: int, steps: int, phases: tuple[Phase, ...]) -> settings:
    return settings(
        phases=phases,
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


TestOutbox = Outbox.TestCase
TestOutbox.settings = runs(25, 30, (Phase.generate,))  # to make a failure small takes minutes: the long run does it


class OnPostgres(Outbox):
    """The same, in a database that is emptied for each run."""

    engine: Engine

    def open(self) -> Engine:
        with self.engine.begin() as connection:
            connection.exec_driver_sql("TRUNCATE messages, switches, posts RESTART IDENTITY CASCADE")
        return self.engine

    def teardown(self) -> None:
        pass


@pytest.mark.parametrize("kind", ["postgres"])
def test_the_outbox_on_postgresql(engine: Engine) -> None:
    class Here(OnPostgres):
        pass

    Here.engine = engine
    run_state_machine_as_test(Here, settings=runs(10, 30, (Phase.generate,)))


@pytest.mark.soak
@pytest.mark.timeout(1800)
class TestOutboxForLong(Outbox.TestCase):  # type: ignore[misc, name-defined]
    settings = runs(1500, 50, (Phase.generate, Phase.shrink))
