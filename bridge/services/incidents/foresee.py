"""What would follow if these alerts came in and nobody answered: the rules of escalation, without a database.

It supposes that each SMS is accepted at once, that roster and alerts stay as they are, and that of no private chat it
is known that it is open. Pure.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bridge.domain.alerts import RANKS, Alert, Severity
from bridge.domain.page_text import PageFacts, page_text
from bridge.oncall import who
from bridge.oncall.quiet import quiet_until
from bridge.oncall.records import NO_POLICY, Person
from bridge.oncall.routes import Routed, way
from bridge.oncall.who import Roster
from bridge.services.incidents.policies import FALLBACK_EVERY, policy_of, turn_at

MOST_EVENTS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """An incident that would be opened; `code` as if it were the first ones ever."""

    code: str
    alert: Alert
    way: Routed


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What would happen `at` that time: `person` gets the SMS `words`, or (None) something else worth knowing.

    `last_resort`: the page is one of those that the fallback gets again and again.
    """

    at: datetime
    words: str
    person: Person | None = None
    last_resort: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PageRules:
    """How pages are made, as the settings have it. `link`: code of a page -> address of its ack page, "" for none."""

    interval: timedelta
    max_age: timedelta
    link: Callable[[str], str]


def opened(roster: Roster, alerts: Sequence[Alert]) -> tuple[Opened, ...]:
    """One incident for each alert that fires; news of the same alert are one."""
    firing = {alert.fingerprint: alert for alert in reversed(alerts) if alert.firing}
    ordered = [alert for alert in alerts if firing.get(alert.fingerprint) is alert]
    return tuple(
        Opened(code=f"A{number}", alert=alert, way=way(roster.oncall, alert)) for number, alert in enumerate(ordered, 1)
    )


def foresee(roster: Roster, incidents: Sequence[Opened], at: datetime, rules: PageRules) -> Iterator[Event]:
    """What would happen from `at` on, in order, until all ends; at most some hundreds."""
    forecast = _Forecast(roster, incidents, at, rules)
    for _ in range(MOST_EVENTS):
        moment = forecast.next_at()
        if moment is None:
            return
        yield from forecast.step(moment)


@dataclass
class _Timer:
    """Where the escalation of an incident stands, and when its next step is due; None: it is over."""

    due_at: datetime | None
    position: int = 0


@dataclass
class _Forecast:
    roster: Roster
    incidents: Sequence[Opened]
    at: datetime
    rules: PageRules
    timers: dict[str, _Timer] = field(init=False)
    # Person -> incident -> when that person may be paged about it.
    asked: dict[str, dict[str, datetime]] = field(default_factory=dict)
    paged_at: dict[str, datetime] = field(default_factory=dict)
    # (person, incident) of pages that a step asked for, as long as they are to be made.
    of_a_step: set[tuple[str, str]] = field(default_factory=set)
    pages: int = 0

    def __post_init__(self) -> None:
        self.timers = {one.code: _Timer(self.at) for one in self.incidents if one.way.policy != NO_POLICY}

    def next_at(self) -> datetime | None:
        steps = [timer.due_at for timer in self.timers.values() if timer.due_at is not None]
        return min([*steps, *map(self._page_at, self.asked)], default=None)

    def step(self, moment: datetime) -> Iterator[Event]:
        for one in self.incidents:
            timer = self.timers.get(one.code)
            if timer is not None and timer.due_at is not None and timer.due_at <= moment:
                yield from self._escalate(one, timer, moment)
        for key in sorted(self.asked):
            if self._page_at(key) <= moment:
                yield self._page(key, moment)

    def _page_at(self, key: str) -> datetime:
        first = min(self.asked[key].values())
        last = self.paged_at.get(key)
        return first if last is None else max(first, last + self.rules.interval)

    def _escalate(self, one: Opened, timer: _Timer, moment: datetime) -> Iterator[Event]:
        """As `services.escalate` runs a step."""
        policy = policy_of(self.roster, one.way.policy)
        timer.due_at = None
        ends_at = self.at + self.rules.max_age
        if policy is None or moment >= ends_at:
            waits = any(one.code in asked for asked in self.asked.values())
            rest = "no further step comes, what waits is still paged" if waits else "nobody is paged any more"
            yield Event(at=moment, words=f"{one.code}: an alarm to the chat and every admin; {rest}")
            return
        while (turn := turn_at(policy, timer.position)) is not None:
            timer.position += 1
            found = who.people(self.roster, turn.step.targets, moment)
            people = [person for person in found if person.phone]
            if people:
                starts_at = min(self._ask(one, person, moment) for person in people)
                if not turn.last_resort:
                    self.of_a_step |= {(person.key, one.code) for person in people}
                timer.due_at = min(max(moment, starts_at) + turn.step.wait, ends_at)
                return
            names = ", ".join(map(str, turn.step.targets))
            telegram = "".join(f"; {person.name}: by Telegram only" for person in found)
            nobody = f"{one.code}: {names}: nobody there has a phone"
            if turn.last_resort:
                yield Event(at=moment, words=nobody + telegram, last_resort=True)
                timer.due_at = min(moment + FALLBACK_EVERY, ends_at)
                return
            yield Event(at=moment, words=f"{nobody}, so the next step runs at once{telegram}")
        yield Event(at=moment, words=f"{one.code}: an alarm to the chat and every admin: the policy has no fallback")

    def _ask(self, one: Opened, person: Person, moment: datetime) -> datetime:
        """Asks for a page; gives from when on it may be made."""
        quiet = None if one.alert.severity is Severity.CRITICAL else quiet_until(person, moment)
        return self.asked.setdefault(person.key, {}).setdefault(one.code, quiet or moment)

    def _page(self, key: str, moment: datetime) -> Event:
        due = {code for code, at in self.asked[key].items() if at <= moment}
        self.asked[key] = {code: at for code, at in self.asked[key].items() if code not in due}
        if not self.asked[key]:
            del self.asked[key]
        stepped = {(key, code) for code in due} & self.of_a_step
        self.of_a_step -= stepped
        self.paged_at[key] = moment
        self.pages += 1
        about = [one for one in self.incidents if one.code in due]
        worst = min(about, key=lambda one: RANKS[one.alert.severity])
        code = f"P{self.pages}"
        text = page_text(
            PageFacts(
                title=worst.alert.title,
                severity=worst.alert.severity,
                age=moment - self.at,
                more=len(about) - 1,
                code=code,
                link=self.rules.link(code),
                maybe_repeat=False,
            )
        )
        return Event(at=moment, words=text, person=self.roster.oncall.people[key], last_resort=not stepped)
