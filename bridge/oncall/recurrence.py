"""How much work a recurrence rule is (RFC 5545, RRULE), before anybody sets about it.

dateutil walks through every day, or hour, from the first event on, and for a rule that fits no day (30 February) up to
the year 9999. A calendar comes from outside, and must not keep the program busy for minutes.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from dateutil.rrule import rrulestr  # type: ignore[import-untyped]

MOST_STEPS = 300_000  # days or hours to walk through, of all rules together: a few seconds
MOST_TIMES = 24  # a day, by BYHOUR, BYMINUTE and BYSECOND
RARELY_STEPS = 5_000  # what may lie between two events of a rule with days to fit, in days: some 14 years

_STEPS_A_DAY = {"YEARLY": 1, "MONTHLY": 1, "WEEKLY": 1, "DAILY": 1, "HOURLY": 24}
_TIMES = ("BYHOUR", "BYMINUTE", "BYSECOND")
_NO_DAYS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", *_TIMES}
_HOURLY = {*_NO_DAYS, "BYDAY", "BYMONTHDAY", "BYMONTH"}  # for these, dateutil passes over a day in one step
_CYCLE = 400  # years, after which the days of the week come alike again
_RARELY = timedelta(days=40 * 366)


class TooMuch(ValueError):
    """A rule that is not taken; `str()` says why, beginning with a verb."""


def parts(rule: str) -> dict[str, str]:
    """`FREQ=DAILY;COUNT=3` as a dictionary, in capitals."""
    pairs = (part.partition("=") for part in rule.upper().split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def check_zone_rule(rule: str) -> None:
    """Raises TooMuch for a rule by which no place changes its clocks."""
    found = parts(rule)
    if found.get("FREQ") != "YEARLY" or "BYMONTH" not in found or not found.keys().isdisjoint(_TIMES):
        raise TooMuch("changes the clocks by a rule that is not once a year")


def steps(rule: str, start: datetime, until: datetime) -> int:
    """How many steps it takes to walk through the rule. Raises TooMuch for one that never ends or is not taken.

    `start`: of the first event. `until`: what lies behind it is not looked at. Both without an offset.
    """
    found = parts(rule)
    interval = _number(found, "INTERVAL")
    often = _STEPS_A_DAY.get(found.get("FREQ", ""))
    if often is None:
        raise TooMuch("repeats in another way than hourly, daily, weekly, monthly or yearly")
    times = 1
    for name in _TIMES:
        times *= len(found.get(name, "").split(","))
    if times > MOST_TIMES:
        raise TooMuch(f"repeats more than {MOST_TIMES} times a day")
    days = max(0, (min(until, _until(found, until)) - start).days + 1)
    walked = days * often * times // interval
    if found.keys() <= _NO_DAYS or (found["FREQ"] == "WEEKLY" and found.keys() <= {*_NO_DAYS, "BYDAY"}):
        return walked
    if found["FREQ"] == "HOURLY" and not found.keys() <= _HOURLY:
        raise TooMuch("repeats hourly in a way that no rota needs")
    _check_happens(found, start)
    return walked + RARELY_STEPS


def _number(found: Mapping[str, str], name: str) -> int:
    value = found.get(name, "1")
    if not re.fullmatch(r"[1-9][0-9]{0,8}", value):
        raise TooMuch(f"has a bad {name}")
    return int(value)


def _until(found: Mapping[str, str], default: datetime) -> datetime:
    """The day after UNTIL; where that cannot be read, `default`: it is judged elsewhere."""
    day = found.get("UNTIL", "")[:8]
    try:
        return datetime.strptime(day, "%Y%m%d") + timedelta(days=1)  # noqa: DTZ007 - a day is enough
    except (ValueError, OverflowError):
        return default


def _check_happens(found: Mapping[str, str], start: datetime) -> None:
    """Raises TooMuch for a rule that fits no day in its first 40 years.

    It is tried at the far end of time, where looking in vain ends soon: the days of the week are the same there.
    """
    moved = start.replace(year=start.year + (9999 - start.year) // _CYCLE * _CYCLE)
    endless = ";".join(f"{name}={value}" for name, value in found.items() if name not in ("UNTIL", "COUNT"))
    first = next(iter(rrulestr(endless, dtstart=moved)), None)
    if first is None or first - moved > _RARELY:
        raise TooMuch("repeats on days that never come")
