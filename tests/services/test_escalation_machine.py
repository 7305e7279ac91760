"""Escalation as a state machine, on a real SQLite: whatever happens in whatever order, the right people are paged."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, select

from bridge.domain.alerts import Alert, News, Severity
from bridge.domain.failover import Way
from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.oncall.file import read as read_oncall
from bridge.oncall.quiet import quiet_until
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices
from bridge.services.incidents import respond
from bridge.services.incidents.alerting import Alerting
from bridge.services.incidents.escalate import Escalation
from bridge.services.incidents.intake import Intake
from bridge.services.incidents.kept_requests import KeptRequests
from bridge.services.incidents.paging import Paging
from bridge.services.incidents.sent_pages import SentPages
from bridge.services.sms.claims import Claims
from bridge.services.sms.deliver import Deliverer
from bridge.services.sms.housekeeping import Housekeeping
from bridge.services.sms.retry import RetryPolicy
from bridge.store import alert_inbox
from bridge.store import page_requests as page_requests_of
from bridge.store.posts import Place
from bridge.store.sqlite import SqliteDatabase
from bridge.store.tables import deliveries, incident_log, incidents, page_requests, pages
from tests.services.escalation_model import FALLBACK_EVERY, INTERVAL, MAX_AGE, Model, Page, Policy
from tests.support.alerting import AMA, KOFI
from tests.support.databases import new_database
from tests.support.manual_clock import ManualClock

T = TypeVar("T")

ROSTER = Roster(
    oncall=read_oncall(
        f"""
[people.ama]
phone = "{AMA}"
quiet = "22:00-07:00"
[people.kofi]
phone = "{KOFI}"
[people.efua]
telegram = 333333333
[policies.default]
steps = [
  {{ page = ["person:ama"], wait = "5m" }},
  {{ page = ["person:efua"], wait = "5m" }},
  {{ page = ["person:kofi", "person:ama"], wait = "10m" }},
]
repeat = 1
fallback = ["person:kofi"]
ack_timeout = "1h"
[policies.short]
steps = [{{ page = ["person:kofi"], wait = "5m" }}]
[[routes]]
match = {{ team = "short" }}
policy = "short"
[[routes]]
match = {{ severity = "info" }}
policy = "none"
""",
        region="GH",
    )
)
PEOPLE = {AMA: "ama", KOFI: "kofi"}
M = timedelta(minutes=1)
ROUND = ((("ama",), 5 * M), ((), 5 * M), (("kofi", "ama"), 10 * M))
POLICIES = {
    "default": Policy(steps=ROUND * 2, fallback=("kofi",), ack_timeout=60 * M),
    "short": Policy(steps=((("kofi",), 5 * M),)),
}

# name -> severity, team, source
ALERTS = {
    "a": (Severity.CRITICAL, "", "alertmanager"),
    "b": (Severity.WARNING, "", "alertmanager"),
    "c": (Severity.CRITICAL, "short", "alertmanager"),
    "d": (Severity.INFO, "", "alertmanager"),
    "e": (Severity.CRITICAL, "", "generic"),
    "f": (Severity.WARNING, "", "generic"),
}
OUTCOMES: Mapping[str, Outcome] = {
    "accepted": Accepted(),
    "rejected": Rejected(reason=Reason.BAD_NUMBER),
    "not_sent": NotSent(reason=Reason.NO_BALANCE, out_of_service=True),
    "unknown": Unknown(reason=Reason.NO_ANSWER),
}
SMS = re.compile(r"(Maybe a repeat: )?(?:CRITICAL|WARNING|INFO) (\w) \([^)]*\)(?: \+(\d+) more)? /ack P\d+")


class Phones:
    """A gateway: what each person's number meets today, and every SMS that left."""

    name = "phones"

    def __init__(self, machine: "Paged") -> None:
        self._machine = machine

    async def send(self, numbers: Sequence[str], text: str) -> Mapping[str, Outcome]:
        (number,) = numbers
        mode = self._machine.model.modes.get(PEOPLE[number], "accepted")
        if mode in ("accepted", "unknown", "hangs"):
            found = SMS.fullmatch(text)
            assert found, text
            self._machine.sent.append((PEOPLE[number], found[2], int(found[3] or 0), bool(found[1])))
        if mode == "hangs":
            answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            self._machine.hanging.append((PEOPLE[number], answer))
            return {number: await answer}
        return {number: OUTCOMES[mode]}

    async def aclose(self) -> None:
        """Nothing is open."""


class Paged(RuleBasedStateMachine):
    """The alerting and the delivering half of the service, on one database, one step after the other."""

    @initialize(hour=st.integers(0, 23))
    def start(self, hour: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.path = new_database(self.folder)
        self.loop = asyncio.new_event_loop()
        self.clock = ManualClock(datetime(2026, 1, 5, hour, tzinfo=UTC))
        self.model = Model(POLICIES, lambda person, at: quiet_until(ROSTER.oncall.people[person], at))
        self.sent: list[tuple[str, str, int, bool]] = []
        self.hanging: list[tuple[str, asyncio.Future[Outcome]]] = []
        self.ids = count(1)
        self.run(self.build())

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.run(self.end())
            self.loop.close()
            shutil.rmtree(self.folder)

    def run(self, work: Coroutine[object, object, T]) -> T:
        return self.loop.run_until_complete(work)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    async def build(self) -> None:
        """As the composition root does it."""
        self.database = SqliteDatabase(self.path)
        notices = Notices(places=(Place(chat_id=1),), admins=(2,))

        def make_token(message_id: int, made_at: datetime) -> str:
            return str(message_id)

        sent_pages = SentPages(
            notices=notices,
            roster=lambda _: ROSTER,
            people=lambda _: ROSTER.oncall.people,
            make_token=make_token,
            link=lambda _: "",
        )
        self.alerting = Alerting(
            database=self.database,
            roster=lambda _: ROSTER,
            requests=KeptRequests(read=self.read, intake=Intake(notices=notices), notices=notices),
            escalation=Escalation(notices=notices, page_max_age=MAX_AGE),
            paging=Paging(notices=notices, interval=INTERVAL, make_token=make_token),
            clock=self.clock,
            on_written=lambda: None,
        )
        self.deliverer = Deliverer(
            database=self.database,
            slots=[Phones(self) for _ in range(8)],
            retry=RetryPolicy(120),
            page_retry=RetryPolicy(MAX_AGE.total_seconds(), through_outages=True),
            clock=self.clock,
            ways=[Way(name="phones")],
            claims=Claims(lambda: "this process"),
            make_id=lambda: f"call-{next(self.ids)}",
            wake=lambda: None,
            pages=sent_pages,
        )
        self.housekeeping = Housekeeping(self.database, self.clock, absence=5 * M, notice_places=(), pages=sent_pages)
        await self.housekeeping.take_over()

    def read(self, source: str, body: bytes, state: str) -> News:
        """What was posted: the names of alerts (with ! they are critical now), and whether they fire."""
        return News(
            alerts=tuple(
                Alert(
                    source=source,
                    fingerprint=name,
                    firing=state == "firing",
                    title=name,
                    severity=Severity.CRITICAL if worse else ALERTS[name][0],
                    labels={"team": ALERTS[name][1]},
                )
                for name, worse, _ in (word.partition("!") for word in body.decode().split())
            )
        )

    async def end(self) -> None:
        """As kill -9 does it: calls under way are nobody's."""
        for task in list(self.deliverer._running):
            task.cancel()
        await asyncio.gather(*self.deliverer._running, return_exceptions=True)
        self.hanging.clear()
        await self.database.aclose()

    async def settles(self) -> None:
        """Both halves, until neither has anything to do now."""
        await self.housekeeping.step()
        while True:
            again_s = await self.alerting.step()
            if again_s is not None and again_s <= 0:
                continue
            if self.deliverer._answered or await self.database.read(self.is_page_due):
                await self.deliverer.step()
                await asyncio.sleep(0)  # calls begin, and end at once but for those that hang
            else:
                return

    def is_page_due(self, connection: Connection) -> bool:
        due = select(deliveries.c.id).where(deliveries.c.state == "queued", deliveries.c.due_at <= self.now)
        return connection.execute(due).first() is not None

    def both(self, real: Callable[[Connection], object] | None = None) -> None:
        """Write to the real one; then both do what is due."""
        if real is not None:
            self.run(self.database.write(real))
        self.run(self.settles())
        self.model.settles(self.now)

    # what happens

    @rule(
        names=st.lists(st.sampled_from(sorted(ALERTS)), min_size=1, max_size=3, unique=True),
        worse=st.sampled_from([False, False, True]),
    )
    def alerts_fire(self, names: list[str], worse: bool) -> None:
        self.tick()
        for name in names:
            severity, team, source = ALERTS[name]
            severity = Severity.CRITICAL if worse else severity
            policy = team or ("none" if severity is Severity.INFO else "default")
            self.post(source, f"{name}!" if worse else name, "firing")
            self.model.fires(name, severity, policy, source == "alertmanager", self.now)
        self.both()

    @rule(name=st.sampled_from(sorted(ALERTS)))
    def an_alert_is_over(self, name: str) -> None:
        self.tick()
        self.post(ALERTS[name][2], name, "resolved")
        self.model.resolves(name, self.now)
        self.both()

    def post(self, source: str, body: str, state: str) -> None:
        now = self.now
        self.run(self.database.write(lambda c: alert_inbox.keep(c, source, state, body.encode(), now)))

    def tick(self) -> None:
        """News are never of the same moment."""
        self.time_passes_by(5)

    def time_passes_by(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.both()

    @precondition(lambda self: self.open())
    @rule(data=st.data())
    def somebody_acknowledges(self, data: st.DataObject) -> None:
        """One incident, or all of a page's."""
        key = data.draw(st.sampled_from(self.open()), label="incident")
        of_pages = [page.about for page in self.model.pages if key in page.about]
        keys = data.draw(st.sampled_from([[key], *of_pages]), label="about")
        now = self.now
        ids = [one + 1 for one in keys]
        self.model.acknowledged(list(keys), now)
        self.both(lambda c: respond.acknowledge(c, ids, by="Ama", via="test", roster=ROSTER, now=now))

    @precondition(lambda self: self.open())
    @rule(data=st.data())
    def somebody_resolves(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.open()), label="incident")
        now = self.now
        self.model.resolves(self.model.incidents[key].name, now)
        self.both(lambda c: respond.resolve(c, [key + 1], by="Ama", via="test", now=now))

    @precondition(lambda self: self.with_steps())
    @rule(data=st.data())
    def somebody_escalates_now(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.with_steps()), label="incident")
        now, seen = self.now, self.model.incidents[key].position
        self.model.escalated(key, now)
        self.both(lambda c: respond.escalate_now(c, key + 1, seen=seen, by="Ama", now=now))

    def open(self) -> list[int]:
        return [key for key, one in enumerate(self.model.incidents) if one.state == "open"]

    def with_steps(self) -> list[int]:
        return [key for key in self.open() if self.model.incidents[key].due_at is not None]

    @rule(person=st.sampled_from(["ama", "kofi"]), mode=st.sampled_from([*OUTCOMES, "hangs"]))
    def the_gateway_is_otherwise(self, person: str, mode: str) -> None:
        self.model.modes[person] = mode

    @precondition(lambda self: self.hanging)
    @rule(mode=st.sampled_from([*OUTCOMES]))
    def the_gateway_answers_after_all(self, mode: str) -> None:
        person, answer = self.hanging.pop(0)
        answer.set_result(OUTCOMES[mode])
        self.run(asyncio.sleep(0))
        (key,) = (key for key, page in enumerate(self.model.pages) if (page.person, page.state) == (person, "sending"))
        self.model.answered(key, mode, self.now)
        self.both()

    @precondition(lambda self: not self.hanging)
    @rule(seconds=st.sampled_from([5, 35, 60, 300, 600, 1800, 3600, 6 * 3600]))
    def time_passes(self, seconds: int) -> None:
        """While a call hangs, no more than some seconds do: it has its time limit."""
        self.time_passes_by(seconds)

    @rule(away_s=st.sampled_from([5, 60, 600, 2 * 3600]))
    def the_process_is_killed_and_the_next_takes_over(self, away_s: int) -> None:
        self.run(self.end())
        self.clock.advance(away_s)
        self.model.killed(self.now, absent=away_s > 300)
        self.run(self.build())
        self.both()

    # what must be true, whatever happened

    def rows(self, query) -> list:  # type: ignore[no-untyped-def, type-arg]
        return self.run(self.database.read(lambda connection: connection.execute(query).all()))

    @invariant()
    def it_is_as_the_rules_say(self) -> None:
        found = self.rows(select(incidents).order_by(incidents.c.id))
        assert [(one.fingerprint, one.state, one.position, one.due_at) for one in found] == [
            (one.name, one.state, one.position, one.due_at) for one in self.model.incidents
        ]
        requests = self.rows(select(page_requests))
        assert sorted(
            (one.incident_id - 1, one.person, one.position, one.due_at, one.page_id is None, bool(one.dropped))
            for one in requests
        ) == sorted(
            (one.incident, one.person, one.position, one.due_at, one.page is None, one.dropped)
            for one in self.model.requests
        )
        about: dict[int, list[int]] = {}
        for one in requests:
            about.setdefault(one.page_id, []).append(one.incident_id - 1)
        made = self.rows(
            select(pages, deliveries.c.state, deliveries.c.maybe_sent).join(
                deliveries, deliveries.c.message_id == pages.c.message_id
            )
        )
        assert sorted(
            (one.person, one.created_at, sorted(set(about[one.id])), one.state, bool(one.repeat), one.maybe_sent)
            for one in made
        ) == sorted(map(_as_row, self.model.pages))
        for person in PEOPLE.values():
            assert [one for one in self.sent if one[0] == person] == [
                (one.person, one.title, one.more, one.repeat) for one in self.model.sent if one.person == person
            ]

    @invariant()
    def nobody_has_two_pages_queued(self) -> None:
        rows = self.rows(
            select(pages.c.person)
            .join(deliveries, deliveries.c.message_id == pages.c.message_id)
            .where(deliveries.c.state == "queued")
        )
        assert len(rows) == len(set(rows))

    @invariant()
    def nobody_is_paged_twice_within_the_interval(self) -> None:
        """But for what may be a repeat: it comes at once."""
        for person in PEOPLE.values():
            times = [one.at for one in self.model.sent if one.person == person and one.arrived and not one.repeat]
            assert all(later - earlier >= INTERVAL for earlier, later in pairwise(times))

    @invariant()
    def what_is_open_has_a_timer_or_its_end_was_said(self) -> None:
        said = {
            one.incident_id
            for one in self.rows(select(incident_log).where(incident_log.c.event == "escalation.unheard"))
        }
        under_way = self.run(
            self.database.read(lambda c: page_requests_of.under_way(c, range(1, len(self.model.incidents) + 1)))
        )
        for one in self.rows(select(incidents).where(incidents.c.state == "open", incidents.c.policy != "none")):
            assert one.due_at is not None or one.id in said or one.id in under_way
            assert one.due_at is None or one.due_at <= self.now + max(FALLBACK_EVERY, 10 * M + timedelta(hours=9))

    @invariant()
    def what_nobody_needs_is_not_queued(self) -> None:
        still_open = (
            select(page_requests.c.page_id)
            .join(incidents, incidents.c.id == page_requests.c.incident_id)
            .where(incidents.c.state == "open", page_requests.c.page_id.is_not(None))
        )
        queued = (
            select(pages.c.id)
            .join(deliveries, deliveries.c.message_id == pages.c.message_id)
            .where(deliveries.c.state == "queued", pages.c.id.not_in(still_open))
        )
        assert self.rows(queued) == []


def _as_row(page: Page) -> tuple[object, ...]:
    return page.person, page.made_at, sorted(page.about), page.state, page.repeat, page.maybe_sent


def runs(examples: int, steps: int, phases: tuple[Phase, ...]) -> settings:
    return settings(
        phases=phases,
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


TestPaged = Paged.TestCase
TestPaged.settings = runs(12, 25, (Phase.generate,))  # to make a failure small takes minutes: the long run does it


@pytest.mark.soak
@pytest.mark.timeout(3600)
class TestPagedForLong(Paged.TestCase):  # type: ignore[misc, name-defined]
    settings = runs(300, 50, (Phase.generate, Phase.shrink))
