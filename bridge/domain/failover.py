"""Which gateway is asked next about a delivery.

One after the other, in order of preference; none twice before all were asked. That is a pass; when it is over without
success, the retry policy says when the next one begins.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from phonenumbers import NumberParseException, parse, region_code_for_number

from bridge.domain.outcome import Accepted, NotSent, Outcome, Rejected
from bridge.domain.rate import Rate


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """A gateway that is set up. `batch`: numbers a call. `countries`: ISO codes that it sends to; empty: all. `rate`:
    calls that it takes; None: as many as come."""

    name: str
    batch: int = 1
    countries: frozenset[str] = frozenset()
    rate: Rate | None = None


class Mark(StrEnum):
    """What a gateway that was asked in this pass said, as the database keeps it: in front of its name."""

    AGAIN = ""  # not now
    OUT = "!"  # not until a person has mended it
    NEVER = "~"  # not this number


Asked = Mapping[str, Mark]
"""Gateways that were asked in this pass."""


def read_asked(text: str) -> dict[str, Mark]:
    """From the database: names between commas, each behind its mark."""
    found = {}
    for one in filter(None, text.split(",")):
        mark = Mark(one[0]) if one[0] in (Mark.OUT, Mark.NEVER) else Mark.AGAIN
        found[one.removeprefix(mark)] = mark
    return found


def write_asked(asked: Asked) -> str:
    """For the database."""
    return ",".join(f"{mark}{name}" for name, mark in asked.items())


def left(ways: Sequence[Way], number: str, asked: Iterable[str]) -> list[Way]:
    """Gateways that may still be asked in this pass, in order of preference.

    A number of a country that no gateway names may go to each of them: it is for them to refuse it.
    """
    known = [way for way in ways if not way.countries or country_of(number) in way.countries]
    return [way for way in known or ways if way.name not in asked]


@lru_cache(maxsize=10_000)
def country_of(number: str) -> str:
    """ISO code of an E.164 number's country; "" where it belongs to none."""
    try:
        return region_code_for_number(parse(number)) or ""
    except NumberParseException:
        return ""


def mark_of(outcome: Outcome) -> Mark | None:
    """What is noted of a gateway that said this; None: the pass ends with it, or goes on with the same gateway."""
    match outcome:
        case Rejected(split=False):
            return Mark.NEVER  # its own view: another may know the number, or take the text
        case NotSent(out_of_service=True):
            return Mark.OUT
        case Accepted() | Rejected():
            return None
    return Mark.AGAIN


def sum_up(outcome: Outcome, asked: Asked, *, waits: bool = False) -> Outcome:
    """The last outcome of a pass, by which the retry policy goes: as hopeful as the most hopeful that was said.

    `waits`: there is one that was not asked, since it wants to be left alone for now.
    """
    others = {*asked.values(), *([Mark.AGAIN] if waits else [])}
    match outcome:
        case Rejected(reason=reason, split=False) if others - {Mark.NEVER}:
            return NotSent(reason=reason, out_of_service=Mark.AGAIN not in others, words=outcome.words)
        case NotSent(out_of_service=True) if Mark.AGAIN in others:
            return replace(outcome, out_of_service=False)
    return outcome


def next_pass(asked: Asked) -> dict[str, Mark]:
    """What is remembered when a new pass begins: who refused the number refuses it again."""
    return {name: mark for name, mark in asked.items() if mark is Mark.NEVER}
