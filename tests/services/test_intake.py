"""News of alerts, in whatever order and however often they come: the rules stand here a second time, in plain words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from bridge.domain.alerts import Alert
from bridge.oncall.records import OnCall
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices
from bridge.services.incidents.intake import Intake
from bridge.store import posts
from bridge.store.sqlite import sqlite_engine
from bridge.store.tables import incidents
from tests.support.databases import new_database
from tests.support.manual_clock import MONDAY_MORNING as START

few = settings(max_examples=30)  # each is a dozen transactions

NOBODY = Roster(oncall=OnCall())


@dataclass(frozen=True)
class News:
    """What a source says of its one alert: it fires since `at`, or is over since `at`; None: it does not tell."""

    firing: bool
    at: int | None


def fires(at: int | None) -> News:
    return News(firing=True, at=at)


def is_over(at: int | None) -> News:
    return News(firing=False, at=at)


Incidents = list[tuple[str, datetime | None]]
"""State and end of each incident of an alert, in their order."""


class Desk:
    """Takes in the news of one alert after the other; each `tells` is a new alert."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._intake = Intake(notices=Notices(places=(posts.Place(chat_id=1),), admins=()))
        self._numbers = count(1)
        self.alert = ""

    def tells(self, news: Sequence[News], *, at_once: bool = False) -> Incidents:
        """News of a new alert, each in a request of its own, one soon after another (or all in one share)."""
        self.alert = f"alert {next(self._numbers)}"
        self.tells_more(news, at_once=at_once)
        return self.incidents()

    def tells_more(self, news: Sequence[News], *, at_once: bool = False, later_s: int = 0) -> None:
        """News of the same alert, `later_s` later than they would be."""
        later = timedelta(seconds=later_s)
        pairs = [(self._alert(one), _received(index) + later) for index, one in enumerate(news)]
        for share in (pairs,) if at_once else [[pair] for pair in pairs]:
            self._intake.take_all(self._connection, share, NOBODY, now=_received(len(pairs)) + later)

    def incidents(self) -> Incidents:
        rows = self._connection.execute(
            select(incidents.c.state, incidents.c.starts_at, incidents.c.news)
            .where(incidents.c.fingerprint == self.alert)
            .order_by(incidents.c.id)
        )
        return [(row.state, row.starts_at) for row in rows]

    def states(self) -> list[str]:
        return [state for state, _ in self.incidents()]

    def _alert(self, news: News) -> Alert:
        at = None if news.at is None else _time(news.at)
        return Alert(
            source="test",
            fingerprint=self.alert,
            firing=news.firing,
            title="disk full",
            starts_at=at if news.firing else None,
            ends_at=None if news.firing else at,
        )


def _time(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def _received(index: int) -> datetime:
    """Between two times that a source may tell, so that they are never the same. All of a test are within a
    minute, after all that it tells of.
    """
    return START + timedelta(minutes=40, seconds=1 + index * 0.5)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    engine = sqlite_engine(new_database(Path(tmp_path_factory.mktemp("intake"))))
    with engine.connect() as connection:
        yield Desk(connection)
        connection.rollback()
    engine.dispose()


@st.composite
def histories(draw: st.DrawFn) -> list[News]:
    """What one Alertmanager says of an alert that fires and ends, again and again. `startsAt` moves while it fires."""
    news: list[News] = []
    now = 0
    for _ in range(draw(st.integers(1, 4), label="firings")):
        began, ended = now + 1, now + draw(st.integers(2, 9), label="until")
        starts = draw(st.lists(st.integers(began, ended), min_size=1, max_size=4), label="startsAt")
        news += [fires(start) for start in starts] + [is_over(ended)]
        now = ended
    return news if draw(st.booleans(), label="is over") else news[:-1]


anything = st.lists(st.builds(News, st.booleans(), st.none() | st.integers(0, 12)), max_size=12)


def by_the_rules(news: Sequence[News]) -> list[str]:
    """The states of the incidents, by the rules written down a second time, as plainly as can be."""
    found: list[str] = []
    starts: datetime | None = None
    last_end: datetime | None = None
    for index, one in enumerate(news):
        told = None if one.at is None else _time(one.at)
        at = told or _received(index)
        is_open = found[-1:] == ["open"]
        if one.firing and is_open:
            starts = told or starts
        elif one.firing:
            if last_end is None or at > last_end:
                found.append("open")
                starts = told
        elif not (last_end and at <= last_end) and not (is_open and starts and at < starts):
            last_end = at
            found = [*found[:-1], "resolved"] if is_open else found
    return found


@few
@given(news=anything)
def test_any_news_in_any_order_make_the_incidents_of_the_rules(desk: Desk, news: list[News]) -> None:
    desk.tells(news)
    assert desk.states() == by_the_rules(news)


@few
@given(news=anything)
def test_at_most_one_is_open_and_what_is_resolved_stays_as_it_was(desk: Desk, news: list[News]) -> None:
    desk.tells([])
    before: Incidents = []
    for one in news:
        desk.tells_more([one])
        now = desk.incidents()
        assert [state for state, _ in now].count("open") <= 1
        resolved = [one for one in before if one[0] == "resolved"]
        assert now[: len(resolved)] == resolved
        assert len(before) <= len(now) <= len(before) + 1
        before = now


@few
@given(news=anything)
def test_many_requests_in_one_step_are_as_each_in_its_own(desk: Desk, news: list[News]) -> None:
    assert desk.tells(news, at_once=True) == desk.tells(news)


@few
@given(news=anything)
def test_what_is_said_twice_at_once_is_as_said_once(desk: Desk, news: list[News]) -> None:
    """Of what tells its times: what does not says something new each time."""
    told = [one for one in news if one.at is not None]
    assert desk.tells([one for one in told for _ in range(2)]) == desk.tells(told)


@few
@given(news=histories(), data=st.data())
def test_a_pair_of_alertmanagers_makes_the_incidents_of_one(desk: Desk, news: list[News], data: st.DataObject) -> None:
    """Each says the same, in order; how far one lags behind the other is anybody's guess."""
    lag = data.draw(st.lists(st.booleans(), min_size=2 * len(news), max_size=2 * len(news)), label="whose turn")
    first, second = iter(news), iter(news)
    both = [one for turn in lag if (one := next(first if turn else second, None)) is not None]
    both += [*first, *second]
    assert len(both) == 2 * len(news)
    desk.tells(both)
    twice = desk.states()
    desk.tells(news)
    assert twice == desk.states()


@few
@given(news=histories(), data=st.data())
def test_late_news_of_what_is_over_change_nothing_in_whatever_order(
    desk: Desk, news: list[News], data: st.DataObject
) -> None:
    desk.tells(news)
    before = desk.states()
    ends = [one.at for one in news if not one.firing and one.at is not None]
    old = [one for one in news if one.at is not None and ends and one.at <= max(ends)]
    late = data.draw(st.lists(st.sampled_from(old), max_size=8) if old else st.just([]), label="late")
    desk.tells_more(late)
    assert desk.states() == before


@few
@given(news=histories())
def test_each_firing_is_an_incident_and_only_the_last_may_be_open(desk: Desk, news: list[News]) -> None:
    desk.tells(news)
    firings = sum(not one.firing for one in news) + news[-1].firing
    assert desk.states() == ["resolved"] * (firings - news[-1].firing) + ["open"] * news[-1].firing


@pytest.mark.parametrize(
    ("news", "states"),
    [
        ([is_over(5), fires(3)], []),  # the end came first: it is over, and nobody needs to wake up
        ([is_over(5), fires(6)], ["open"]),
        ([fires(3), is_over(5), fires(5)], ["resolved"]),
        ([fires(3), is_over(5), fires(4), fires(6), is_over(5)], ["resolved", "open"]),
        ([fires(6), is_over(5)], ["open"]),  # an end from before this firing
        ([fires(6), fires(2), is_over(7)], ["resolved"]),  # another Alertmanager began to count earlier
        ([fires(None), is_over(None), fires(None)], ["resolved", "open"]),  # a source that tells no times
    ],
)
def test_late_early_and_repeated_news(desk: Desk, news: list[News], states: list[str]) -> None:
    desk.tells(news)
    assert desk.states() == states


@pytest.mark.parametrize(
    ("later_s", "states"), [(58, ["resolved"]), (62, ["resolved", "open"]), (90 * 86400, ["resolved", "open"])]
)
def test_the_same_start_is_late_news_for_a_minute_and_then_it_fires_again(
    desk: Desk, later_s: int, states: list[str]
) -> None:
    """As an Alertmanager tells it that lost its Prometheus for a while."""
    desk.tells([fires(3), is_over(9)])
    desk.tells_more([fires(3)], later_s=later_s)
    assert desk.states() == states
    desk.tells_more([fires(3), is_over(9)], later_s=later_s + 1)  # the end that is known already is none of this one
    assert desk.states() == states
    desk.tells_more([is_over(12)], later_s=later_s + 2)
    assert desk.states() == ["resolved"] * len(states)


def test_an_end_that_came_before_its_firing_holds_for_a_minute(desk: Desk) -> None:
    desk.tells([is_over(5), fires(3)])
    assert desk.states() == []
    desk.tells_more([fires(3)], later_s=120)
    assert desk.states() == ["open"]
