"""Recipients by name: who `@ama`, `@db-team` or `@primary` is when a text is to be sent."""

from datetime import datetime

from sqlalchemy import Connection

from bridge.domain.phone import Number
from bridge.domain.recipients import RequestCode, RequestProblem, no_oncall_file
from bridge.oncall.naming import number_of, people_named
from bridge.oncall.who import Roster
from bridge.services.oncall.roster_in_force import RosterInForce

SIGNS = ("@", "＠")


class ByName:
    """The `Names` of one request: it remembers who was left out, because the answer has to say so."""

    def __init__(self, roster: Roster | None, at: datetime) -> None:
        """`roster`: None where there is no on-call file."""
        self._roster = roster
        self._at = at
        self._left_out: dict[str, str] = {}

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of people who were meant and have no phone, in the order in which they were met."""
        return tuple(self._left_out.values())

    def __call__(self, name: str) -> tuple[Number, ...] | RequestProblem:
        """One number for each person who has one; a problem where nobody has, or nobody is of that name."""
        if self._roster is None:
            return no_oncall_file(name)
        found = people_named(self._roster, name, self._at)
        if found is None:
            return RequestProblem(code=RequestCode.UNKNOWN_NAME, item=f"@{name}")
        numbers = {person: number_of(person) for person in found}
        good = tuple(number for number in numbers.values() if number is not None)
        if not good:
            return RequestProblem(code=RequestCode.NOBODY, item=f"@{name}")
        self._left_out |= {person.key: person.name for person, number in numbers.items() if number is None}
        return good


def names_in_force(connection: Connection, rosters: RosterInForce, at: datetime) -> ByName:
    """As the on-call file in force has them at that moment."""
    roster = rosters.roster(connection)
    return ByName(roster if rosters.has_file else None, at)


def has_names(text: str) -> bool:
    """Whether names may stand in it: only then is anybody asked who they are."""
    return any(sign in text for sign in SIGNS)
