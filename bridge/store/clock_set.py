"""Times that our own clock wrote, brought to a clock that was set since."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    TextClause,
    and_,
    case,
    literal,
    select,
    true,
    type_coerce,
    update,
)

from bridge.store.queue import PRIORITY_PAGE
from bridge.store.tables import (
    IS_OPEN_INCIDENT,
    IS_OPEN_REQUEST,
    IS_OUT_OF_DATE,
    IS_QUEUED,
    IS_RUNNING,
    IS_SENDING,
    UtcTime,
    alert_ends,
    attempts,
    deliveries,
    incident_log,
    incidents,
    page_requests,
    pages,
    posts,
    storms,
)

Times = tuple[tuple[Column[Any], ColumnElement[bool] | TextClause], ...]
"""A column, and of which rows."""

_OF_OPEN = page_requests.c.incident_id.in_(select(incidents.c.id).where(IS_OPEN_INCIDENT))
_DELIVERIES_OF_PAGES = select(deliveries.c.id).join(pages, pages.c.message_id == deliveries.c.message_id)
_IS_PAGE = deliveries.c.priority == PRIORITY_PAGE
_IS_PAGE_UNDER_WAY = (and_(IS_QUEUED, _IS_PAGE), and_(IS_SENDING, _IS_PAGE))  # each has an index of its own

# Since when something is open, asked for, tried: what its age is told by.
_AGES: Times = (
    (incidents.c.paging_since, IS_OPEN_INCIDENT),
    (page_requests.c.requested_at, _OF_OPEN),
)
_PAGE_AGES: Times = tuple((deliveries.c.round_started_at, which) for which in _IS_PAGE_UNDER_WAY)
# When something is to be done.
_DUE: Times = (
    (incidents.c.due_at, IS_RUNNING),
    (page_requests.c.due_at, IS_OPEN_REQUEST),
)
_PAGES_DUE: Times = tuple((deliveries.c.due_at, which) for which in _IS_PAGE_UNDER_WAY)
# What cannot be of a time to come.
_PAST: Times = (
    (alert_ends.c.ended_at, true()),
    (alert_ends.c.noted_at, true()),
    (incidents.c.opened_at, true()),
    (incident_log.c.at, true()),
    (storms.c.opened_at, true()),
    (storms.c.joined_at, true()),
    (posts.c.due_at, IS_OUT_OF_DATE),
)
# The same of pages: for how long their people are left alone.
_PAST_OF_PAGES: Times = (
    (pages.c.created_at, true()),
    (attempts.c.started_at, attempts.c.delivery_id.in_(_DELIVERIES_OF_PAGES)),
)


def move_incidents(connection: Connection, leap: timedelta, now: datetime) -> None:
    """The clock shows `now`, and was set by `leap`, ahead or back: no incident is older or younger for it.

    Back, all that was to come comes as soon as it would have. Ahead, what is due by the new time is done now: the
    machine may have slept, and a page that is late is better than one that is later still.
    """
    _move(connection, _AGES, leap, now)
    if leap < timedelta(0):
        _move(connection, _DUE, leap, now)
        _move_past(connection, (*_PAST, *_PAST_OF_PAGES), leap, now)


def move_pages(connection: Connection, leap: timedelta, now: datetime) -> None:
    """The same for pages that are tried."""
    _move(connection, _PAGE_AGES, leap, now)
    if leap < timedelta(0):
        _move(connection, _PAGES_DUE, leap, now)
        _move_past(connection, _PAST_OF_PAGES, leap, now)  # whoever sees the leap first: alerting goes by these, too


def _move(connection: Connection, times: Times, leap: timedelta, now: datetime) -> None:
    for column, which in times:
        moved = _moved(column, leap)
        # Nothing began at a time to come.
        value = case((moved > now, literal(now, UtcTime())), else_=moved) if leap > timedelta(0) else moved
        connection.execute(update(column.table).where(which).values({column: value}))


def _move_past(connection: Connection, times: Times, leap: timedelta, now: datetime) -> None:
    for column, which in times:
        values = {column: _moved(column, leap)}
        connection.execute(update(column.table).where(which, column > now).values(values))


def written_ahead(connection: Connection, now: datetime) -> timedelta:
    """By how much the last thing that happened to an incident is of a time to come: at least so far the clock went
    back, if nobody saw it do so."""
    last = connection.execute(select(incident_log.c.at).order_by(incident_log.c.id.desc()).limit(1)).scalar()
    return max(timedelta(0), last - now) if last else timedelta(0)


def _moved(column: Column[Any], by: timedelta) -> ColumnElement[datetime]:
    step = by // timedelta(microseconds=1)
    return type_coerce(type_coerce(column, BigInteger) + step, UtcTime())
