"""What time alone does to what is known of alerts."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.store import alert_ends

ENDS_FOR = timedelta(days=90)
"""How long it is known when an alert ended: news that comes later than that is taken for new."""


def forget(connection: Connection, now: datetime, *, retention: timedelta) -> None:
    """Ends of alerts that are long over go, or after `retention`: an alert may be known by its title."""
    alert_ends.forget(connection, now - min(ENDS_FOR, retention))
