"""`bridge trace ID`: everything that happened to a message, an incident or a page, in order, with the time between.

Reads the database and nothing else, beside a service or without one. Shows no text but an incident's title, and of a
number its beginning and end.
"""

import re
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from sqlalchemy import Connection

from bridge import settings
from bridge.domain.delivery import State
from bridge.domain.errors import Refused
from bridge.domain.phone import mask
from bridge.domain.wording import count, reason
from bridge.store import incident_log, incidents, messages, pages, trail
from bridge.store.homes import home_of
from bridge.store.incidents import Incident
from bridge.store.trail import AskedFor, Attempt, DeliveryStanding, PostShown

FOUND, NO_SUCH_THING = 0, 1

_CODE = re.compile(r"(?:#?([0-9]{1,18})|([AP])([0-9]{1,18}))", re.IGNORECASE)
TITLE_SHOWN = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened."""

    at: datetime
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """`head`: what it is. `events`: in any order. `foot`: how it stands now."""

    head: str
    events: tuple[Event, ...]
    foot: tuple[str, ...] = ()


async def trace(code: str) -> int:
    """Print it; gives the exit code. Raises `Refused` for what is no id, `StoreError` where no database can be read."""
    found = _CODE.fullmatch(code.strip())
    if found is None:
        raise Refused("bad_id", f"“{code[:20]}” is no id such as 42 (a message), A7 (an incident) or P12 (a page)")
    kind = (found[2] or "#").upper()
    number = int(found[1] or found[3])
    traced = await _read(lambda connection: _OF[kind](connection, number))
    if traced is None:
        print(f"bridge: there is no {_NAMES[kind]} {kind}{number}", file=sys.stderr)
        return NO_SUCH_THING
    for line in lines(traced):
        print(line)
    return FOUND


async def _read(look: Callable[[Connection], Trace | None]) -> Trace | None:
    home = home_of(settings.load().database_url)
    await home.version_to_read()
    database = home.open()
    try:
        return await database.read(look)
    finally:
        await database.aclose()


def lines(traced: Trace) -> Iterator[str]:
    """As they are printed: each event with the time since the one before."""
    yield traced.head
    before: datetime | None = None
    for event in sorted(traced.events, key=lambda one: one.at):
        since = "" if before is None else f"+{span((event.at - before).total_seconds())}"
        yield f"{_clock(event.at)}  {since:>11}  {event.words}"
        before = event.at
    yield from traced.foot


def span(seconds: float) -> str:
    """`0.120 s`, `4 m 59 s`, `2 h 0 m`."""
    if seconds < 60:
        return f"{seconds:.3f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} m {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} m"


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d} UTC"


def _of_message(connection: Connection, message_id: int) -> Trace | None:
    found = messages.view(connection, message_id, lines=0)
    if found is None:
        return None
    page_id = trail.page_of_message(connection, message_id)
    if page_id is not None:
        return _of_page(connection, page_id)
    what = f"{count(found.recipients, 'recipient')}, {count(found.segments, 'segment')}"
    foot = [f"decided last: {found.decision}"] if found.decision else []
    foot += [f"waits for a person: {found.hold}"] if found.hold else []
    return Trace(
        head=f"#{message_id} · from {found.owner_name} ({found.owner}) by {found.source} · {what}",
        events=(
            Event(at=found.created_at, words="written down"),
            *_attempts(trail.attempts_of(connection, [message_id]), {message_id: f"#{message_id}"}),
        ),
        foot=(
            *foot,
            *map(_standing, trail.standings_of(connection, [message_id])),
            *map(_shown, trail.shown_for(connection, message_ids=[message_id])),
        ),
    )


def _of_page(connection: Connection, page_id: int) -> Trace | None:
    page = pages.get(connection, page_id)
    if page is None:
        return None
    asked = trail.answered_by(connection, page_id)
    about = incidents.of_ids(connection, {one.incident_id for one in asked})
    what = count(len(about), "incident") + ("; it says that it may be a repeat" if page.repeat else "")
    return Trace(
        head=f"{page.code} · message #{page.message_id} · to {page.person_name} · {what}",
        events=(
            *(Event(at=one.requested_at, words=_ask(one, f"A{one.incident_id}: ")) for one in asked),
            *_pages(connection, [page_id]),
        ),
        foot=(
            *(f"{_named(one)} is {one.state.value}" for one in about),
            *map(_standing, trail.standings_of(connection, [page.message_id])),
            *map(_shown, trail.shown_for(connection, page_ids=[page_id])),
        ),
    )


def _of_incident(connection: Connection, incident_id: int) -> Trace | None:
    incident = incidents.get(connection, incident_id)
    if incident is None:
        return None
    asked = trail.asked_about(connection, incident_id)
    page_ids = {one.page_id for one in asked if one.page_id is not None}
    made = [page for one in sorted(page_ids) if (page := pages.get(connection, one))]
    written = {one.requested_at for one in asked}
    log = [
        Event(at=one.at or incident.opened_at, words=f"{one.event}: {one.words}" if one.words else one.event)
        for one in incident_log.read(connection, incident_id)
        # These two are told by the rows themselves, with more.
        if one.event != "page.outcome" and not (one.event == "page.asked" and one.at in written)
    ]
    shown = trail.shown_for(connection, incident_id=incident_id, storm_id=incident.storm_id, page_ids=page_ids)
    return Trace(
        head=f"{_named(incident)} · {incident.severity.value} from {incident.source} · policy {incident.policy}",
        events=(
            *log,
            *(Event(at=one.requested_at, words=_ask(one, "")) for one in asked),
            *_pages(connection, page_ids),
        ),
        foot=(
            _state(incident),
            *(
                f"P{page.id} to {page.person_name}: {_standing(one)}"
                for page in made
                for one in trail.standings_of(connection, [page.message_id])
            ),
            *map(_shown, shown),
        ),
    )


def _named(incident: Incident) -> str:
    return f"{incident.code} · {incident.title[:TITLE_SHOWN]}"


def _state(incident: Incident) -> str:
    heard = f"; heard {count(incident.news, 'time')}, last {_clock(incident.news_at)}"
    due = f"; the next step runs {_clock(incident.due_at)}" if incident.due_at else ""
    storm = f"; shares the card of storm S{incident.storm_id}" if incident.storm_id else ""
    return f"now {incident.state.value}{heard}{due}{storm}"


def _ask(one: AskedFor, about: str) -> str:
    words = f"{about}step {one.position + 1} asks for {one.person_name}"
    if one.due_at > one.requested_at:
        words += f", not before {_clock(one.due_at)}"
    if one.dropped:
        return f"{words}: not needed any more"
    return f"{words}: {f'P{one.page_id}' if one.page_id else 'no page yet'}"


def _pages(connection: Connection, page_ids: Collection[int]) -> Iterator[Event]:
    """When these were made, and what came of each attempt."""
    found = [page for one in sorted(page_ids) if (page := pages.get(connection, one))]
    for page in found:
        yield Event(at=page.created_at, words=f"{page.code} made for {page.person_name}")
    names = {page.message_id: f"{page.code} to {page.person_name}" for page in found}
    yield from _attempts(trail.attempts_of(connection, names), names)


def _attempts(found: Collection[Attempt], names: dict[int, str]) -> Iterator[Event]:
    """Two events an attempt; those in a row that went the same way are one event together."""
    in_order = sorted(found, key=lambda one: (one.message_id, one.number, one.attempt))
    for _, alike in groupby(in_order, key=_way):
        run = list(alike)
        yield from _attempt(run[0], names) if len(run) == 1 else [_attempts_alike(run, names)]


def _way(one: Attempt) -> tuple[object, ...]:
    """What attempts have in common that went the same way."""
    ended = one.finished_at is not None
    return one.message_id, one.number, one.gateway, ended, one.outcome, _details(one)


def _attempt(one: Attempt, names: dict[int, str]) -> Iterator[Event]:
    what = f"{names[one.message_id]}: attempt {one.attempt}"
    yield Event(at=one.started_at, words=f"{what} begins: {mask(one.number)} by {one.gateway}")
    if one.finished_at is not None:
        took = span((one.finished_at - one.started_at).total_seconds())
        yield Event(at=one.finished_at, words=f"{what}: {_outcome(one)} after {took}")


def _attempts_alike(run: list[Attempt], names: dict[int, str]) -> Event:
    first, last = run[0], run[-1]
    until = _clock(last.finished_at or last.started_at)
    what = f"{names[first.message_id]}: {len(run)} attempts ({first.attempt} to {last.attempt}) until {until}"
    return Event(at=first.started_at, words=f"{what}, each {_outcome(first)}: {mask(first.number)} by {first.gateway}")


def _outcome(one: Attempt) -> str:
    outcome = one.outcome.replace("_", " ") or "not ended"
    return f"{outcome} ({_details(one)})" if _details(one) else outcome


def _details(one: Attempt) -> str:
    said = [reason(one.reason), f"code {one.code}" if one.code else "", one.sms_id]
    said += [f"HTTP {one.http_status}" if one.http_status else ""]
    return ", ".join(word for word in said if word)


def _standing(one: DeliveryStanding) -> str:
    words = f"{mask(one.number)} is {one.state} since {_clock(one.changed_at)}"
    if why := reason(one.reason):
        words += f": {why}"
    return f"{words}; due {_clock(one.due_at)}" if one.state == State.QUEUED else words


def _shown(one: PostShown) -> str:
    where = f"post in chat {one.chat_id}" + (f", message {one.telegram_id}" if one.telegram_id else ", not posted yet")
    if one.trouble:
        return f"{where}: given up: {one.trouble}"
    if one.current:
        return f"{where}: up to date"
    tried = f", tried {count(one.tries, 'time')}" if one.tries else ""
    return f"{where}: out of date{tried}; {'again' if one.tries else 'due'} {_clock(one.due_at)}"


_OF: dict[str, Callable[[Connection, int], Trace | None]] = {"#": _of_message, "A": _of_incident, "P": _of_page}
_NAMES = {"#": "message", "A": "incident", "P": "page"}
