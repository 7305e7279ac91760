"""The escalation of an incident: which step is due, whom it pages, and when the next one runs.

A step is one transaction: it asks for its pages and sets the next timer. So a restart in the middle changes nothing,
and an Ack, which clears the same timer, wins or loses cleanly.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.alerts import Severity
from bridge.domain.incident import IncidentState
from bridge.domain.wording import age
from bridge.oncall.quiet import quiet_until
from bridge.oncall.records import Policy
from bridge.oncall.who import Roster
from bridge.oncall.who import people as people_of
from bridge.services.chat.notices import Notices
from bridge.services.incidents import telegram_only, the_end
from bridge.services.incidents.one_by_one import one_by_one
from bridge.services.incidents.policies import FALLBACK_EVERY, Turn, policy_of, turn_at
from bridge.store import incident_log, incident_moves, incidents, page_requests, posts
from bridge.store.incidents import Incident
from bridge.store.page_requests import PageRequest

log = logging.getLogger(__name__)

ODD_AGAIN = timedelta(minutes=5)
"""A step that an error of ours stopped is tried again after so long: rarely enough not to stand in the others' way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Alike:
    """What decides what happens to an incident whose timer has run out: those that agree in it go together."""

    state: IncidentState
    policy: str
    position: int
    critical: bool
    too_old: bool


class Escalation:
    """Runs steps. Called inside a transaction."""

    def __init__(self, *, notices: Notices, page_max_age: timedelta) -> None:
        """`page_max_age`: how long an incident is paged about."""
        self._notices = notices
        self._page_max_age = page_max_age

    def run(self, connection: Connection, due: Sequence[Incident], roster: Roster, now: datetime) -> None:
        """Their timers have run out: page whom the steps name, and set the next timers."""
        groups: dict[_Alike, list[Incident]] = {}
        for incident in due:
            alike = _Alike(
                state=incident.state,
                policy=incident.policy,
                position=incident.position,
                critical=incident.severity is Severity.CRITICAL,
                too_old=now - incident.paging_since >= self._page_max_age,
            )
            groups.setdefault(alike, []).append(incident)
        for alike, some in groups.items():
            self._run(connection, alike, some, roster, now)
        posts.touch_incidents(connection, [incident.id for incident in due])

    def run_each(self, connection: Connection, ids: Sequence[int], roster: Roster, now: datetime) -> None:
        """As `run`, each incident by itself. Those that fail are put off, and the admins are told."""
        odd = one_by_one(
            connection, ids, lambda one: self.run(connection, incidents.of_ids(connection, [one]), roster, now)
        )
        if not odd:
            return
        incidents.put_off(connection, [one for one, _ in odd], now + ODD_AGAIN)
        first, why = odd[0]
        more = f" (and {len(odd) - 1} more)" if len(odd) > 1 else ""
        log.error("the step of A%d%s fails: %s", first, more, why, extra={"event": "step.odd", "incident": first})
        for one, error in odd:
            incident_log.note(connection, [one], "step.odd", f"its step failed: {error}", now)
        words = (
            f"The next step of A{first}{more} fails ({why}) and pages nobody: call who is on call. "
            f"It is tried again every {_age(ODD_AGAIN)}; the log says more."
        )
        # Once a day: a row that stays odd would say it each time.
        self._notices.alarm(connection, f"odd:{first}:{now:%Y-%m-%d}", words, now)

    def _run(
        self, connection: Connection, alike: _Alike, some: Sequence[Incident], roster: Roster, now: datetime
    ) -> None:
        policy = policy_of(roster, alike.policy)
        if alike.state is IncidentState.ACKNOWLEDGED:
            self._page_again(connection, some, now)
        elif policy is None:
            self._end(connection, some, f"the on-call file has no policy {alike.policy} any more", now)
        elif alike.too_old:
            self._end(connection, some, f"nobody acknowledged it within {_age(self._page_max_age)}", now)
        else:
            self._step(connection, some, policy, alike, roster, now)

    def _step(
        self,
        connection: Connection,
        some: Sequence[Incident],
        policy: Policy,
        alike: _Alike,
        roster: Roster,
        now: datetime,
    ) -> None:
        """The first step from here on that has somebody to page."""
        position = alike.position
        while (turn := turn_at(policy, position)) is not None:
            starts_at = self._ask(connection, some, turn, position, alike.critical, roster, now)
            if starts_at is not None:
                self._set_timers(connection, some, position + 1, starts_at + turn.step.wait)
                return
            if turn.last_resort:
                # It never ends in silence, and never spins: in half an hour somebody may have a phone again.
                the_end.tell(connection, self._notices, some, f"nobody could be paged, not even {_names(turn)}", now)
                self._set_timers(connection, some, position + 1, now + FALLBACK_EVERY)
                return
            position += 1
        self._end(connection, some, "nobody acknowledged it, and the policy has no fallback", now)

    def _ask(
        self,
        connection: Connection,
        some: Sequence[Incident],
        turn: Turn,
        position: int,
        critical: bool,
        roster: Roster,
        now: datetime,
    ) -> datetime | None:
        """Ask for the pages of a step. Gives from when its wait counts; None when it has nobody to page."""
        found = people_of(roster, turn.step.targets, now)
        people = [person for person in found if person.phone]
        is_heard = telegram_only.page(connection, [person for person in found if not person.phone], some, now)
        if not people and is_heard:
            return now
        if not people:
            _log(connection, some, "step.nobody", f"{_names(turn)}: nobody there has a phone", now)
            return None
        due = {person.key: now if critical else quiet_until(person, now) or now for person in people}
        page_requests.ask(
            connection,
            [
                PageRequest(incident_id=incident.id, person=person, position=position, due_at=due[person.key])
                for incident in some
                for person in people
            ],
            now,
        )
        names = [f"{one.name}{', after the quiet time' if due[one.key] > now else ''}" for one in people]
        _log(connection, some, "page.asked", "; ".join(names), now)
        return max(now, min(due.values()))

    def _set_timers(self, connection: Connection, some: Sequence[Incident], position: int, due_at: datetime) -> None:
        """The end of paging is told when it comes, and not only once a quiet time or a long wait is over."""
        ends = {one.id: one.paging_since + self._page_max_age for one in some}
        incidents.set_timers(connection, [(one, position, min(due_at, end)) for one, end in ends.items()])

    def _page_again(self, connection: Connection, some: Sequence[Incident], now: datetime) -> None:
        """Acknowledged a while ago, and it fires still."""
        again = [incident for incident in some if incident_moves.reopen(connection, incident.id, now)]
        _log(connection, again, "ack.timeout", "it fires still", now)

    def _end(self, connection: Connection, some: Sequence[Incident], why: str, now: datetime) -> None:
        """No further step comes; that is said. What was asked for is tried on: a page late is better than none."""
        incidents.set_timers(connection, [(one.id, one.position, None) for one in some])
        tried = page_requests.under_way(connection, [incident.id for incident in some])
        ended = [incident for incident in some if incident.id not in tried]
        if ended:
            the_end.tell(connection, self._notices, ended, f"{why}. {the_end.NOBODY}", now)
        if tried:
            words = f"{why}. No further step comes; the last page is still tried"
            rest = [incident for incident in some if incident.id in tried]
            the_end.tell(connection, self._notices, rest, words, now, event=incident_log.LAST_PAGE)


def _log(connection: Connection, some: Sequence[Incident], event: str, words: str, now: datetime) -> None:
    incident_log.note(connection, [one.id for one in some], event, words, now)


def _age(span: timedelta) -> str:
    return age(span.total_seconds())


def _names(turn: Turn) -> str:
    return ", ".join(str(target) for target in turn.step.targets)
