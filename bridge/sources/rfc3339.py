"""Times as Go and JavaScript programs write them. Pure."""

from datetime import UTC, datetime


def utc_time(value: object) -> datetime | None:
    """An aware time in UTC, to the microsecond, of `2026-11-22T17:42:00.464483078Z`; without an offset it is UTC.

    None for what is no time, and for all before 1970: year 1 is Go's "not set".
    """
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        if time.year < 1970:
            return None
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter: beyond year 9999 in UTC
        return None
