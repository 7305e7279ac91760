"""How the incidents of a page stand, for whoever opens its link."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, func, select

from bridge.domain.alerts import RANKS
from bridge.domain.incident import IncidentState
from bridge.store.incidents import Incident, of_ids
from bridge.store.tables import incidents, page_requests


@dataclass(frozen=True, kw_only=True, slots=True)
class PageStanding:
    """`open`: nobody has answered these yet. `resolved_at`: of the last one, where all are resolved.

    `shown`: some of them, what is open first, then the most severe and oldest.
    """

    total: int
    open: int
    resolved_at: datetime | None
    shown: tuple[Incident, ...]


_STATES = [IncidentState.OPEN, IncidentState.ACKNOWLEDGED, IncidentState.RESOLVED]
_STATE_ORDER = {state.value: place for place, state in enumerate(_STATES)}


def standing(connection: Connection, page_id: int, most: int) -> PageStanding:
    """Of this page, with at most so many incidents."""
    # Two requests may have been answered by one page.
    of_page = incidents.c.id.in_(select(page_requests.c.incident_id).where(page_requests.c.page_id == page_id))
    counts = {
        IncidentState(state): (number, last)
        for state, number, last in connection.execute(
            select(incidents.c.state, func.count(), func.max(incidents.c.resolved_at))
            .where(of_page)
            .group_by(incidents.c.state)
        )
    }
    ids = list(
        connection.execute(
            select(incidents.c.id)
            .where(of_page)
            .order_by(
                case(_STATE_ORDER, value=incidents.c.state),
                case(dict(RANKS), value=incidents.c.severity),
                incidents.c.opened_at,
                incidents.c.id,
            )
            .limit(most)
        ).scalars()
    )
    found = {one.id: one for one in of_ids(connection, ids)}
    over = set(counts) == {IncidentState.RESOLVED}
    return PageStanding(
        total=sum(number for number, _ in counts.values()),
        open=counts.get(IncidentState.OPEN, (0, None))[0],
        resolved_at=counts[IncidentState.RESOLVED][1] if over else None,
        shown=tuple(found[one] for one in ids),
    )
