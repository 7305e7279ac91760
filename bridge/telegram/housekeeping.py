"""What time alone does to kept updates."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.store import inbox

INBOX_FOR = timedelta(days=2)
"""Twice as long as Telegram keeps an update, and so may hand it out again."""


def forget(connection: Connection, now: datetime, *, retention: timedelta) -> None:
    """Updates that were handled go, after `retention` at the latest: they hold what people wrote."""
    inbox.forget(connection, now - min(INBOX_FOR, retention))
