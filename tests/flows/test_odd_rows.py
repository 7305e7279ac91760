"""A row that nobody foresaw: it is set aside and told of, and silences nothing else."""

import pytest
from sqlalchemy import text

from bridge.sandbox.msmpusher import Mode
from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, KOFI, ONCALL
from tests.support.team import Team

pytestmark = pytest.mark.unwatched


@pytest.fixture
async def team(start_team: StartTeam) -> Team:
    team = await start_team()
    await team.on_call(ONCALL)
    return team


async def writes(team: Team, sql: str, **values: object) -> None:
    """Somebody writes into the database, past the program."""
    await team.app.database.write(lambda connection: connection.execute(text(sql), values))


async def asked(team: Team, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await team.app.database.read(lambda connection: connection.execute(text(sql)).all())]


def told(team: Team, *words: str) -> int:
    """How many posts in Ama's chat (an admin's) hold all of these words."""
    return sum(all(word in post.text for word in words) for post in team.ama.chat.posts)


# --- incidents


ODD_INCIDENTS = ["severity = 'so so'", "state = 'somewhere'", "labels = 'none'"]


@pytest.mark.parametrize("odd", ODD_INCIDENTS)
async def test_an_incident_that_cannot_be_read_stops_no_other_escalation(team: Team, odd: str) -> None:
    await team.alertmanager.fires("odd one", "good one")
    await writes(team, f"UPDATE incidents SET {odd} WHERE id = 1")
    await team.minutes_pass(5.1)
    assert any("good one" in text for text in team.phone(KOFI).texts)
    assert told(team, "🚨", "A1", "fails (") == 1


async def test_an_incident_that_was_mended_is_escalated_again(team: Team) -> None:
    await team.alertmanager.fires("odd one")
    await writes(team, "UPDATE incidents SET severity = 'so so'")
    await team.minutes_pass(5.1)
    await team.minutes_pass(5.1)
    assert team.phone(KOFI).texts == []
    assert told(team, "🚨", "A1", "fails (") == 1  # told once a day, tried every five minutes
    await writes(team, "UPDATE incidents SET severity = 'critical'")
    await team.minutes_pass(5.1)
    assert any("odd one" in text for text in team.phone(KOFI).texts)


async def test_a_page_about_what_cannot_be_read_leaves_all_the_same(team: Team) -> None:
    team.gateway.mode = Mode.DOWN
    await team.alertmanager.fires("odd one")
    await writes(team, "UPDATE incidents SET severity = 'so so'")
    team.gateway.mode = Mode.OK
    await team.minutes_pass(2)
    assert team.phone(AMA).texts == [
        "CRITICAL: you are paged, and it cannot be read about what. Look at /alerts in Telegram"
    ]


async def test_the_outcome_of_a_page_about_what_cannot_be_read_stands_and_stops_no_message(team: Team) -> None:
    team.gateway.mode = Mode.DOWN
    await team.alertmanager.fires("odd one")
    await writes(team, "UPDATE incidents SET severity = 'so so'")
    team.gateway.mode = Mode.NEW_STATUS  # nobody knows what came of it: its incidents are looked at
    await team.minutes_pass(2)
    team.gateway.mode = Mode.OK
    await team.kofi.says("/sms 0241109433 hello")
    await team.phone(AMA).gets("hello")
    assert await asked(team, "SELECT state FROM deliveries ORDER BY id LIMIT 1") == [("unknown",)]
    assert told(team, "🚨", "what should follow fails") == 1


# --- pages


@pytest.mark.sqlite
async def test_a_page_that_cannot_be_made_is_made_to_the_next_step_at_once(team: Team) -> None:
    await writes(
        team,
        "CREATE TRIGGER odd BEFORE INSERT ON pages WHEN NEW.person = 'ama' BEGIN SELECT RAISE(ABORT, 'odd'); END",
    )
    await team.alertmanager.fires("disk full")
    assert [text.split(" (")[0] for text in team.phone(KOFI).texts] == ["CRITICAL disk full"]
    assert told(team, "🚨", "A1", "cannot be made (IntegrityError)") == 1


@pytest.mark.sqlite
async def test_a_fallback_that_cannot_be_paged_is_tried_again_each_half_hour_and_never_spins(team: Team) -> None:
    await writes(
        team,
        "CREATE TRIGGER odd BEFORE INSERT ON pages WHEN NEW.person = 'ama' BEGIN SELECT RAISE(ABORT, 'odd'); END",
    )
    await team.alertmanager.fires("disk full")
    await team.minutes_pass(10.1)
    assert told(team, "🚨", "its fallback could not be paged either") == 1
    await writes(team, "DROP TRIGGER odd")
    await team.minutes_pass(30.1)
    assert len(team.phone(AMA).texts) == 1


@pytest.mark.sqlite
async def test_only_the_incident_whose_page_cannot_be_made_is_left_out_of_it(team: Team) -> None:
    taken = f"ama:1:{team.clock.timestamp():.6f}"  # the key that the page about A1 would have
    await writes(
        team,
        "INSERT INTO messages (source, source_key, owner, owner_name, text, encoding, segments, recipients, remarks,"
        " created_at, hold, decision) VALUES ('page', :key, '', '', '', '', 0, 0, '{}', 0, '', '')",
        key=taken,
    )
    await team.alertmanager.fires("odd one", "good one")
    assert [text.split(" (")[0] for text in team.phone(AMA).texts] == ["CRITICAL good one"]
    assert [text.split(" (")[0] for text in team.phone(KOFI).texts] == ["CRITICAL odd one"]


# --- alerts


NO_ODD_INCIDENTS = """
CREATE TRIGGER odd BEFORE INSERT ON incidents WHEN NEW.title LIKE 'odd%' BEGIN SELECT RAISE(ABORT, 'odd'); END
"""


@pytest.mark.sqlite
async def test_an_alert_that_cannot_be_written_is_set_aside_alone(team: Team) -> None:
    await writes(team, NO_ODD_INCIDENTS)
    await team.alertmanager.fires("first", "odd one", "last")
    await team.alertmanager.fires("later")
    assert await asked(team, "SELECT title FROM incidents ORDER BY id") == [("first",), ("last",), ("later",)]
    ((source, trouble, body),) = await asked(team, "SELECT source, trouble, body FROM alert_inbox")
    assert (source, trouble) == ("alertmanager", "IntegrityError")
    assert "title='odd one'" in bytes(body).decode()  # type: ignore[arg-type]
    assert told(team, "🚨", "alertmanager", "cannot be taken in (IntegrityError)") == 1
    assert [text.split(" (")[0] for text in team.phone(AMA).texts] == ["CRITICAL first"]


@pytest.mark.sqlite
async def test_a_long_request_is_taken_in_whole_but_for_its_odd_alerts(team: Team) -> None:
    await writes(team, NO_ODD_INCIDENTS)
    names = [f"odd {number}" if number % 20 == 0 else f"disk {number}" for number in range(60)]
    await team.alertmanager.fires(*names, severity="info")
    assert await asked(team, "SELECT count(*) FROM incidents") == [(57,)]
    assert await asked(team, "SELECT trouble FROM alert_inbox") == [("IntegrityError",)] * 3
    assert told(team, "🚨", "cannot be taken in") == 1  # one request, one word


@pytest.mark.sqlite
async def test_a_kept_request_that_cannot_be_read_from_its_row_stops_no_other(team: Team) -> None:
    await writes(
        team,
        "INSERT INTO alert_inbox (source, content_type, body, received_at, taken, trouble)"
        " VALUES ('generic', '', x'', :now, 0, 'not yet')",
        now=round(team.clock.timestamp() * 1_000_000),
    )
    await writes(team, "UPDATE alert_inbox SET body = 'text, and no bytes'")
    await writes(team, "UPDATE alert_inbox SET trouble = ''")
    team.app.wake()
    await team.until(lambda: told(team, "🚨", "was taken and cannot be read"))
    await team.alertmanager.fires("good one")
    assert [text.split(" (")[0] for text in team.phone(AMA).texts] == ["CRITICAL good one"]


# --- heartbeats

HEARTBEATS = ONCALL + "".join(f'[heartbeats.{name}]\nevery = "5m"\ngrace = "1m"\n' for name in ("odd", "good"))


@pytest.mark.sqlite
async def test_a_late_heartbeat_that_cannot_be_told_of_silences_no_other(team: Team) -> None:
    await team.on_call(HEARTBEATS)
    await team.app.leader.heartbeats.heartbeats.step()
    await writes(team, NO_ODD_INCIDENTS.replace("NEW.title LIKE 'odd%'", "NEW.fingerprint = 'odd'"))
    team.time_passes(400)
    await team.app.leader.heartbeats.heartbeats.step()
    await team.settled()
    assert [text.split(" (")[0] for text in team.phone(AMA).texts] == ["CRITICAL Heartbeat good became late"]
    assert told(team, "🚨", "Heartbeat odd is late", "IntegrityError") == 1


# --- times, gateways


FIRST, LAST = -900000000000000000, 900000000000000000
TIMES = [
    f"incidents SET opened_at = {FIRST}",
    f"incidents SET opened_at = {LAST}",
    f"incident_log SET at = {FIRST}",
    f"deliveries SET round_started_at = {FIRST}",
    f"deliveries SET due_at = {LAST}",
    f"attempts SET started_at = {FIRST}",
    f"pages SET created_at = {LAST}",
    f"page_requests SET requested_at = {FIRST}",
    f"posts SET due_at = {FIRST}",
    f"switches SET set_at = {FIRST}",
    f"breakers SET probe_at = {LAST}",
]


@pytest.mark.parametrize("odd", TIMES)
async def test_a_time_beyond_all_years_silences_nothing(team: Team, odd: str) -> None:
    team.gateway.mode = Mode.NO_BALANCE
    await team.alertmanager.fires("first")
    await team.kofi.says("/sms 0551234567 hello")
    await team.minutes_pass(1)
    await writes(team, f"UPDATE {odd}")
    team.gateway.mode = Mode.OK
    await team.restart(after_s=30)
    await team.alertmanager.fires("good one")
    await team.minutes_pass(6)
    assert any("good one" in text for phone in (AMA, KOFI) for text in team.phone(phone).texts)


async def test_a_gateway_that_is_out_for_no_known_reason_is_tried(team: Team) -> None:
    await writes(
        team,
        "INSERT INTO breakers (gateway, failures, reason, probe_every_s) VALUES ('msmpusher', 1, 'a newer word', 15)",
    )
    await team.alertmanager.fires("good one")
    assert any("good one" in text for text in team.phone(AMA).texts)
