"""Requests that were kept become incidents; a transaction may run twice, and loses none of them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from bridge.domain.alerts import Alert, News
from bridge.oncall.file import read as read_oncall
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices
from bridge.services.incidents.intake import Intake
from bridge.services.incidents.kept_requests import ALERTS_A_STEP, KeptRequests
from bridge.sources import generic
from bridge.store import alert_inbox
from bridge.store.posts import Place
from bridge.store.sqlite import sqlite_engine
from bridge.store.tables import alert_inbox as inbox
from bridge.store.tables import incidents
from tests.support.alerting import ONCALL
from tests.support.databases import new_database
from tests.support.manual_clock import MONDAY_MORNING as NOW

ROSTER = Roster(oncall=read_oncall(ONCALL, region="GH"))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = sqlite_engine(new_database(tmp_path))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def news(source: str, body: bytes, content_type: str) -> News:
    """A body is a name and how many alerts of it there are."""
    name, _, number = body.decode().partition(" ")
    if not number:
        raise ValueError("no request")
    return News(alerts=tuple(alert(f"{name}-{one}") for one in range(int(number))))


def alert(title: str) -> Alert:
    (found,) = generic.read(f"title={title}&severity=info".encode(), "application/x-www-form-urlencoded").alerts
    return found


def test_a_step_that_is_rolled_back_and_runs_again_loses_no_request(connection: Connection) -> None:
    notices = Notices(places=(Place(chat_id=1),), admins=())
    requests = KeptRequests(read=news, intake=Intake(notices=notices), notices=notices)

    def step() -> None:
        requests.take_in(connection, ROSTER, NOW + timedelta(minutes=1), each_alone=False)

    for name in ("one", "two"):
        alert_inbox.keep(connection, "generic", "", f"{name} 2".encode(), NOW)
    alert_inbox.keep(connection, "generic", "", f"large {2 * ALERTS_A_STEP}".encode(), NOW)
    for _ in range(4):
        with connection.begin_nested() as savepoint:
            step()
            savepoint.rollback()
        step()
    titles = set(connection.execute(select(incidents.c.title)).scalars())
    assert {"one-0", "one-1", "two-0", "two-1", "large-0", f"large-{2 * ALERTS_A_STEP - 1}"} <= titles
    assert len(titles) == 4 + 2 * ALERTS_A_STEP
    assert connection.execute(select(inbox.c.trouble)).all() == []
