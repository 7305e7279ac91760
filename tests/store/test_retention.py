"""What is old and not open is blanked, in bounded shares; nothing else is."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, literal, select, update

from bridge.domain.delivery import State
from bridge.domain.phone import mask
from bridge.store import alert_inbox, incident_moves, messages, oncall, pages, posts, retention
from bridge.store.posts import Place
from bridge.store.tables import alert_inbox as alert_inbox_table
from bridge.store.tables import attempts, deliveries, oncall_files
from bridge.store.tables import incidents as incidents_table
from bridge.store.tables import messages as messages_table
from bridge.store.tables import posts as posts_table
from tests.store.test_plans import plans
from tests.support.incidents import AMA, ask, open_incident, page
from tests.support.kept import all_waiting
from tests.support.manual_clock import MONDAY_MORNING as NOW
from tests.support.outbox import add_message

DAY = timedelta(days=1)
OLD = NOW - 91 * DAY
BEFORE = NOW - 90 * DAY
NUMBER = "+233241109433"


def message(connection: Connection, state: State = State.ACCEPTED, *, at: datetime = OLD, **how: object) -> int:
    found = add_message(connection, [NUMBER], now=at, **how)  # type: ignore[arg-type]
    connection.execute(update(deliveries).where(deliveries.c.message_id == found).values(state=state.value))
    return found


def text_and_number(connection: Connection, message_id: int) -> tuple[str, str]:
    view = messages.view(connection, message_id)
    assert view is not None
    return view.text, view.lines[0].number


WHOLE, BLANK = ("Disk full", NUMBER), ("", "+2332…433")


@pytest.mark.parametrize("state", list(State))
def test_a_message_is_blanked_once_nothing_of_it_is_to_come(connection: Connection, state: State) -> None:
    old, young = message(connection, state), message(connection, state, at=NOW - 89 * DAY)
    retention.blank(connection, BEFORE)
    is_open = state in (State.HELD, State.QUEUED, State.SENDING)
    assert text_and_number(connection, old) == (WHOLE if is_open else BLANK)
    assert text_and_number(connection, young) == WHOLE
    assert retention.blank(connection, BEFORE) == 0


def test_one_open_number_keeps_the_whole_message(connection: Connection) -> None:
    found = add_message(connection, 2, now=OLD)
    connection.execute(update(deliveries).where(deliveries.c.position == 0).values(state=State.ACCEPTED.value))
    assert retention.blank(connection, BEFORE) == 0
    assert messages.view(connection, found).text == "Disk full"  # type: ignore[union-attr]


def test_a_question_that_can_be_answered_keeps_it(connection: Connection) -> None:
    found = message(connection, State.UNKNOWN)
    messages.offer_buttons(connection, found, NOW)
    retention.blank(connection, BEFORE)
    assert text_and_number(connection, found) == WHOLE


@pytest.mark.parametrize("resolved", [True, False])
def test_a_page_is_blanked_once_what_it_is_about_is_resolved(connection: Connection, resolved: bool) -> None:
    about = open_incident(connection, now=OLD)
    ask(connection, [about], AMA, now=OLD)
    found = pages.get(connection, page(connection, [about], AMA, now=OLD))
    assert found is not None
    connection.execute(update(deliveries).values(state=State.ACCEPTED.value))
    connection.execute(update(messages_table).values(text="CRITICAL disk full"))
    if resolved:
        incident_moves.resolve(connection, [about], by="Ama", now=OLD)
    retention.blank(connection, BEFORE)
    assert text_and_number(connection, found.message_id) == (BLANK if resolved else ("CRITICAL disk full", NUMBER))


def test_what_the_gateway_said_goes_and_its_code_and_id_stay_unless_they_hold_the_number(
    connection: Connection,
) -> None:
    kept, echoed = message(connection), message(connection)
    for found, sms_id in ((kept, "id-77"), (echoed, "0241109433-77")):
        said = {"code": "1000", "type": f"to {NUMBER}", "error": "Disk full", "detail": "Disk full", "sms_id": sms_id}
        of_it = deliveries.c.message_id == found
        connection.execute(update(deliveries).where(of_it).values(said))
        delivery_id = connection.execute(select(deliveries.c.id).where(of_it)).scalar_one()
        common = {"call": "c", "gateway": "g", "started_at": OLD, "outcome": "accepted", "reason": "ok"}
        connection.execute(insert(attempts).values(delivery_id=delivery_id, attempt=1, **common, **said))
    retention.blank(connection, BEFORE)
    for table in (deliveries, attempts):
        rows = connection.execute(select(table.c.code, table.c.type, table.c.error, table.c.detail, table.c.sms_id))
        assert [tuple(row) for row in rows] == [("1000", "", "", "", "id-77"), ("1000", "", "", "", "024…-77")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.from_regex(r"\+[1-9][0-9]{3,14}", fullmatch=True))
def test_a_number_is_masked_as_everywhere_else(connection: Connection, number: str) -> None:
    assert connection.execute(select(retention._mask(literal(number)))).scalar_one() == mask(number)


def test_an_incident_is_blanked_so_long_after_its_end(connection: Connection) -> None:
    for name, at in (("open", None), ("old", OLD), ("young", NOW - 89 * DAY)):
        found = open_incident(connection, name, now=OLD)
        connection.execute(
            update(incidents_table).where(incidents_table.c.id == found).values(text=name, labels='{"a": "b"}')
        )
        if at is not None:
            incident_moves.resolve(connection, [found], by="Ama", now=at)
    assert retention.blank(connection, BEFORE) == 1
    rows = connection.execute(select(incidents_table.c["title", "text", "fingerprint", "labels"]).order_by("id"))
    assert [tuple(row) for row in rows] == [
        ("open", "open", "open", '{"a": "b"}'),
        ("(blanked)", "", "", "{}"),
        ("young", "young", "young", '{"a": "b"}'),
    ]


def test_answers_that_are_shown_or_never_will_be_are_blanked(connection: Connection) -> None:
    for key, at, values in (
        ("shown", OLD, {"shown": 1}),
        ("given up", OLD, {"trouble": "blocked"}),
        ("waits", OLD, {}),
        ("young", NOW, {"shown": 1}),
    ):
        posts.say(connection, key, Place(chat_id=1), "Disk full", at)
        if values:
            connection.execute(update(posts_table).where(posts_table.c.key == key).values(values))
    assert retention.blank(connection, BEFORE) == 2
    rows = connection.execute(select(posts_table.c.key).where(posts_table.c.text != "").order_by("id"))
    assert list(rows.scalars()) == ["waits", "young"]


def test_requests_that_were_put_aside_go_and_those_that_wait_stay(connection: Connection) -> None:
    for _ in range(2):
        alert_inbox.keep(connection, "generic", "", b"Disk full", OLD)
    first, _ = all_waiting(connection)
    alert_inbox.set_aside(connection, first.id, "cannot be read")
    assert retention.blank(connection, BEFORE) == 1
    assert [row.trouble for row in connection.execute(select(alert_inbox_table))] == [""]


def test_on_call_files_are_blanked_but_that_in_force(connection: Connection) -> None:
    for index in range(3):
        oncall.keep_file(connection, f"file {index}", f"hash {index}", OLD)
    assert retention.blank(connection, BEFORE) == 2
    rows = connection.execute(select(oncall_files.c.hash, oncall_files.c.text).order_by(oncall_files.c.id))
    assert [tuple(row) for row in rows] == [("hash 0", ""), ("hash 1", ""), ("hash 2", "file 2")]


def test_a_share_is_bounded_and_the_shares_come_to_an_end(connection: Connection) -> None:
    for _ in range(retention.MOST + 5):
        message(connection)
    assert [retention.blank(connection, BEFORE) for _ in range(3)] == [retention.MOST, 5, 0]


def test_messages_with_many_recipients_share_less(connection: Connection) -> None:
    for _ in range(2):
        add_message(connection, retention.MOST_RECIPIENTS + 1, now=OLD)
    connection.execute(update(deliveries).values(state=State.ACCEPTED.value))
    assert [retention.blank(connection, BEFORE) for _ in range(3)] == [1, 1, 0]


def test_remarks_keep_nothing_of_text_and_numbers(connection: Connection) -> None:
    found = message(connection)
    remarks = '{"doubles": ["+233241109433"], "left_out": ["Esi"], "unicode": "ɛ", "ask_cost": 7}'
    connection.execute(update(messages_table).values(remarks=remarks))
    retention.blank(connection, BEFORE)
    view = messages.view(connection, found)
    assert view is not None
    assert (view.blanked, view.remarks) == (True, {"ask_cost": 7})


def test_looking_for_what_is_old_reads_no_large_table_as_a_whole(connection: Connection) -> None:
    lines = plans(connection, lambda c: retention.blank(c, BEFORE))
    for index in ("ix_messages_kept", "ix_incidents_kept", "ix_posts_kept"):
        assert any(index in line for line in lines), (index, lines)
    # These two are small: what is taken in is gone from the one, and the other grows by a row for each new file.
    scans = [
        line for line in lines if line.startswith("SCAN") and "alert_inbox" not in line and "oncall_files" not in line
    ]
    assert not [
        line
        for line in scans
        if not any(index in line for index in ("ix_messages_kept", "ix_incidents_kept", "ix_posts_kept"))
    ]
