"""What alert sources post is written down before they are answered; what comes together shares its statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bridge.domain.alerts import News
from bridge.services.incidents.refused_posts import RefusedPosts, Sender
from bridge.store import alert_inbox, audit, incidents
from bridge.store.audit import AuditEntry
from bridge.store.database import Database
from bridge.store.together import Together

ENDS_TOLD = 10
TITLE_SHOWN = 40
_ENDS_NOTHING = (
    "“{}” is resolved, and nothing with that key is open: this changes nothing. An end needs the key of its firing, or "
    "the same title where there is none"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRequest:
    """A request that its source's reader understood. `tells_ends`: its sender hears of ends that end nothing."""

    sender: Sender
    entry: AuditEntry
    content_type: str
    body: bytes
    news: News
    came_at: datetime
    tells_ends: bool


class KeepRequests:
    """Writes them down."""

    def __init__(self, database: Database, refused_posts: RefusedPosts) -> None:
        self._refused_posts = refused_posts
        self._together = Together(database, self._keep)

    async def keep(self, request: NewRequest) -> tuple[str, ...]:
        """Commit it; gives what its sender should hear. Raises `StoreUnavailable`."""
        return await self._together.write(request)

    def _keep(self, connection: Connection, requests: Sequence[NewRequest]) -> list[tuple[str, ...]]:
        told = [_ends_nothing(connection, one) if one.tells_ends and one is requests[0] else () for one in requests]
        alert_inbox.keep_all(
            connection, [(one.sender.source, one.content_type, one.body, one.came_at) for one in requests]
        )
        audit.write_all(connection, [(one.entry, one.came_at) for one in requests])
        for sender, came_at in {one.sender: one.came_at for one in requests}.items():
            self._refused_posts.taken(connection, sender, came_at)
        return told


def _ends_nothing(connection: Connection, request: NewRequest) -> tuple[str, ...]:
    """A sentence for each of the first few ends of which nothing is open; none where that cannot be told now.

    What was kept before and is not taken in yet may open anything.
    """
    alerts = request.news.alerts
    fires = {alert.fingerprint for alert in alerts if alert.firing}
    ends = {alert.fingerprint: alert.title for alert in alerts if not alert.firing}
    looked_at = [key for key in ends if key not in fires][:ENDS_TOLD]
    if not looked_at or alert_inbox.oldest(connection) is not None:
        return ()
    is_open = incidents.open_of(connection, request.sender.source, looked_at)
    return tuple(_ENDS_NOTHING.format(ends[key][:TITLE_SHOWN]) for key in looked_at if key not in is_open)
