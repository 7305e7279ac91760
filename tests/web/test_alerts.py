"""The door for alerts, over real HTTP and a real store."""

import asyncio
import base64
import gzip
import hmac
import html
import itertools
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select

from bridge.services.chat.notices import Notices
from bridge.services.incidents.refused_posts import RefusedPosts
from bridge.settings import load
from bridge.sources import SOURCES, NotSuchAPayload
from bridge.store import audit, tables
from bridge.store.alert_inbox import Posted
from bridge.store.database import BUSY_TIMEOUT_S, Database
from bridge.store.posts import Place
from bridge.store.sqlite import SqliteDatabase
from bridge.store.tables import posts
from bridge.web.alerts import BODY_LIMIT, SIGNATURE, THREAD_ABOVE, AlertDoor
from bridge.web.openapi import document
from tests.support.databases import new_database
from tests.support.kept import all_waiting
from tests.support.manual_clock import MONDAY_MORNING, ManualClock
from tests.unit.sources.recorded import recorded
from tests.web.listening import listening, raw

TOKEN, CI, KEY = "alerts-secret", "secret-of-ci", "key-of-grafana"
FIRING = recorded("alertmanager/01-firing-one.json")
GRAFANA = json.dumps(
    {"alerts": [{"status": "firing", "labels": {"alertname": "A"}, "annotations": {}, "fingerprint": "f"}]}
).encode()


@dataclass
class Scene:
    """A door that listens; `kept` is what a loop would find behind it."""

    port: int
    path: Path
    database: Database
    woken: list[None] = field(default_factory=list)
    clock: ManualClock = field(default_factory=ManualClock)

    async def posts(
        self, path: str, body: bytes = FIRING, *, token: str | None = TOKEN, method: str = "POST", **headers: str
    ) -> httpx.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            given = {"Authorization": f"Bearer {token}"} | given
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=20) as client:
            return await client.request(method, path, content=body, headers=given)

    async def kept(self) -> list[Posted]:
        return await self.database.read(all_waiting)

    async def told(self) -> list[str]:
        """What was said since the last look; each in the chat for notices and to the admin."""
        rows = await self.database.read(lambda c: c.execute(select(posts.c.chat_id, posts.c.text)).all())
        assert [row.chat_id for row in rows] == [-100, 7] * (len(rows) // 2)
        assert [row.text for row in rows[::2]] == [row.text for row in rows[1::2]]
        await self.database.write(lambda c: c.execute(delete(posts)))
        return [html.unescape(row.text) for row in rows[::2]]


Open = Callable[..., object]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async for one in opened(tmp_path):
        yield one


async def opened(
    folder: Path, *, tokens: str = TOKEN, api: str = f"ci={CI}", key: str = KEY, within_s: float = 9
) -> AsyncIterator[Scene]:
    settings = load({"BRIDGE_ALERT_TOKENS": tokens, "BRIDGE_API_TOKENS": api}, env_file=folder / "none")
    path = new_database(folder)
    database = SqliteDatabase(path)
    scene = Scene(0, path, database)
    door = AlertDoor(
        database=database,
        names=settings.alert_names(),
        grafana_secret=key,
        clock=scene.clock,
        on_kept=lambda: scene.woken.append(None),
        refused_posts=RefusedPosts(Notices(places=[Place(chat_id=-100)], admins=[7])),
        on_refused=lambda: None,
        answer_within_s=within_s,
    )
    async with listening(door.routes(), astray=door.astray) as scene.port:
        yield scene
    await database.aclose()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the database's lock."""
    outside = sqlite3.connect(path, isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")
    yield
    outside.close()


# what is taken


async def test_an_alert_is_kept_as_it_came_before_it_is_answered(scene: Scene) -> None:
    answer = await scene.posts("/alerts/alertmanager", content_type="application/json")
    assert (answer.status_code, answer.json()) == (202, {"alerts": 1})
    (posted,) = await scene.kept()
    assert (posted.source, posted.content_type, posted.body) == ("alertmanager", "application/json", FIRING)
    assert (posted.received_at, posted.taken) == (MONDAY_MORNING, 0)
    assert len(scene.woken) == 1


async def test_what_was_hardly_meant_so_is_told_and_taken(scene: Scene) -> None:
    answer = await scene.posts("/alerts/generic", b"title=Disk full&severity=warnng")
    assert answer.status_code == 202
    assert answer.json() == {
        "alerts": 1,
        "warnings": [
            "severity “warnng” is no known word and counts as critical: use critical, error, warning, info",
        ],
    }
    assert len(await scene.kept()) == 1
    kept = document()["components"]["schemas"]["Kept"]
    assert set(answer.json()) == set(kept["properties"])
    assert kept["required"] == ["alerts"]


async def test_an_end_of_nothing_is_told_where_that_is_known_at_once(scene: Scene) -> None:
    async def warned(body: bytes) -> int:
        answer = await scene.posts("/alerts/generic", body)
        assert answer.status_code == 202
        return len(answer.json().get("warnings", []))

    many = json.dumps([{"title": str(index), "state": "ok"} for index in range(100)]).encode()
    both = b'[{"title": "x", "state": "resolved"}, {"title": "x"}]'
    for body, told in ((b"title=x&state=resolved", 1), (b"title=x", 0), (both, 0), (many, 10)):
        assert await warned(body) == told
        assert await warned(b"title=x&state=resolved") == 0, "what waits there may open anything"
        await scene.database.write(lambda c: c.execute(delete(tables.alert_inbox)))
    assert (await scene.posts("/alerts/alertmanager", FIRING.replace(b"firing", b"resolved"))).json() == {"alerts": 1}


BODIES = {
    "alertmanager": FIRING,
    "grafana": GRAFANA,
    "uptime-kuma": recorded("uptime-kuma/uptime-kuma-2.5.3-down.json"),
    "generic": b"title=Backup failed",
}


async def test_every_source_has_its_address_with_and_without_a_slash(scene: Scene) -> None:
    assert set(BODIES) == set(SOURCES)
    for (source, body), slash in itertools.product(BODIES.items(), ["", "/"]):
        answer = await scene.posts(f"/alerts/{source}{slash}", body, content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 202, (source, slash)
    assert [one.source for one in await scene.kept()] == [source for source in BODIES for _ in "12"]


async def test_only_grafana_and_generic_may_put_and_another_method_is_405_in_json(scene: Scene) -> None:
    for source, method in itertools.product(SOURCES, ["PUT", "GET", "DELETE"]):
        answer = await scene.posts(f"/alerts/{source}", b'{"title": "x", "alerts": []}', method=method)
        if method == "PUT" and source in ("grafana", "generic"):
            assert answer.status_code == 202, source
            continue
        assert answer.status_code == 405
        takes = "POST or PUT" if source in ("grafana", "generic") else "POST"
        detail = [f"An alert is sent here by {takes}, not {method}."]
        assert answer.json() == {"error": "wrong_method", "detail": detail}, (source, method)
        assert "POST" in answer.headers["allow"]
    assert {one.source for one in await scene.kept()} == {"grafana", "generic"}


async def test_a_large_body_is_read_too_and_others_are_answered_meanwhile(scene: Scene) -> None:
    one = json.loads(FIRING)
    one["alerts"] = one["alerts"] * 3000
    large = json.dumps(one).encode()
    assert len(large) > 10 * THREAD_ABOVE
    answers = await asyncio.gather(
        scene.posts("/alerts/alertmanager", large), *(scene.posts("/alerts/alertmanager") for _ in range(5))
    )
    assert [(answer.status_code, answer.json()["alerts"]) for answer in answers] == [(202, 3000), *[(202, 1)] * 5]
    assert large in [one.body for one in await scene.kept()]


async def test_what_was_sent_with_a_long_content_type_can_be_read_again(scene: Scene) -> None:
    long = f'multipart/form-data; filler={"x" * 500}; boundary="b"'
    body = b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nDisk full\r\n--b--\r\n'
    answer = await scene.posts("/alerts/generic", body, content_type=long)
    assert answer.status_code == 422, "the loop could not read it either: the store keeps 200 characters"
    assert (await scene.posts("/alerts/generic", body, content_type="multipart/form-data; boundary=b")).is_success
    (posted,) = await scene.kept()
    assert SOURCES["generic"](posted.body, posted.content_type).alerts[0].title == "Disk full"


# who


async def test_a_token_of_the_sms_api_may_post_alerts_too_and_basic_carries_one(scene: Scene) -> None:
    assert (await scene.posts("/alerts/alertmanager", token=CI)).status_code == 202
    basic = base64.b64encode(f"prometheus:{TOKEN}".encode()).decode()
    answer = await scene.posts("/alerts/alertmanager", token=None, authorization=f"Basic {basic}")
    assert answer.status_code == 202


async def test_without_a_good_token_nothing_is_taken(scene: Scene) -> None:
    for source, token in itertools.product(SOURCES, [None, "wrong", f"{TOKEN}x", "ci"]):
        answer = await scene.posts(f"/alerts/{source}", GRAFANA, token=token)
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized"), (source, token)
        assert answer.headers["www-authenticate"] == "Bearer"
    assert await scene.kept() == []


async def test_a_wrong_token_is_answered_before_the_body_is_there(scene: Scene) -> None:
    head = b"POST /alerts/alertmanager HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    assert (await raw(scene.port, head, wait_s=0.5)).startswith(b"HTTP/1.1 401")


async def test_without_any_token_the_door_is_closed(tmp_path: Path) -> None:
    async for scene in opened(tmp_path, tokens="", api="", key=""):
        for source in SOURCES:
            answer = await scene.posts(f"/alerts/{source}", GRAFANA)
            assert (answer.status_code, answer.json()["error"]) == (403, "no_tokens")


def signature(body: bytes, key: str = KEY) -> str:
    return hmac.new(key.encode(), body, "sha256").hexdigest()


@pytest.mark.parametrize("tokens", ["", TOKEN])
async def test_grafanas_signature_is_enough(tmp_path: Path, tokens: str) -> None:
    async for scene in opened(tmp_path, tokens=tokens, api=""):
        answer = await scene.posts(
            "/alerts/grafana", GRAFANA, token=None, x_grafana_alerting_signature=signature(GRAFANA)
        )
        assert answer.status_code == 202
        assert (await scene.posts("/alerts/grafana", GRAFANA, token=None)).status_code == 401
        assert (await scene.posts("/alerts/alertmanager", token=None)).status_code == (401 if tokens else 403)


async def test_a_wrong_signature_is_refused_whatever_the_token(scene: Scene) -> None:
    for wrong in (signature(GRAFANA, "other"), signature(GRAFANA + b" "), "", "x"):
        answer = await scene.posts("/alerts/grafana", GRAFANA, x_grafana_alerting_signature=wrong)
        assert answer.status_code == 401, wrong
    assert await scene.kept() == []


async def test_a_signature_with_its_time_holds_for_five_minutes(scene: Scene) -> None:
    for age_s, status in ((0, 202), (299, 202), (301, 401)):
        at = str(int(MONDAY_MORNING.timestamp()) - age_s)
        signed = signature(f"{at}:".encode() + GRAFANA)
        answer = await scene.posts(
            "/alerts/grafana", GRAFANA, token=None, x_grafana_alerting_signature=signed, x_grafana_alerting_timestamp=at
        )
        assert answer.status_code == status, age_s


async def test_a_signature_opens_no_other_door_and_counts_for_nothing_without_a_key(tmp_path: Path) -> None:
    async for scene in opened(tmp_path, key=""):
        empty = signature(GRAFANA, "")
        answer = await scene.posts("/alerts/grafana", GRAFANA, token=None, x_grafana_alerting_signature=empty)
        assert answer.status_code == 401
        answer = await scene.posts("/alerts/grafana", GRAFANA, x_grafana_alerting_signature="whatever")
        assert answer.status_code == 202, "the token decides"


async def test_a_signature_opens_grafanas_address_only(scene: Scene) -> None:
    for source in set(SOURCES) - {"grafana"}:
        answer = await scene.posts(
            f"/alerts/{source}", GRAFANA, token=None, x_grafana_alerting_signature=signature(GRAFANA)
        )
        assert answer.status_code == 401, source


# what can never become good


@pytest.mark.parametrize(
    ("source", "body", "words"),
    [
        ("alertmanager", b"", "the body is no JSON (line 1, column 1)"),
        ("alertmanager", b"{}", "alerts is missing"),
        ("grafana", b'{"alerts": [{}]}', "alerts[0].status is neither firing nor resolved"),
        ("uptime-kuma", b"[]", "the body is no object"),
        ("alertmanager", b"x" * (THREAD_ABOVE + 1), "the body is no JSON (line 1, column 1)"),
    ],
)
async def test_no_such_payload_is_one_line_that_says_why(scene: Scene, source: str, body: bytes, words: str) -> None:
    answer = await scene.posts(f"/alerts/{source}", body)
    assert (answer.status_code, answer.json()) == (422, {"error": "invalid", "detail": [words]})
    assert await scene.kept() == []


# who may post and is refused: told, because alerts are being lost

SECRET = b'{"alerts": [{"status": "Disk full on db1 +233241109433", "secret": "' + TOKEN.encode() + b'"}]}'


async def test_a_known_sender_that_is_not_understood_is_told_of_with_what_to_do(tmp_path: Path) -> None:
    async for scene in opened(tmp_path, tokens=f"grafana={TOKEN}"):
        assert (await scene.posts("/alerts/grafana", SECRET)).status_code == 422
        assert await scene.told() == [
            "🚨 Alerts are lost. What is posted to /alerts/grafana with the token “grafana” is not understood: "
            "alerts[0].status is neither firing nor resolved. Does it belong to another address of bridge? "
            "docs/oncall.md says what each source needs."
        ]


async def test_it_is_said_once_an_hour_for_each_sender_address_and_kind(scene: Scene) -> None:
    async def refused_once_each() -> list[str]:
        for token, source in itertools.product([TOKEN, CI], ["generic", "alertmanager"]):
            for _ in range(3):
                assert (await scene.posts(f"/alerts/{source}", b"{}", token=token)).status_code == 422
                answer = await scene.posts(f"/alerts/{source}", token=token, content_encoding="gzip")
                assert answer.status_code == 415
        return await scene.told()

    assert len(set(await refused_once_each())) == 2 * 2 * 2
    scene.clock.advance(3599)
    assert await refused_once_each() == []
    scene.clock.advance(1)
    assert len(await refused_once_each()) == 8
    scene.clock.advance(-7200)
    assert len(await refused_once_each()) == 8, "a clock that was put back silences nothing"


async def test_what_is_too_large_or_compressed_is_told_with_what_to_do(scene: Scene) -> None:
    for length in (BODY_LIMIT + 1, 10**17):
        await raw(scene.port, HEAD, f"Content-Length: {length}\r\n\r\n".encode())
    assert [words.partition(" with ")[2] for words in await scene.told()] == [
        "the token “api” is larger than 8 MiB. Let it send fewer alerts at a time (Alertmanager: max_alerts)."
    ]
    await scene.posts("/alerts/generic", gzip.compress(b"title=x"), content_encoding="gzip")
    assert "is compressed. Turn compression off there" in (await scene.told())[0]


@pytest.mark.parametrize(
    "path",
    [
        "/alerts",
        "/alerts/",
        "/alerts/prometheus",
        "/alert/grafana",
        "/Alerts/generic",
        "/alerts/generic/x",
        "/api/v2/alerts",
    ],
)
async def test_an_address_that_there_is_not_is_told_of_too(scene: Scene, path: str) -> None:
    for _ in range(2):
        assert (await scene.posts(path)).status_code == 404
    assert (await scene.posts("/v1/smss")).status_code == 404
    (words,) = await scene.told()
    assert words.partition("What is posted to ")[2].startswith("/alerts with the token ")
    assert "comes to an address that bridge does not have. Send it by POST to one of /alerts/alertmanager, " in words
    assert "prometheus" not in words.replace("alertmanager", "")


async def test_a_method_that_is_not_taken_is_told_of_too(scene: Scene) -> None:
    for method in ("GET", "PUT", "PATCH", "HEAD", "DELETE"):
        assert (await scene.posts("/alerts/alertmanager", method=method)).status_code == 405
    (words,) = await scene.told()
    assert words.partition("What is posted to ")[2].startswith("/alerts/alertmanager with the token ")
    assert "comes by a method that is not taken. Send it by POST" in words


async def test_strangers_cannot_make_us_talk(scene: Scene) -> None:
    wrong = signature(GRAFANA, "other")
    await raw(scene.port, HEAD.replace(TOKEN.encode(), b"wrong"), b"Content-Length: 99999999\r\n\r\n")
    for token in (None, "wrong"):
        for path in ("/alerts/generic", "/alerts/grafana", "/alerts/nowhere", "/alerts"):
            for more in ({}, {"content_encoding": "gzip"}, {"x_grafana_alerting_signature": wrong}):
                assert (await scene.posts(path, SECRET, token=token, **more)).status_code in (401, 404, 415)
        assert (await scene.posts("/alerts/generic", token=token, method="DELETE")).status_code == 405
    large = f"Content-Length: 99999999\r\n{SIGNATURE}: {wrong}\r\n\r\n".encode()
    assert b" 413 " in await raw(scene.port, HEAD.replace(b"generic", b"grafana"), large)
    assert await scene.told() == []
    assert await scene.database.read(lambda connection: list(audit.read(connection))) == []


async def test_who_signs_and_is_not_understood_is_told_of(scene: Scene) -> None:
    await scene.posts("/alerts/grafana", SECRET, token=None, x_grafana_alerting_signature=signature(SECRET))
    (words,) = await scene.told()
    assert "What is posted to /alerts/grafana with a good signature is not understood" in words


@given(body=st.binary(max_size=40), source=st.sampled_from(sorted(SOURCES)))
def test_nothing_of_a_body_is_in_the_words(body: bytes, source: str) -> None:
    marked = json.dumps({"alerts": [{"status": "firing", "labels": {"MARK7": "MARK7"}, "annotations": "MARK7"}]})
    for one in (marked.encode(), body + b'{"MARK7": 7777777}', b"[" + body + b"MARK7", b"MARK7=1&severity=MARK7"):
        words = ""
        try:
            SOURCES[source](one, "application/x-www-form-urlencoded")
        except NotSuchAPayload as error:
            words = str(error)
        assert not [mark for mark in ("MARK7", "7777777") if mark in words]


async def test_that_it_is_taken_again_is_said_once_an_hour_after_the_last_one_that_was_refused(scene: Scene) -> None:
    over = ["✅ What is posted to /alerts/alertmanager with the token “api” is taken again."]

    async def taken() -> list[str]:
        assert (await scene.posts("/alerts/alertmanager")).status_code == 202
        return await scene.told()

    assert await taken() == [], "nothing was refused"
    await scene.posts("/alerts/alertmanager", b"{}")
    assert len(await scene.told()) == 1
    scene.clock.advance(3000)
    await scene.posts("/alerts/alertmanager", b"{}")
    scene.clock.advance(3000)
    assert await taken() == [], "the last one is not an hour ago: some are taken, and some are refused"
    scene.clock.advance(600)
    assert (await scene.posts("/alerts/alertmanager", token=CI)).status_code == 202
    assert (await scene.posts("/alerts/generic", b"title=x")).status_code == 202
    assert await scene.told() == [], "another sender, another address"
    assert await taken() == over
    assert await taken() == []


HEAD = f"POST /alerts/generic HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n".encode()


async def test_eight_mebibytes_are_taken_and_one_byte_more_is_not(scene: Scene) -> None:
    full = b"title=" + b"x" * (BODY_LIMIT - 6)
    assert (await scene.posts("/alerts/generic", full)).status_code == 202
    assert (await scene.posts("/alerts/generic", full + b"x")).status_code == 413
    assert [len(one.body) for one in await scene.kept()] == [BODY_LIMIT]


async def test_what_is_too_large_is_refused_by_its_announcement_alone(scene: Scene) -> None:
    for length in (str(BODY_LIMIT + 1), "9" * 18):
        found = await raw(scene.port, HEAD, f"Content-Length: {length}\r\n\r\n".encode())
        assert found.startswith(b"HTTP/1.1 413")
        assert b"connection: close" in found.lower()


async def test_what_is_too_large_is_not_read_to_its_end_when_nothing_was_announced(scene: Scene) -> None:
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    endless = [chunk] * 64
    with pytest.raises(ConnectionError):  # 64 MiB are more than is waited for
        await raw(scene.port, HEAD, b"Transfer-Encoding: chunked\r\n\r\n", *endless)
    found = await raw(scene.port, HEAD, b"Transfer-Encoding: chunked\r\n\r\n", *endless[:12])
    assert found.startswith(b"HTTP/1.1 413"), "who sends a little more, and then reads, sees the answer"
    assert await scene.kept() == []


async def test_a_compressed_body_is_refused_and_told_what_is_taken(scene: Scene) -> None:
    for encoding in ("gzip", "deflate", "br", "GZIP", "gzip, identity"):
        answer = await scene.posts("/alerts/alertmanager", gzip.compress(FIRING), content_encoding=encoding)
        assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity"), encoding
    assert (await scene.posts("/alerts/alertmanager", content_encoding="identity")).status_code == 202


# trouble of ours


async def test_a_store_that_cannot_commit_is_503_and_the_repeat_is_taken(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    with locked(scene.path):
        answer, *_ = await asyncio.gather(*(scene.posts("/alerts/alertmanager") for _ in range(10)))
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    assert answer.elapsed.total_seconds() < BUSY_TIMEOUT_S + 5
    assert await scene.kept() == []
    assert (await scene.posts("/alerts/alertmanager")).status_code == 202
    assert len(await scene.kept()) == 1
    said = [record.__dict__["event"] for record in caplog.records if "event" in record.__dict__]
    assert said == ["store.unavailable", "store.recovered"], "once, however often a source tries again"


async def test_an_error_of_ours_is_503_and_never_500(scene: Scene) -> None:
    outside = sqlite3.connect(scene.path, isolation_level=None)
    outside.execute("ALTER TABLE alert_inbox RENAME COLUMN body TO elsewhere")
    answer = await scene.posts("/alerts/alertmanager")
    assert answer.status_code == 503
    assert "elsewhere" not in answer.text
    outside.execute("ALTER TABLE alert_inbox RENAME COLUMN elsewhere TO body")
    outside.close()
    assert (await scene.posts("/alerts/alertmanager")).status_code == 202


async def test_a_store_that_hangs_is_503_in_time(tmp_path: Path) -> None:
    async for scene in opened(tmp_path, within_s=0.2):
        with locked(scene.path):
            answer = await scene.posts("/alerts/alertmanager")
            assert answer.status_code == 503
            assert answer.elapsed.total_seconds() < BUSY_TIMEOUT_S


async def test_a_body_that_drips_or_never_ends_is_answered_in_time(tmp_path: Path) -> None:
    async for scene in opened(tmp_path, within_s=0.2):
        found = await raw(scene.port, HEAD, b"Content-Length: 100\r\n\r\n", b"title=")
        assert found.startswith(b"HTTP/1.1 503")
        assert b"connection: close" in found.lower(), "what is left of it is not waited for"
        assert await scene.kept() == []


async def test_a_sender_that_breaks_off_leaves_nothing_behind(scene: Scene) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(HEAD + b"Content-Length: 100\r\n\r\ntitle=")
    await writer.drain()
    writer.transport.abort()
    assert (await scene.posts("/alerts/alertmanager")).status_code == 202
    assert [one.source for one in await scene.kept()] == ["alertmanager"]


async def test_many_at_once_are_all_kept(scene: Scene) -> None:
    limits = httpx.Limits(max_connections=16)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{scene.port}", limits=limits, headers=headers, timeout=20
    ) as client:
        answers = await asyncio.gather(*(client.post("/alerts/alertmanager", content=FIRING) for _ in range(80)))
    assert {answer.status_code for answer in answers} == {202}
    assert len(await scene.kept()) == 80


@given(body=st.binary(max_size=200), source=st.sampled_from(sorted(SOURCES)), kind=st.text(max_size=40))
def test_any_body_is_taken_or_refused_and_never_an_error(body: bytes, source: str, kind: str) -> None:
    """Over ASGI: the same code, without a connection for each example."""

    class Nowhere:
        async def write(self, _operation: object) -> None:
            return None

    async def ask() -> int:
        door = AlertDoor(
            database=Nowhere(),  # type: ignore[arg-type]
            names=load({"BRIDGE_ALERT_TOKENS": TOKEN}, env_file=Path("none")).alert_names(),
            grafana_secret="",
            clock=ManualClock(),
            on_kept=lambda: None,
            refused_posts=RefusedPosts(Notices(places=[], admins=[])),
            on_refused=lambda: None,
        )
        from bridge.web.server import web_app

        transport = httpx.ASGITransport(web_app(door.routes()))
        headers = [(b"authorization", f"Bearer {TOKEN}".encode()), (b"content-type", kind.encode())]
        async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as client:
            return (await client.post(f"/alerts/{source}", content=body, headers=headers)).status_code

    assert asyncio.run(ask()) in (202, 422)
