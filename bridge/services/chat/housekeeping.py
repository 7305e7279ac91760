"""What time alone does to posts."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.store import posts

LONGEST_WAIT = timedelta(minutes=70)
"""Longer than a post is ever put off: by an hour at most."""


def tidy(connection: Connection, now: datetime) -> None:
    """A clock that was ahead and was put right leaves times that nothing else would ever reach: such posts are due."""
    posts.not_later_than(connection, now, now + LONGEST_WAIT)
