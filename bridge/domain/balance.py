"""How much a gateway has left of what is paid for, and when that is news for whoever tops it up.

Calls run side by side, so answers come in another order than the gateway gave them: spending makes each balance
smaller, and one that an older call brings late says nothing of now.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class Level(IntEnum):
    """How a balance stands to the mark; a larger one is worse."""

    ENOUGH = 0
    LOW = 1  # at the mark or below
    ALMOST_GONE = 2  # less than a tenth of the mark


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a gateway said that it has left, in units of its own, in answer to a call that began then."""

    balance: float
    began: datetime

    def is_newer_than(self, known: "Told | None", now: datetime) -> bool:
        """Whether to go by it from now on. Of calls that began together, the one that leaves less was the later.

        What is known from a time to come was noted by a clock that was ahead: anything is newer.
        """
        if known is None or known.began > now:
            return True
        return (self.began, -self.balance) > (known.began, -known.balance)


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What people were told last, and when."""

    level: Level
    at: datetime


def level_of(balance: float, mark: float) -> Level:
    """`mark`: above 0."""
    if balance > mark:
        return Level.ENOUGH
    return Level.ALMOST_GONE if balance * 10 < mark else Level.LOW


def news(told: Told, mark: float, said: Said | None, now: datetime) -> Level | None:
    """What to say; None: nothing new. A mark of 0 is none: nobody wants to hear.

    Between an alarm and its end each level is said once. An alarm goes on with whatever is worse; it ends, and the next
    one begins, only by a call that began after the last word: what was under way then may have seen the time before.
    """
    if mark <= 0:
        return None
    level, last = level_of(told.balance, mark), said.level if said is not None else Level.ENOUGH
    if level is last or Level.ENOUGH < level < last:
        return None
    goes_on = Level.ENOUGH < last < level
    return level if goes_on or said is None or not told.began < said.at <= now else None


def amount(value: float) -> str:
    """`1162`, `15.54`: as people write it, to the hundredth; what is smaller is not called nothing."""
    words = f"{value + 0.0:.2f}" if abs(value) >= 0.01 or not value else f"{value:.12f}"
    return words.rstrip("0").rstrip(".")
