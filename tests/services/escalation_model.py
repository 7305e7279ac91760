"""The rules of escalation and paging, written down a second time: slow, in plain lists, no database."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bridge.domain.alerts import Severity

INTERVAL = timedelta(seconds=60)
MAX_AGE = timedelta(hours=24)
FALLBACK_EVERY = timedelta(minutes=30)
RETRIES_S = (5, 5, 5, 5, 10, 20, 30)
"""After so many tries the next: 0.5 s, 1 s, 2 s ... with jitter, up to 30 s; rounded up to how this clock moves."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Steps: (people who have a phone, wait)."""

    steps: tuple[tuple[tuple[str, ...], timedelta], ...]
    fallback: tuple[str, ...] = ()
    ack_timeout: timedelta | None = None


@dataclass(kw_only=True)
class Incident:
    name: str
    severity: Severity
    policy: str
    reports_end: bool
    opened_at: datetime
    paging_since: datetime  # opened, or since an Ack ran out
    state: str = "open"
    position: int = 0
    due_at: datetime | None = None
    acked_critical: bool = False


@dataclass(kw_only=True)
class Page:
    person: str
    made_at: datetime
    about: list[int] = field(default_factory=list)
    state: str = "queued"
    due_at: datetime
    round_at: datetime | None = None
    tries: int = 0
    maybe_sent: int = 0
    repeat: bool = False
    claimed_at: datetime | None = None
    left: "list[Sms]" = field(default_factory=list)  # for the gateway


@dataclass(kw_only=True)
class Request:
    incident: int
    person: str
    position: int
    asked_at: datetime
    due_at: datetime
    page: int | None = None
    dropped: bool = False

    @property
    def open(self) -> bool:
        return self.page is None and not self.dropped


@dataclass(kw_only=True)
class Sms:
    """`more`: incidents that it stands for beside the first. `arrived`: it did, or it may have."""

    person: str
    title: str
    more: int
    repeat: bool
    at: datetime
    arrived: bool = True


class Model:
    """`quiet`: person -> until when they are quiet at a time, or None."""

    def __init__(self, policies: dict[str, Policy], quiet) -> None:  # type: ignore[no-untyped-def]
        self.policies = policies
        self.quiet = quiet
        self.incidents: list[Incident] = []
        self.requests: list[Request] = []
        self.pages: list[Page] = []
        self.sent: list[Sms] = []
        self.unheard: set[int] = set()
        self.modes: dict[str, str] = {}

    # what comes from outside

    def fires(self, name: str, severity: Severity, policy: str, reports_end: bool, now: datetime) -> None:
        is_open = [key for key, one in enumerate(self.incidents) if one.name == name and one.state != "resolved"]
        for key in is_open:
            before, self.incidents[key].severity = self.incidents[key].severity, severity
            if severity is Severity.CRITICAL is not before:
                self._became_critical(key, policy, now)
        if not is_open:
            due = None if policy == "none" else now
            new = Incident(
                name=name,
                severity=severity,
                policy=policy,
                reports_end=reports_end,
                opened_at=now,
                due_at=due,
                paging_since=now,
            )
            self.incidents.append(new)

    def _became_critical(self, key: int, policy: str, now: datetime) -> None:
        """An Ack of something lesser holds no more; what runs need not wait for a quiet time."""
        one = self.incidents[key]
        if one.state == "acknowledged" and one.acked_critical:
            return
        if one.state == "acknowledged" or one.due_at is None:
            one.policy = policy if one.policy == "none" else one.policy
            one.state, one.position, one.paging_since = "open", 0, now
            one.due_at = None if one.policy == "none" else now
            return
        for request in self.requests:
            if request.incident == key and request.open:
                request.due_at = min(request.due_at, now)
        steps = self.policies[one.policy].steps
        if one.position:
            wait = steps[one.position - 1][1] if one.position <= len(steps) else FALLBACK_EVERY
            one.due_at = min(one.due_at, now + wait)

    def resolves(self, name: str, now: datetime) -> None:
        for key, one in enumerate(self.incidents):
            if one.name == name and one.state != "resolved":
                one.state, one.due_at = "resolved", None
                self._nobody_needs([key])

    def acknowledged(self, keys: list[int], now: datetime) -> None:
        won = [key for key in keys if self.incidents[key].state == "open"]
        for key in won:
            one = self.incidents[key]
            policy = self.policies.get(one.policy)
            timeout = policy.ack_timeout if policy and one.reports_end else None
            one.state, one.due_at = "acknowledged", now + timeout if timeout else None
            one.acked_critical = one.severity is Severity.CRITICAL
        self._nobody_needs(won)

    def escalated(self, key: int, now: datetime) -> None:
        self._hurry(key, now)

    def _nobody_needs(self, keys: list[int]) -> None:
        for request in self.requests:
            if request.incident in keys and request.open:
                request.dropped = True
        for page in self.pages:
            if page.state == "queued" and set(page.about) & set(keys) and not self._is_open(page):
                page.state = "cancelled"

    def _is_open(self, page: Page) -> list[int]:
        return [key for key in page.about if self.incidents[key].state == "open"]

    # what time brings about

    def settles(self, now: datetime) -> None:
        """All that is due by now, until nothing is."""
        while self._steps(now) or self._makes_pages(now) or self._delivers(now):
            pass

    def _steps(self, now: datetime) -> bool:
        due = [key for key, one in enumerate(self.incidents) if one.due_at is not None and one.due_at <= now]
        for key in due:
            one = self.incidents[key]
            if one.state == "acknowledged":
                one.state, one.position, one.due_at, one.paging_since = "open", 0, now, now
            elif now - one.paging_since >= MAX_AGE:
                self._ends(key)
            else:
                self._step(key, now)
        return bool(due)

    def _step(self, key: int, now: datetime) -> None:
        one = self.incidents[key]
        policy = self.policies[one.policy]
        while True:
            last_resort = one.position >= len(policy.steps)
            people, wait = (policy.fallback, FALLBACK_EVERY) if last_resort else policy.steps[one.position]
            if last_resort and not people:
                self._ends(key)
                return
            one.position += 1
            if people:
                break
        due = {}
        for person in people:
            critical = one.severity is Severity.CRITICAL
            due[person] = now if critical else max(now, self.quiet(person, now) or now)
            self._ask(key, person, due[person], now)
        one.due_at = min(min(due.values()) + wait, one.paging_since + MAX_AGE)

    def _ask(self, key: int, person: str, due_at: datetime, now: datetime) -> None:
        """What waits already is of this step from now on; what a queued page stands for gets no second page."""
        position = self.incidents[key].position - 1
        mine = [one for one in self.requests if (one.incident, one.person) == (key, person)]
        for request in mine:
            if request.open:
                request.position, request.due_at = position, min(request.due_at, due_at)
                return
        queued = [one.page for one in mine if one.page is not None and self.pages[one.page].state == "queued"]
        self.requests.append(
            Request(
                incident=key,
                person=person,
                position=position,
                asked_at=now,
                due_at=due_at,
                page=queued[-1] if queued else None,
            )
        )

    def _ends(self, key: int) -> None:
        """What was asked for is tried on."""
        self.incidents[key].due_at = None
        self.unheard.add(key)

    def _hurry(self, key: int, now: datetime) -> None:
        one = self.incidents[key]
        if one.state == "open" and one.due_at is not None and one.due_at > now:
            one.due_at = now

    def _makes_pages(self, now: datetime) -> bool:
        made = False
        for person in sorted({request.person for request in self.requests if request.open}):
            due = [request for request in self.requests if request.open and request.person == person]
            due = [request for request in due if request.due_at <= now]
            queued = [key for key, page in enumerate(self.pages) if page.person == person and page.state == "queued"]
            if not due or (not queued and now < self._left_alone_until(person)):
                continue
            if queued and self.pages[queued[-1]].maybe_sent:
                continue  # who joined that repeat would have none of their own
            if not queued:
                self.pages.append(Page(person=person, made_at=now, due_at=now))
                queued = [len(self.pages) - 1]
            for request in due:
                request.page = queued[-1]
                about = self.pages[queued[-1]].about
                about += [request.incident] if request.incident not in about else []
            made = True
        return made

    def _left_alone_until(self, person: str) -> datetime:
        """The end of the interval after the last page that they may have had, or that could not be sent."""
        mine = [page for page in self.pages if page.person == person]
        had = [page.made_at + INTERVAL for page in mine if page.state != "cancelled"]
        had += [sms.at + INTERVAL for page in mine for sms in page.left if sms.arrived]
        return max(had, default=datetime.min.replace(tzinfo=self._zone()))

    def _zone(self):  # type: ignore[no-untyped-def]
        return self.incidents[0].opened_at.tzinfo

    def _delivers(self, now: datetime) -> bool:
        due = [key for key, page in enumerate(self.pages) if page.state == "queued" and page.due_at <= now]
        for key in due:
            page = self.pages[key]
            page.state, page.tries, page.claimed_at = "sending", page.tries + 1, now
            page.round_at = page.round_at or now
            mode = self.modes.get(page.person, "accepted")
            if mode in ("accepted", "unknown", "hangs"):
                about = sorted(
                    self._is_open(page),
                    key=lambda one: (list(Severity).index(self.incidents[one].severity), one),
                )
                title = self.incidents[about[0]].name
                sms = Sms(person=page.person, title=title, more=len(about) - 1, repeat=page.repeat, at=now)
                page.left.append(sms)
                self.sent.append(sms)
            if mode != "hangs":
                self.answered(key, mode, now)
        return bool(due)

    # what the gateway says

    def answered(self, key: int, mode: str, now: datetime) -> None:
        page = self.pages[key]
        if page.left and mode in ("rejected", "not_sent") and page.left[-1].at == page.claimed_at:
            page.left[-1].arrived = False
        if mode == "accepted":
            page.state = "accepted"
        elif mode == "unknown":
            self.nobody_knows(key, now)
        elif mode == "rejected":
            page.state = "rejected"
            self._bad(key, now)
        elif page.round_at is not None and now - page.round_at >= MAX_AGE:
            page.state = "failed"
            self._bad(key, now)
        else:
            page.state = "queued" if self._is_open(page) else "cancelled"
            page.due_at = now + timedelta(seconds=RETRIES_S[min(page.tries, len(RETRIES_S)) - 1])

    def nobody_knows(self, key: int, now: datetime) -> None:
        """Once more, at once, and it says so; a second time ends it."""
        page = self.pages[key]
        page.state = "unknown"
        if self._is_open(page) and not page.maybe_sent:
            page.state, page.due_at, page.tries, page.round_at = "queued", now, 0, None
            page.maybe_sent, page.repeat = 1, True

    def _bad(self, key: int, now: datetime) -> None:
        """A step in which every page ended so moves on at once."""
        for incident in self._is_open(self.pages[key]):
            mine = [one for one in self.requests if one.page == key and one.incident == incident]
            for one in mine:
                step = [
                    other
                    for other in self.requests
                    if (other.incident, other.position, other.dropped) == (incident, one.position, False)
                    and other.asked_at >= self.incidents[incident].paging_since
                ]
                ends = ["open" if other.page is None else self.pages[other.page].state for other in step]
                newest = self.incidents[incident].position == one.position + 1
                fallback = one.position >= len(self.policies[self.incidents[incident].policy].steps)
                if newest and not fallback and set(ends) <= {"rejected", "failed"}:
                    self._hurry(incident, now)

    def killed(self, now: datetime, absent: bool) -> None:
        """Nobody knows what came of calls under way; after an absence what is queued may be a repeat."""
        for key, page in enumerate(self.pages):
            if page.state == "sending":
                self.nobody_knows(key, now)
        for page in self.pages:
            if absent and page.state == "queued":
                page.repeat = True
