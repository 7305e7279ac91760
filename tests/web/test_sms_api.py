import asyncio
import base64
import json
import sqlite3
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.domain.delivery import Cause, State
from bridge.store import countries, messages, switches
from bridge.web.sms_api import BODY_LIMIT
from tests.support.manual_clock import MONDAY_MORNING
from tests.support.outbox import number
from tests.web.conftest import CI, OPS, Door, MakeDoor

GOOD = {"to": ["0241109433"], "text": "Backup failed"}


def count(door: Door) -> int:
    """How many messages were ever written down."""
    connection = sqlite3.connect(door.path)
    (found,) = connection.execute("SELECT count(*) FROM messages").fetchone()
    connection.close()
    return int(found)


async def test_a_text_is_taken_and_its_state_can_be_asked(door: Door, client: httpx.AsyncClient) -> None:
    await door.database.write(lambda connection: countries.use(connection, ["GB"], door.clock.now()))
    answer = await client.post("/v1/sms", json={"to": ["0241109433", "+447820125799"], "text": "Backup failed"})
    assert (answer.status_code, answer.json()) == (202, {"id": 1, "recipients": 2})
    assert door.woken == 1
    shown = await client.get("/v1/sms/1")
    assert shown.status_code == 200
    body = shown.json()
    assert (body["id"], body["segments"], body["encoding"], body["counts"]) == (1, 1, "gsm7", {"queued": 2})
    assert body["created_at"] == MONDAY_MORNING.isoformat()
    assert [line["to"] for line in body["recipients"]] == ["+233241109433", "+447820125799"]
    assert body["recipients"][0] == {
        "to": "+233241109433",
        "state": "queued",
        "reason": "",
        "attempts": 0,
        "earlier_unknown": 0,
        "gateway": "",
        "code": "",
        "type": "",
        "error": "",
        "detail": "",
        "sms_id": "",
    }


async def test_the_owner_is_the_token_and_not_the_text(door: Door, client: httpx.AsyncClient) -> None:
    await client.post("/v1/sms", json=GOOD)
    view = await door.database.read(lambda connection: messages.view(connection, 1))
    assert view is not None
    assert (view.owner, view.owner_name, view.source) == ("api:ci", "ci", "api")


# who


async def test_without_any_token_configured_the_door_is_closed(make_door: MakeDoor) -> None:
    client = (await make_door(tokens="")).client()
    for answer in (await client.post("/v1/sms", json=GOOD), await client.get("/v1/sms/1")):
        assert answer.status_code == 403
        assert answer.json()["error"] == "no_tokens"


BAD_AUTHORIZATIONS = [
    None,
    "",
    "Bearer",
    "Bearer ",
    "Bearer wrong",
    f"Bearer {CI}x",
    f"Bearer ci={CI}",
    f"Token {CI}",
    CI,
    "Basic",
    "Basic !!!",
    "Basic " + base64.b64encode(b"\xff\xfe").decode(),
    "Basic " + base64.b64encode(f"{CI}:".encode()).decode(),
    "Basic " + base64.b64encode(f"{CI}:wrong".encode()).decode(),
]


@pytest.mark.parametrize("authorization", BAD_AUTHORIZATIONS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_missing_or_wrong_token_is_refused(door: Door, authorization: str | None, method: str) -> None:
    client = door.client(token=None)
    headers = {} if authorization is None else {"Authorization": authorization}
    path = "/v1/sms" if method == "POST" else "/v1/sms/1"
    answer = await client.request(method, path, headers=headers, json=GOOD)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"] == "unauthorized"
    assert count(door) == 0


@pytest.mark.parametrize("user", ["", "anybody", "ci"])
async def test_basic_carries_the_token_as_password(door: Door, user: str) -> None:
    answer = await door.client(token=None).post("/v1/sms", json=GOOD, auth=httpx.BasicAuth(user, CI))
    assert answer.status_code == 202


async def test_a_scheme_is_read_in_any_case(door: Door) -> None:
    answer = await door.client(token=None).post("/v1/sms", json=GOOD, headers={"Authorization": f"bearer {CI}"})
    assert answer.status_code == 202


async def test_anothers_message_is_as_good_as_none(door: Door) -> None:
    await door.client(CI).post("/v1/sms", json=GOOD)
    others = await door.client(OPS).get("/v1/sms/1")
    none = await door.client(OPS).get("/v1/sms/2")
    assert others.status_code == none.status_code == 404
    assert others.content == none.content
    assert dict(others.headers) == dict(none.headers)


# what

BAD_BODIES = [
    b"",
    b"to=0241109433&text=hello",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe",
    b'{"to": ["0241109433"]}',
    b'{"text": "x"}',
    b'{"to": [], "text": "x"}',
    b'{"to": "0241109433", "text": "x"}',
    b'{"to": [241109433], "text": "x"}',
    b'{"to": [null], "text": "x"}',
    b'{"to": ["0241109433"], "text": 7}',
    b'{"to": ["0241109433"], "text": null}',
    b'{"to": ["0241109433"], "text": ""}',
    b'{"to": ["0241109433"], "text": "x", "from": "ACME"}',
    b'{"to": ["0241109433"], "text": "x", "TEXT": "y"}',
    json.dumps({"to": ["0" * 101], "text": "x"}).encode(),
    json.dumps({"to": ["0241109433"], "text": "x" * 4097}).encode(),
    json.dumps({"to": ["0241109433"] * 10_001, "text": "x"}).encode(),
    b'{"to": ["0241109433"], "text": "\\ud83d alone"}',
    b'{"to": ["0241109433"], "text": "nul \\u0000"}',
    b'{"to": ["0241109433"], "text": "   "}',
    b'{"to": ["0241109433"], "text": ' + b"[" * 100_000,
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=[repr(body[:40]) for body in BAD_BODIES])
async def test_a_body_that_is_no_such_request_is_refused(door: Door, client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/v1/sms", content=body)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["error"] in ("invalid", "empty")
    assert problem["detail"]
    assert count(door) == 0


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["to", "text", "x"]), inner, max_size=3)
        ),
        max_leaves=6,
    )
)
async def test_any_json_gets_an_answer_of_ours(client: httpx.AsyncClient, body: object) -> None:
    answer = await client.post("/v1/sms", content=json.dumps(body))
    assert answer.status_code in (202, 422)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (["0241109433", "12", "024110WIFE"], ["12", "024110WIFE"]),
        (["@ama"], ["@ama"]),
        (["0241109433", "0241109433;0551234567"], ["to.1: “0241…567” is no phone number: it holds “;”"]),
        (["0241109433", "024-110-94 33 22"], ["to.1: “0241…322”"]),
    ],
)
async def test_every_bad_recipient_is_named_and_nothing_is_sent(
    door: Door, client: httpx.AsyncClient, items: list[str], words: list[str]
) -> None:
    answer = await client.post("/v1/sms", json={"to": items, "text": "x"})
    assert answer.status_code == 422
    assert answer.json()["error"] == "invalid"
    assert len(answer.json()["detail"]) == len(words)
    assert all(word in line for word, line in zip(words, answer.json()["detail"], strict=True)), answer.json()
    assert "1109433" not in answer.text, "who calls logs the answers that were not expected"
    assert count(door) == 0


async def test_a_possible_number_in_no_list_of_valid_ones_is_refused_because_a_program_cannot_be_asked(
    door: Door, client: httpx.AsyncClient
) -> None:
    answer = await client.post("/v1/sms", json={"to": ["+447700900000"], "text": "x"})
    assert (answer.status_code, answer.json()["error"]) == (422, "unverified")
    assert "+4477…000" in answer.json()["detail"][0]
    assert "7700900000" not in answer.text
    assert count(door) == 0


async def test_a_country_that_is_not_allowed_is_refused(make_door: MakeDoor) -> None:
    client = (await make_door(countries="GH")).client()
    answer = await client.post("/v1/sms", json={"to": ["+447820125799"], "text": "x"})
    assert answer.status_code == 422
    assert (await client.post("/v1/sms", json=GOOD)).status_code == 202


@pytest.mark.parametrize(("item", "words"), [("+449012345678", "premium rate"), ("+4918012345", "shared cost")])
async def test_a_premium_rate_or_shared_cost_number_is_refused(
    door: Door, client: httpx.AsyncClient, item: str, words: str
) -> None:
    answer = await client.post("/v1/sms", json={"to": [item], "text": "x"})
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid")
    assert words in answer.json()["detail"][0]
    assert count(door) == 0


async def test_the_first_message_to_another_country_is_refused_because_a_program_cannot_be_asked(
    door: Door, client: httpx.AsyncClient
) -> None:
    assert (await client.post("/v1/sms", json=GOOD)).status_code == 202
    answer = await client.post("/v1/sms", json={"to": ["+4915112345678"], "text": "x"})
    assert (answer.status_code, answer.json()["error"]) == (422, "new_country")
    assert "first message to DE. Send it from the chat, which asks" in answer.json()["detail"][0]
    assert "an admin" in answer.json()["detail"][0]
    assert "BRIDGE_ALLOWED_COUNTRIES" in answer.json()["detail"][0]
    assert count(door) == 1
    await door.database.write(lambda connection: countries.use(connection, ["DE"], door.clock.now()))
    assert (await client.post("/v1/sms", json={"to": ["+4915112345678"], "text": "x"})).status_code == 202


async def test_doubles_are_dropped(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/sms", json={"to": ["0241109433", "+233 24 110 9433"], "text": "x"})
    assert answer.json()["recipients"] == 1


async def test_a_text_that_is_too_long_is_refused(door: Door, client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/sms", json={"to": ["0241109433"], "text": "x" * (153 * 6 + 1)})
    assert (answer.status_code, answer.json()["error"]) == (422, "too_long")
    assert "7 segments" in answer.json()["detail"][0]
    assert count(door) == 0


async def test_ten_thousand_recipients_are_taken_and_all_of_them_shown(client: httpx.AsyncClient) -> None:
    numbers = [number(index) for index in range(10_000)]
    answer = await client.post("/v1/sms", json={"to": numbers, "text": "x"})
    assert (answer.status_code, answer.json()["recipients"]) == (202, 10_000)
    shown = (await client.get("/v1/sms/1")).json()
    assert [line["to"] for line in shown["recipients"]] == numbers


async def test_accepted_recipients_of_a_large_message_are_shown_too(door: Door, client: httpx.AsyncClient) -> None:
    await client.post("/v1/sms", json={"to": [number(index) for index in range(50)], "text": "x"})
    await door.database.write(
        lambda connection: connection.exec_driver_sql("UPDATE deliveries SET state = 'accepted' WHERE position < 49")
    )
    shown = (await client.get("/v1/sms/1")).json()
    assert shown["counts"] == {"accepted": 49, "queued": 1}
    assert len(shown["recipients"]) == 50


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_large_is_refused_without_being_read_to_its_end(
    door: Door, client: httpx.AsyncClient, announced: bool
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(200):
            sent += 65536
            yield b"x" * 65536

    headers = {"Content-Length": str(200 * 65536)} if announced else {}
    answer = await client.post("/v1/sms", content=endless(), headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")
    assert sent <= (BODY_LIMIT + 2 * 65536 if not announced else 65536)
    assert count(door) == 0


async def test_a_body_of_exactly_the_limit_is_read(client: httpx.AsyncClient) -> None:
    body = json.dumps(GOOD).encode()
    answer = await client.post("/v1/sms", content=body + b" " * (BODY_LIMIT - len(body)))
    assert answer.status_code == 202


@pytest.mark.parametrize("length", ["-1", "many", "1" * 5000])
async def test_a_strange_length_makes_no_error_of_ours(client: httpx.AsyncClient, length: str) -> None:
    answer = await client.post("/v1/sms", content=json.dumps(GOOD), headers={"Content-Length": length})
    assert answer.status_code in (202, 413, 422)


# again

KEY = {"Idempotency-Key": "backup-2026-11-22"}


async def test_the_same_key_and_body_give_the_same_answer_and_one_message(
    door: Door, client: httpx.AsyncClient
) -> None:
    first = await client.post("/v1/sms", json=GOOD, headers=KEY)
    again = await client.post("/v1/sms", content=json.dumps(GOOD, indent=4), headers=KEY)
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (202, {"id": 1, "recipients": 1})
    assert count(door) == 1


@pytest.mark.parametrize("other", [{"to": ["0551234567"], "text": "Backup failed"}, {**GOOD, "text": "Backup failed!"}])
async def test_the_same_key_with_another_body_is_a_conflict(
    door: Door, client: httpx.AsyncClient, other: dict[str, object]
) -> None:
    await client.post("/v1/sms", json=GOOD, headers=KEY)
    answer = await client.post("/v1/sms", json=other, headers=KEY)
    assert (answer.status_code, answer.json()["error"]) == (409, "key_used")
    assert count(door) == 1


async def test_the_same_key_of_another_token_is_another_key(door: Door) -> None:
    first = await door.client(CI).post("/v1/sms", json=GOOD, headers=KEY)
    second = await door.client(OPS).post("/v1/sms", json=GOOD, headers=KEY)
    assert (first.json()["id"], second.json()["id"]) == (1, 2)


async def test_without_a_key_each_request_is_a_message(door: Door, client: httpx.AsyncClient) -> None:
    for _ in range(2):
        await client.post("/v1/sms", json=GOOD)
    await client.post("/v1/sms", json=GOOD, headers={"Idempotency-Key": ""})
    assert count(door) == 3


async def test_repeats_at_the_same_time_make_one_message(door: Door) -> None:
    clients = [door.client() for _ in range(8)]
    answers = await asyncio.gather(
        *(client.post("/v1/sms", json=GOOD, headers=KEY) for client in clients for _ in range(5))
    )
    assert {(answer.status_code, answer.json()["id"]) for answer in answers} == {(202, 1)}
    assert count(door) == 1


async def test_a_key_that_is_too_long_is_refused(door: Door, client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/sms", json=GOOD, headers={"Idempotency-Key": "k" * 200})).status_code == 202
    answer = await client.post("/v1/sms", json=GOOD, headers={"Idempotency-Key": "k" * 201})
    assert answer.status_code == 422
    assert count(door) == 1


async def test_a_request_that_was_refused_does_not_use_up_its_key(make_door: MakeDoor) -> None:
    door = await make_door(daily_limit=1)
    client = door.client()
    refused = await client.post("/v1/sms", json={"to": ["0241109433", "0551234567"], "text": "x"}, headers=KEY)
    assert refused.status_code == 403
    assert (await client.post("/v1/sms", json=GOOD, headers=KEY)).status_code == 202


async def test_a_repeat_is_answered_even_while_paused(door: Door, client: httpx.AsyncClient) -> None:
    await client.post("/v1/sms", json=GOOD, headers=KEY)
    await pause(door)
    assert (await client.post("/v1/sms", json=GOOD, headers=KEY)).json()["id"] == 1


# rules


async def pause(door: Door) -> None:
    await door.database.write(
        lambda connection: switches.put(connection, switches.PAUSED, "on", by="Ama", now=MONDAY_MORNING)
    )


async def test_while_paused_nothing_is_taken(door: Door, client: httpx.AsyncClient) -> None:
    await pause(door)
    answer = await client.post("/v1/sms", json=GOOD)
    assert (answer.status_code, answer.json()["error"]) == (503, "paused")
    assert "Ama" in answer.json()["detail"][0]
    assert count(door) == 0


async def test_the_daily_limit_of_a_token_holds(make_door: MakeDoor) -> None:
    door = await make_door(daily_limit=2)
    client = door.client()
    for _ in range(2):
        assert (await client.post("/v1/sms", json=GOOD)).status_code == 202
    answer = await client.post("/v1/sms", json=GOOD)
    assert (answer.status_code, answer.json()["error"]) == (403, "daily_limit")
    assert "2 of 2" in answer.json()["detail"][0]
    assert (await door.client(OPS).post("/v1/sms", json=GOOD)).status_code == 202


async def test_the_daily_limit_of_all_holds_for_each(make_door: MakeDoor) -> None:
    door = await make_door(daily_limit_all=2)
    for token in (CI, OPS):
        assert (await door.client(token).post("/v1/sms", json=GOOD)).status_code == 202
    assert (await door.client(OPS).post("/v1/sms", json=GOOD)).status_code == 403


async def test_limits_hold_when_many_come_at_once(make_door: MakeDoor) -> None:
    door = await make_door(daily_limit=5)
    client = door.client()
    answers = await asyncio.gather(*(client.post("/v1/sms", json=GOOD) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [202] * 5 + [403] * 15


async def test_a_day_later_the_limit_is_free_again_and_cancelled_ones_do_not_count(make_door: MakeDoor) -> None:
    door = await make_door(daily_limit=1)
    client = door.client()
    first = (await client.post("/v1/sms", json=GOOD)).json()["id"]
    assert (await client.post("/v1/sms", json=GOOD)).status_code == 403
    now = door.clock.now()
    await door.database.write(
        lambda connection: messages.move(connection, first, Cause.CANCEL, State.CANCELLED, now=now)
    )
    assert (await client.post("/v1/sms", json=GOOD)).status_code == 202
    assert (await client.post("/v1/sms", json=GOOD)).status_code == 403
    door.clock.advance(86_401)  # type: ignore[attr-defined]
    assert (await client.post("/v1/sms", json=GOOD)).status_code == 202


async def test_a_costly_message_is_taken_because_a_program_cannot_be_asked(client: httpx.AsyncClient) -> None:
    await client.post("/v1/sms", json={"to": [number(index) for index in range(30)], "text": "x"})
    assert (await client.get("/v1/sms/1")).json()["counts"] == {"queued": 30}


# which

HUGE = [str((1 << 63) - 1), str(1 << 63), "9" * 30, "9" * 5000, "0", "00"]


@pytest.mark.parametrize("number", HUGE, ids=[f"{len(one)} digits {one[:5]}" for one in HUGE])
async def test_a_number_of_any_size_is_just_not_there(client: httpx.AsyncClient, number: str) -> None:
    answer = await client.get(f"/v1/sms/{number}")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/v1/sms/-1", "/v1/sms/x", "/v1/sms/1.0", "/v1/sms/²", "/v1/sms/١"])
async def test_what_is_no_number_is_not_there(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/v1/sms/", "/v1/sms/1/", "/v1", "/", "/x", "//", "/metrics/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_another_address_is_json_and_no_redirect(client: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/sms"), ("PUT", "/v1/sms"), ("POST", "/v1/sms/1"), ("DELETE", "/v1/sms/1")]
)
async def test_another_method_is_refused_as_json_and_the_right_one_named(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["error"]) == (405, "wrong_method")
    assert answer.headers["allow"]


# store


async def test_when_it_cannot_be_committed_it_is_not_taken(door: Door, client: httpx.AsyncClient) -> None:
    connection = sqlite3.connect(door.path)
    connection.execute(
        "CREATE TRIGGER broken BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"
    )
    connection.commit()
    answer = await client.post("/v1/sms", json=GOOD, headers=KEY)
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    connection.execute("DROP TRIGGER broken")
    connection.commit()
    connection.close()
    assert count(door) == 0
    assert (await client.post("/v1/sms", json=GOOD, headers=KEY)).json()["id"] == 1


async def test_when_the_store_is_closed_nothing_is_taken_or_shown(door: Door, client: httpx.AsyncClient) -> None:
    await door.database.aclose()
    assert (await client.post("/v1/sms", json=GOOD)).status_code == 503
    assert (await client.get("/v1/sms/1")).status_code == 503
