"""Every door leaves its row in the audit, and the row holds no text and no number.

The tables below list the doors. A command, button or route that has no line here fails a test.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
import pytest
from telegram.ext import CommandHandler

from bridge.sandbox.msmpusher import Mode
from bridge.sandbox.telegram_state import Kind, Message
from bridge.store import audit
from bridge.store.audit import AuditEntry
from bridge.telegram.button_data import Verb
from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, ONCALL, TOKEN
from tests.support.team import Team

TEXT = "the-secret-text"
NUMBER = "0241109433"
DIGITS = "241109433"
API = "secret-of-ci"


@pytest.fixture
async def team(start_team: StartTeam) -> Team:
    team = await start_team(
        BRIDGE_CONFIRM_ABOVE=0, BRIDGE_PUBLIC_URL="https://pager.example.org", BRIDGE_API_TOKENS=f"ci={API}"
    )
    await team.on_call(ONCALL + '\n[schedules.primary]\npeople = ["kofi"]\nshift = "1w"\nstart = 2026-01-05T00:00:00\n')
    return team


async def rows(team: Team) -> list[AuditEntry]:
    await team.settled()
    return await team.app.database.read(lambda connection: [one.entry for one in audit.read(connection)])


async def newest(team: Team) -> tuple[str, str, str, str, str]:
    """(who, door, act, about, outcome) of the newest row, which holds no text and no number."""
    found = (await rows(team))[-1]
    assert TEXT not in repr(found)
    assert DIGITS not in repr(found)
    return found.who, found.door, found.act, found.about, found.outcome


# commands

# Command -> what is typed, and (about, outcome) for a user and for an admin.
COMMANDS: dict[str, tuple[str, tuple[str, str], tuple[str, str]]] = {
    "sms": (f"/sms {NUMBER} {TEXT}", ("#1", "held"), ("#2", "held")),
    "status": ("/status 1", ("#1", "done"), ("#1", "done")),
    "history": ("/history", ("", "done"), ("", "done")),
    "resend": ("/resend 1", ("#1", "nothing"), ("#1", "nothing")),
    "cancel": ("/cancel 1", ("#1", "done"), ("#1", "nothing")),
    "page": (f"/page {TEXT}", ("A1", "done"), ("A2", "done")),
    "alerts": ("/alerts", ("", "done"), ("", "done")),
    "ack": ("/ack a1", ("A1", "done"), ("A1", "too_late")),
    "resolve": ("/resolve A1", ("A1", "done"), ("A1", "too_late")),
    "oncall": ("/oncall", ("", "done"), ("", "done")),
    "take": ("/take primary 2h", ("", "nobody"), ("primary", "done")),
    "handback": ("/handback", ("", "nobody"), ("primary", "done")),
    "reload": ("/reload", ("", "admins_only"), ("", "done")),
    "pause": ("/pause", ("", "admins_only"), ("", "done")),
    "resume": ("/resume", ("", "admins_only"), ("", "done")),
    "whoami": ("/whoami", ("", "done"), ("", "done")),
    "help": ("/help", ("", "done"), ("", "done")),
    "start": ("/start", ("", "done"), ("", "done")),
}


async def test_every_command_has_a_line(team: Team) -> None:
    handlers = team.app.leader.telegram._application.handlers[0]
    assert {name for one in handlers if isinstance(one, CommandHandler) for name in one.commands} == COMMANDS.keys()


@pytest.mark.unwatched
async def test_every_command_leaves_its_row_with_its_outcome(team: Team) -> None:
    for name, (typed, *outcomes) in COMMANDS.items():
        for person, (about, outcome) in zip((team.kofi, team.ama), outcomes, strict=True):
            await person.says(typed)
            expected = (f"tg:{person.user.id}", "telegram", f"/{name}", about, outcome)
            assert await newest(team) == expected
    found = await rows(team)
    assert len(found) == 2 * len(COMMANDS)
    assert {one.name for one in found} == {"Kofi Boateng", "Ama Mensah"}
    assert {one.place for one in found} == {"222222222", "111111111"}
    assert found[0].detail == "1 recipient, 1 segment"


@pytest.mark.unwatched
async def test_a_command_in_a_topic_says_where(team: Team) -> None:

    forum = team.group("Forum", kind=Kind.SUPERGROUP, forum=True)
    topic = forum.topic("db1")
    await team.kofi.says("/whoami", to=forum, thread=topic)
    assert (await rows(team))[-1].place == f"{forum.chat.id}:{topic.id}"


@pytest.mark.unwatched
@pytest.mark.parametrize(
    ("typed", "outcome"),
    [
        ("/sms 12 x", "too_short"),
        ("/sms +449012345678 x", "premium_rate"),
        ("/sms", "no_recipients"),
        (f"/sms {NUMBER} " + "x" * 999, "too_long"),
        ("/status", "incomplete"),
        ("/status 233241109433", "not_found"),
        ("/ack", "incomplete"),
        ("/ack A233241109433", "not_found"),
        (f"/ack {TEXT}", "not_found"),
        ("/page", "incomplete"),
        (f"/page @{TEXT} x", "unknown_name"),
        (f"/take {TEXT}", "nobody"),
        ("/history x", "incomplete"),
    ],
)
async def test_a_refused_command_leaves_the_reason_and_nothing_that_was_typed(
    team: Team, typed: str, outcome: str
) -> None:
    await team.kofi.says(typed)
    act = typed.split()[0]
    assert await newest(team) == ("tg:222222222", "telegram", act, "", outcome)


@pytest.mark.unwatched
async def test_what_is_no_command_leaves_a_row_without_its_words(team: Team) -> None:
    said = await team.kofi.says(f"{TEXT} {NUMBER}")
    assert (await newest(team))[2:] == ("words", "", "nothing")
    await team.kofi.says(f"/{DIGITS}")
    assert (await newest(team))[2:] == ("unknown command", "", "nothing")
    await team.kofi.edits(said, f"/sms {NUMBER} {TEXT}")
    assert (await newest(team))[2:] == ("edited /sms", "", "nothing")
    theirs = await team.efua.says(f"/sms {NUMBER} {TEXT}", to=team.ops)
    team.telegram.forward(team.kofi.user, theirs)
    assert (await newest(team))[2:] == ("forwarded /sms", "", "nothing")


@pytest.mark.unwatched
async def test_limits_and_the_stop_switch_leave_their_rows(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_DAILY_LIMIT=1)
    for outcome in ("done", "daily_limit"):
        await team.kofi.says(f"/sms {NUMBER} {TEXT}")
        assert (await newest(team))[4] == outcome
    await team.ama.says("/pause")
    await team.kofi.says(f"/sms {NUMBER} {TEXT}")
    assert (await newest(team))[4] == "paused"


# strangers


@pytest.mark.unwatched
async def test_a_stranger_leaves_one_row_a_minute_however_much_they_try(team: Team) -> None:
    card = await _card(team)
    team.time_flies = False
    before = len(await rows(team))
    for _ in range(3):
        await team.efua.says(f"/sms {NUMBER} {TEXT}")
        await team.efua.says("/pause", to=team.ops)
        await team.telegram.press(team.efua.user, card, "Send now")  # answered once
    await team.settled()
    denied = (await rows(team))[before:]
    assert [(one.who, one.act, one.outcome) for one in denied] == [("tg:333333333", "/sms", "no_access")]
    team.time_passes(61)
    await team.efua.presses("Send now", card)
    assert await newest(team) == ("tg:333333333", "telegram", "button go", "", "no_access")


# buttons


async def _card(team: Team) -> Message:
    await team.kofi.says(f"/sms {NUMBER} {TEXT}", to=team.ops)
    return await team.ops.shows("Send it?")


async def _unknown_card(team: Team) -> Message:
    card = await _card(team)
    team.gateway.next_modes.append(Mode.CLOSE_BEFORE_ANSWER)
    await team.kofi.presses("Send now", card)
    return await team.ops.shows("❓", at=card)


async def _incident_card(team: Team) -> Message:
    await team.kofi.says(f"/page {TEXT}")
    return await team.ama.chat.shows("A1", TEXT)


BUTTONS: dict[str, tuple[Callable[[Team], Awaitable[Message]], str]] = {
    "go": (_card, "#1"),
    "no": (_card, "#1"),
    "again": (_unknown_card, "#1"),
    "leave": (_unknown_card, "#1"),
    "ack": (_incident_card, "A1"),
    "res": (_incident_card, "A1"),
    "esc": (_incident_card, "A1"),
}


def test_every_button_has_a_line() -> None:
    assert {*Verb} == BUTTONS.keys()


@pytest.mark.unwatched
@pytest.mark.parametrize("verb", list(BUTTONS))
async def test_every_button_leaves_its_row(team: Team, verb: str) -> None:
    make, about = BUTTONS[verb]
    card = await make(team)
    await team.settled()
    label, data = next(
        (one.text, one.callback_data) for one in card.buttons if one.callback_data.startswith(f"{verb}:")
    )
    await team.ama.presses(label, card)
    assert await newest(team) == ("tg:111111111", "telegram", f"button {verb}", about, "done")
    assert (await rows(team))[-1].place == str(card.chat.id)
    if verb in ("go", "no", "ack", "res"):
        await team.kofi.presses_data(data, card)
        assert (await newest(team))[4] in ("decided", "ended", "too_late")


@pytest.mark.unwatched
async def test_a_button_of_anothers_message_and_one_that_is_none_leave_rows(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_CONFIRM_ABOVE=0, BRIDGE_TELEGRAM_USERS="222222222,333333333")
    card = await _card(team)
    await team.efua.presses("Send now", card)
    assert await newest(team) == ("tg:333333333", "telegram", "button go", "", "not_found")
    await team.kofi.presses_data(f"boom:{DIGITS}", card)
    assert (await newest(team))[2:] == ("unknown button", "", "no_button")


# HTTP

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
Row = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Walk:
    """A request, and the row that it leaves. `row` is None for what changes nothing and leaves none."""

    row: Row | None
    json: object = None
    token: str = TOKEN
    path: str = ""


def _alerts(method: str, source: str, json: object) -> Walk:
    return Walk(("alerts:api", "alerts", f"{method} /alerts/{source}", "", "done"), json)


_FIRING = {
    "status": "firing",
    "alerts": [{"status": "firing", "labels": {"alertname": TEXT}, "startsAt": "2026-01-05T09:00:00Z"}],
    "version": "4",
    "groupKey": "x",
    "receiver": "x",
    "groupLabels": {},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "",
}
_KUMA = {"heartbeat": {"status": 0}, "monitor": {"id": 1, "name": TEXT}, "msg": TEXT}
_GRAFANA = {**_FIRING, "orgId": 1, "title": TEXT, "state": "alerting", "message": TEXT}

ROUTES: dict[tuple[str, str], Walk] = {
    ("POST", "/v1/sms"): Walk(
        ("api:ci", "api", "POST /v1/sms", "#1", "done"), {"to": [NUMBER], "text": TEXT}, token=API
    ),
    ("POST", "/alerts/alertmanager"): _alerts("POST", "alertmanager", _FIRING),
    ("POST", "/alerts/grafana"): _alerts("POST", "grafana", _GRAFANA),
    ("PUT", "/alerts/grafana"): _alerts("PUT", "grafana", _GRAFANA),
    ("POST", "/alerts/uptime-kuma"): _alerts("POST", "uptime-kuma", _KUMA),
    ("POST", "/alerts/generic"): _alerts("POST", "generic", {"title": TEXT}),
    ("PUT", "/alerts/generic"): _alerts("PUT", "generic", {"title": TEXT}),
    ("POST", "/a/{token}"): Walk(("link:ama", "link", "POST /a", "P1", "done")),
    # These only look.
    ("GET", "/v1/sms/{id}"): Walk(None, token=API, path="/v1/sms/1"),
    ("GET", "/a/{token}"): Walk(None),
    ("GET", "/healthz"): Walk(None),
    ("GET", "/readyz"): Walk(None),
    ("GET", "/metrics"): Walk(None),
    ("GET", "/openapi.json"): Walk(None),
    # A ping is nobody's act: its last time is kept, and its silence opens an incident.
    ("GET", "/heartbeats/{name}"): Walk(None, path="/heartbeats/x"),
    ("POST", "/heartbeats/{name}"): Walk(None, path="/heartbeats/x"),
    # What stands in the update is somebody's act, and leaves its row when it is handled.
    ("POST", "/telegram/webhook"): Walk(None, {"update_id": 1}),
}


async def test_every_route_has_a_line(team: Team) -> None:
    found = [route for part in team.app.replica.web_parts() for route in part.routes()]
    there = {
        (method, route.path.removesuffix("/")) for route in found for method in (route.methods or set()) - {"HEAD"}
    }
    assert there == ROUTES.keys()


async def _asks(team: Team, method: str, path: str, token: str = "", **how: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{team.app.port}", headers=headers) as client:
        return await client.request(method, path, **how)  # type: ignore[arg-type]


async def _link(team: Team) -> str:
    await team.kofi.says(f"/page {TEXT}")
    text = await team.until(lambda: next((sms.text for sms in team.unseen_sms(AMA)), None))
    return text[text.index("/a/") :].split()[0]


@pytest.mark.unwatched
@pytest.mark.parametrize("door", list(ROUTES), ids=" ".join)
async def test_every_route_that_changes_something_leaves_its_row(team: Team, door: tuple[str, str]) -> None:
    (method, path), walk = door, ROUTES[door]
    path = await _link(team) if path == "/a/{token}" else walk.path or path
    before = await rows(team)
    answer = await _asks(team, method, path, walk.token, **({} if walk.json is None else {"json": walk.json}))
    if walk.row is None:
        assert await rows(team) == before
    else:
        assert answer.status_code in (200, 202), answer.text
        assert await newest(team) == walk.row
        assert len(await rows(team)) == len(before) + 1


@pytest.mark.unwatched
async def test_a_program_that_is_refused_leaves_the_reason(team: Team) -> None:
    for body, outcome in (
        ({"to": ["12"], "text": TEXT}, "too_short"),
        ({"to": ["+447700900000"], "text": TEXT}, "unverified"),
        ({"to": [NUMBER, "+4915112345678"], "text": TEXT}, "new_country"),
        ({"to": [NUMBER], "text": TEXT * 99}, "too_long"),
        ({"to": [NUMBER]}, "invalid"),
    ):
        assert (await _asks(team, "POST", "/v1/sms", API, json=body)).status_code == 422
        assert await newest(team) == ("api:ci", "api", "POST /v1/sms", "", outcome)
    await team.ama.says("/pause")
    await team.settled()
    assert (await _asks(team, "POST", "/v1/sms", API, json={"to": [NUMBER], "text": TEXT})).status_code == 503
    assert (await newest(team))[4] == "paused"


@pytest.mark.unwatched
async def test_an_idempotency_key_that_comes_again_says_so(team: Team) -> None:
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{team.app.port}",
        headers={"Authorization": f"Bearer {API}", "Idempotency-Key": TEXT},
    ) as client:
        for text, outcome, about in ((TEXT, "done", "#1"), (TEXT, "repeated", "#1"), ("other", "key_used", "")):
            await client.post("/v1/sms", json={"to": [NUMBER], "text": text})
            assert (await newest(team))[3:] == (about, outcome)


@pytest.mark.unwatched
async def test_an_alert_source_leaves_counts_and_what_is_none_its_refusal(team: Team) -> None:
    await _asks(team, "POST", "/alerts/alertmanager", TOKEN, json=_FIRING)
    assert (await rows(team))[-1].detail == "1 alert"
    answer = await _asks(team, "POST", "/alerts/alertmanager", TOKEN, content=TEXT)
    assert answer.status_code == 422
    assert await newest(team) == ("alerts:api", "alerts", "POST /alerts/alertmanager", "", "invalid")
    before = await rows(team)
    assert (await _asks(team, "POST", "/alerts/alertmanager", "wrong", json=_FIRING)).status_code == 401
    assert await rows(team) == before  # who has no token writes nothing


@pytest.mark.unwatched
async def test_a_link_that_is_too_late_and_one_that_is_none_leave_rows(team: Team) -> None:
    path = await _link(team)
    for outcome in ("done", "too_late"):
        await _asks(team, "POST", path)
        assert await newest(team) == ("link:ama", "link", "POST /a", "P1", outcome)
    before = len(await rows(team))
    for _ in range(5):
        assert (await _asks(team, "POST", "/a/aaaaaaaaaaaaaaaa")).status_code == 404
    assert await newest(team) == ("link:", "link", "POST /a", "", "no_such_link")
    assert len(await rows(team)) == before + 1


# nothing of it is written where nothing happened


@pytest.mark.unwatched
async def test_an_update_that_comes_twice_leaves_one_row(team: Team) -> None:
    await team.kofi.says("/whoami")
    before = await rows(team)
    await team.restart(after_s=1)
    assert await rows(team) == before


# after BRIDGE_RETENTION_DAYS


@pytest.mark.sqlite
@pytest.mark.unwatched
async def test_after_the_retention_time_no_table_holds_a_text_or_a_number(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_API_TOKENS=f"ci={API}")
    team.gateway.number_modes = {"+233551234567": Mode.BAD_NUMBER}
    await team.kofi.says(f"/sms {NUMBER}, +233 55 123 4567, {NUMBER}\n{TEXT}")
    await team.kofi.says(f"/sms {NUMBER}x {TEXT}")
    await team.kofi.says("/history")
    await team.settled()
    await _asks(team, "POST", "/v1/sms", API, json={"to": [NUMBER], "text": TEXT}, headers={"Idempotency-Key": "k"})
    await _asks(team, "POST", "/alerts/generic", TOKEN, json={"title": TEXT, "text": NUMBER})
    await team.settled()
    await _asks(team, "POST", "/alerts/generic", TOKEN, json={"title": TEXT, "state": "resolved"})
    await team.settled()
    secrets = (TEXT, DIGITS, "551234567")
    assert _found(team, secrets) >= {"messages", "deliveries", "posts", "incidents"}
    await team.minutes_pass(91 * 24 * 60)
    await team.minutes_pass(1)
    assert _found(team, secrets) == set()
    assert len(await rows(team)) == 6  # who did what stays
    asked = await team.kofi.says("/resend 1")
    await team.kofi.chat.shows("❌ #1: its text and numbers are gone (BRIDGE_RETENTION_DAYS)", to=asked)
    asked = await team.kofi.says("/status 1")
    await team.kofi.chat.shows("+2332…433", "Its text and numbers are gone", to=asked)
    asked = await team.kofi.says("/history")
    await team.kofi.chat.shows("#1", "(blanked)", to=asked)


def _found(team: Team, secrets: tuple[str, ...]) -> set[str]:
    """The tables that hold one of these anywhere."""
    connection = sqlite3.connect(team.app.database.path)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {
        name
        for name in names
        if any(secret in repr(row) for row in connection.execute(f"SELECT * FROM {name}") for secret in secrets)
    }
    connection.close()
    return found
