"""`bridge audit`: who did what, when, through which door, with the outcome."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial

from bridge import settings
from bridge.clock import SystemClock
from bridge.domain.durations import read_duration
from bridge.domain.errors import OperatorError
from bridge.store import audit
from bridge.store.audit import Kept
from bridge.store.homes import home_of


class AuditError(OperatorError):
    """What was asked for cannot be read; the line names it."""


async def show(since: str | None, who: str | None, *, as_json: bool) -> int:
    """Print the rows, the newest last; gives 0. Raises `OperatorError`."""
    start = None if since is None else read_since(since, SystemClock().now())
    home = home_of(settings.load().database_url)
    await home.version_to_read()
    database = home.open()
    after = 0
    try:
        while True:
            page = await database.read(partial(audit.read, since=start, who=who or "", after=after))
            for kept in page:
                print(as_object(kept) if as_json else line(kept))
            if len(page) < audit.PAGE:
                return 0
            after = page[-1].id
    finally:
        await database.aclose()


def read_since(typed: str, now: datetime) -> datetime:
    """`2h`, `7d`: so long ago; else a date or time, in UTC unless it names an offset. Raises AuditError."""
    span = read_duration(typed)
    try:
        if span is not None:
            return now - span
        moment = datetime.fromisoformat(typed)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise AuditError(
            f"--since: {typed[:40]!r} is neither a time such as 2026-01-05 nor a span such as 2h"
        ) from None


def line(kept: Kept) -> str:
    """One line, whatever a name holds: what cannot be seen shows as U+FFFD."""
    one = kept.entry
    known_as = f" ({one.name})" if one.name and one.name != one.who.partition(":")[2] else ""
    place = f" in {one.place}" if one.place else ""
    parts = (f"{one.who or '?'}{known_as}", f"{one.door}{place}", f"{one.act} {one.about}", one.outcome, one.detail)
    words = " · ".join(filter(None, map(str.strip, parts)))
    return f"{_clock(kept.at)}  {''.join(_visible(character) for character in words)}"


def as_object(kept: Kept) -> str:
    """One line of JSON."""
    return json.dumps({"at": kept.at.isoformat(), **asdict(kept.entry)})


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _visible(character: str) -> str:
    return character if character.isprintable() else "\ufffd"
