"""Spans of time as the on-call file and `/take` write them."""

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_duration = re.compile(r"([0-9]{1,8})([smhdw])").fullmatch

LONGEST = timedelta(days=366)


def read_duration(text: str) -> timedelta | None:
    """`30s`, `5m`, `12h`, `1d`, `2w` as a span from one second to 366 days; None if it is none.

    A day is 24 hours here; where a day by the clock is meant, as in a rotation, whoever uses it says so.
    """
    found = _duration(text.strip())
    if found is None:
        return None
    span = timedelta(**{_UNITS[found[2]]: int(found[1])})
    return span if timedelta() < span <= LONGEST else None


def write_duration(span: timedelta) -> str:
    """The shortest spelling that `read_duration` reads back, such as `90m` or `2w`; whole seconds."""
    seconds = int(span.total_seconds())
    sizes = {unit: int(timedelta(**{name: 1}).total_seconds()) for unit, name in reversed(_UNITS.items())}
    unit = next((unit for unit, size in sizes.items() if seconds % size == 0 and seconds >= size), "s")
    return f"{seconds // sizes[unit]}{unit}"
