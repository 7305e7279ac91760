"""Quiet times: when a page that is not critical waits."""

from datetime import datetime, timedelta

from bridge.oncall.clocks import moment, wall
from bridge.oncall.records import Person

_DAY = timedelta(days=1)


def quiet_until(person: Person, at: datetime) -> datetime | None:
    """When the quiet time ends that the person is in (aware, UTC), or None outside of it.

    It begins and ends when the person's own clocks first show that time: see `clocks.moment`.
    """
    if person.quiet is None:
        return None
    midnight = wall(at, person.timezone).replace(hour=0, minute=0, second=0, microsecond=0)
    over_midnight = _DAY if person.quiet.end < person.quiet.start else timedelta()
    until = None
    # Where the clocks skip a whole day, two quiet times touch: the later one counts.
    for day in (midnight - 2 * _DAY, midnight - _DAY, midnight, midnight + _DAY):
        start = moment(datetime.combine(day, person.quiet.start), person.timezone)
        end = moment(datetime.combine(day + over_midnight, person.quiet.end), person.timezone)
        if start <= (until or at) < end:
            until = end
    return until
