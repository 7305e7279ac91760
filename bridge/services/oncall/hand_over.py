"""Hand-overs are told to the chat, and before a shift who of it could not be reached.

Nothing is remembered but the posts themselves: each has a key of schedule and start, so a restart repeats nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from bridge.clock import Clock
from bridge.oncall import who
from bridge.oncall.clocks import named
from bridge.oncall.records import Person
from bridge.oncall.shifts import Shift
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices
from bridge.services.oncall import reachable, roster_words
from bridge.services.oncall.reachable import KnowsPerson
from bridge.services.oncall.roster_in_force import RosterInForce
from bridge.store import oncall as kept
from bridge.store.database import Database

AHEAD = timedelta(hours=12)
"""How long before a shift it is told who of it could not be reached."""

LATE = timedelta(hours=1)
"""A hand-over of longer ago is no news any more."""

LOOK_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Notice:
    """What to tell, once for `key`. `troubles`: lines that stand below, by person; `ahead`: without one, nothing."""

    key: str
    words: str
    people: tuple[Person, ...] = ()
    ahead: bool = False


class HandOver:
    """Looks at the shifts around now."""

    def __init__(
        self, *, database: Database, rosters: RosterInForce, notices: Notices, knows: KnowsPerson, clock: Clock
    ) -> None:
        """`knows`: whether Telegram lets us write to a person."""
        self._database = database
        self._rosters = rosters
        self._notices = notices
        self._knows = knows
        self._clock = clock
        self._told: set[str] = set()

    async def look(self) -> datetime:
        """Tell what is to be told now; gives when to look again. Raises StoreUnavailable."""
        now = self._clock.now()
        found, again_at = await self._database.read(partial(self._found, now))
        self._told &= {notice.key for notice in found}
        new = [notice for notice in found if notice.key not in self._told]
        if new:
            people = {person.key: person for notice in new for person in notice.people}
            unknown = await reachable.strangers(people.values(), self._knows)
            troubles = await self._database.read(lambda c: reachable.troubles(c, people.values(), now))
            troubles = reachable.with_strangers(troubles, unknown)
            lines = {notice.key: _lines(notice, troubles) for notice in new}
            if any(lines.values()):
                await self._database.write(partial(self._tell, lines, now))
            self._told |= {notice.key for notice in new}
        return again_at

    def _tell(self, lines: dict[str, str], now: datetime, connection: Connection) -> None:
        for key, words in lines.items():
            if words:
                self._notices.tell(connection, key, words, now)

    def _found(self, now: datetime, connection: Connection) -> tuple[list[_Notice], datetime]:
        """What there is to tell, told already or not."""
        # An override that has just ended has handed over, too.
        overrides = kept.overrides_after(connection, now - LATE)
        roster = replace(self._rosters.roster(connection), overrides=overrides)
        found: list[_Notice] = []
        again_at = now + LOOK_EVERY
        for schedule in roster.oncall.schedules:
            shifts = list(who.shifts(roster, schedule, now - LATE, now + AHEAD))
            coming = [shift for shift in shifts if shift.start > now]
            current = shifts[len(shifts) - len(coming) - 1]
            if current.start > now - LATE:
                found.append(_hand_over(roster, schedule, current, now))
            found += _before(roster, schedule, coming, now)
            again_at = min([again_at, *(shift.start for shift in coming)])
        return found, again_at


def key(schedule: str, start: datetime) -> str:
    """The key of the notice of a hand-over: whoever has told of it in a place posts under this key there."""
    return f"hand-over:{schedule}:{start.isoformat()}"


def _hand_over(roster: Roster, schedule: str, shift: Shift, now: datetime) -> _Notice:
    icon = "📟" if shift.people else "⚠️"
    words = f"{icon} {roster_words.now_and_then(roster, schedule, now)}"
    return _Notice(key=key(schedule, shift.start), words=words, people=_people(roster, shift))


def _before(roster: Roster, schedule: str, shifts: list[Shift], now: datetime) -> Iterator[_Notice]:
    """What is wrong with shifts to come: somebody could not be reached, or there is nobody at all."""
    zone = roster.oncall.schedules[schedule].timezone
    for shift in shifts:
        start = roster_words.moment(shift.start, zone, now)
        where = named(zone)
        place = f"{schedule}:{shift.start.isoformat()}"
        if not shift.people:
            # Where the look ahead ends, the gap does not: it ends when somebody comes.
            ends = who.next_change(roster, schedule, shift.start)
            until = f" until {roster_words.moment(ends, zone, now)}" if ends else ""
            words = f"⚠️ {schedule} from {start}{until} {where}: nobody is on call."
            yield _Notice(key=f"gap:{place}", words=words)
        for person in _people(roster, shift):
            words = f"⚠️ {schedule} from {start} {where}:"
            yield _Notice(key=f"reach:{place}:{person.key}", words=words, people=(person,), ahead=True)


def _people(roster: Roster, shift: Shift) -> tuple[Person, ...]:
    return tuple(roster.oncall.people[key] for key in shift.people)


def _lines(notice: _Notice, troubles: dict[str, tuple[str, ...]]) -> str:
    """The whole text; "" where there is nothing to tell."""
    lines = [
        f"{person.name} could not be reached: {'; '.join(troubles[person.key])}."
        for person in notice.people
        if person.key in troubles
    ]
    if notice.ahead:
        return f"{notice.words} {lines[0]}" if lines else ""
    return "\n".join([notice.words, *(f"⚠️ {line}" for line in lines)])
