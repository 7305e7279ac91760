"""What the clocks on the wall of a place show, and when."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


def wall(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clocks there show at that moment, without an offset."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def named(zone: ZoneInfo) -> str:
    """The zone, to stand behind a time: `(Africa/Accra)`, or `UTC`."""
    return "UTC" if zone.key in ("UTC", "Etc/UTC") else f"({zone.key})"


def moment(shown: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks there first show that time (whole seconds) or a later one, in UTC.

    So a time that comes twice is the first of both, and one that is left out is the moment when the gap ends. A later
    time never comes earlier.
    """
    found = shown.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if wall(found, zone) == shown:
        return found
    # A gap: with the offset of before it we are behind its end, with the offset of after it before its beginning.
    before, behind = shown.replace(tzinfo=zone, fold=1).astimezone(UTC), found
    while behind - before > _SECOND:
        middle = before + timedelta(seconds=(behind - before) // _SECOND // 2)
        before, behind = (before, middle) if wall(middle, zone) >= shown else (middle, behind)
    return behind
