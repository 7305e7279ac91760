"""The end of paging never comes in silence: the chat and every admin are told, once it is true."""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection

from bridge.domain.incident import IncidentState
from bridge.domain.wording import count
from bridge.services.chat.notices import Notices
from bridge.store import incident_log, incidents, page_requests
from bridge.store.incident_log import LAST_PAGE, UNHEARD
from bridge.store.incidents import Incident

log = logging.getLogger(__name__)

NOBODY = "Nobody is paged about it any more"


def tell(
    connection: Connection,
    notices: Notices,
    some: Sequence[Incident],
    why: str,
    now: datetime,
    *,
    event: str = UNHEARD,
) -> None:
    """One alarm for all: a storm must not become as many alarms. `event`: of their logs."""
    first = some[0]
    log.error("%s from %s: %s", count(len(some), "incident"), first.code, why, extra={"event": event})
    incident_log.note(connection, [one.id for one in some], event, why, now)
    more = f" (and {len(some) - 1} more, see /alerts)" if len(some) > 1 else ""
    # With its time: after an Ack that ran out the same end comes again, and is told of again.
    key = f"unheard:{first.id}:{first.position}:{event}:{now.timestamp():.0f}"
    notices.alarm(connection, key, f"{first.code} {first.title}{more}: {why}.", now, about=some)


def pages_ended(connection: Connection, notices: Notices, ids: Collection[int], now: datetime) -> None:
    """Pages about these ended, or are asked for no more: where that was the last after the last step, it is said."""
    last = incident_log.last_of(connection, ids, (LAST_PAGE, UNHEARD))
    waited = [one for one, event in last.items() if event == LAST_PAGE]
    still = page_requests.under_way(connection, waited)
    over = [
        one
        for one in incidents.of_ids(connection, set(waited) - still)
        if one.state is IncidentState.OPEN and one.due_at is None
    ]
    if over:
        tell(connection, notices, over, f"its last page has ended. {NOBODY}", now)
