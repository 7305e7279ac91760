"""`bridge audit`: who did what, when, through which door, with the outcome."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

from sqlalchemy.exc import DBAPIError

from bridge import settings
from bridge.clock import SystemClock
from bridge.domain.durations import read_duration
from bridge.domain.errors import OperatorError, StoreUnusable
from bridge.store import audit
from bridge.store.audit import Kept
from bridge.store.database import sqlite_engine, unavailable
from bridge.store.migrate import HEAD, current, database_file, refuse_newer


class AuditError(OperatorError):
    """What was asked for cannot be read; the line names it."""


def show(since: str | None, who: str | None, *, as_json: bool) -> int:
    """Print the rows, the newest last; gives 0. Raises `OperatorError`."""
    start = None if since is None else read_since(since, SystemClock().now())
    path = database_file(settings.load().database_url)
    version = current(path)
    refuse_newer(path, version)
    if version is None:
        raise StoreUnusable(f"BRIDGE_DATABASE_URL: there is no database {path}")
    if version != HEAD:
        raise StoreUnusable(f"BRIDGE_DATABASE_URL: {path} is of version {version}: run `bridge migrate`")
    engine = sqlite_engine(path, readonly=True)
    try:
        with engine.begin() as connection:
            for kept in audit.read(connection, since=start, who=who or ""):
                print(as_object(kept) if as_json else line(kept))
    except DBAPIError as error:
        raise unavailable(error) from error
    finally:
        engine.dispose()
    return 0


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
