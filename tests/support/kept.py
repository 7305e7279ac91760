"""What alert sources posted and is not taken in yet."""

from sqlalchemy import Connection

from bridge.store import alert_inbox
from bridge.store.alert_inbox import Posted


def all_waiting(connection: Connection) -> list[Posted]:
    return alert_inbox.these(connection, alert_inbox.waiting_ids(connection, 1000, 1 << 30))
