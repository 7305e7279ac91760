"""The door for heartbeats, over real HTTP and a real store."""

import asyncio
import base64
import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.oncall.file import read
from bridge.oncall.who import Roster
from bridge.services.chat.notices import Notices
from bridge.services.heartbeats.incoming import Heartbeats
from bridge.services.incidents.intake import Intake
from bridge.settings import load
from bridge.store import heartbeats
from bridge.store.database import Database
from bridge.store.sqlite import SqliteDatabase
from bridge.web.heartbeats import BODY_LIMIT, HeartbeatDoor, says_resolved
from tests.support.databases import new_database
from tests.support.manual_clock import MONDAY_MORNING, ManualClock
from tests.web.listening import listening, raw

TOKEN, OWN = "alerts-secret", "only-for-this-one"

FILE = f"""
[people.ama]
phone = "+233241109433"

[policies.default]
steps = [{{ page = ["person:ama"], wait = "5m" }}]

[heartbeats.backup]
every = "24h"
grace = "1h"
policy = "default"
token = "{OWN}"

[heartbeats.watchdog]
every = "5m"
policy = "default"
"""

DUE = (MONDAY_MORNING + timedelta(hours=25)).isoformat()
PINGED = {"heartbeat": "backup", "ping": True, "due_at": DUE}


@dataclass
class Scene:
    port: int
    path: Path
    database: Database

    async def asks(
        self, path: str = "/heartbeats/backup", method: str = "POST", *, token: str | None = TOKEN, **how: object
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=20) as client:
            return await client.request(method, path, **how)  # type: ignore[arg-type]

    async def pings(self, name: str = "backup") -> int:
        armed = await self.database.read(heartbeats.armed)
        return armed[name].pings if name in armed else 0


async def opened(folder: Path, *, tokens: str = TOKEN, file: str = FILE, within_s: float = 9) -> AsyncIterator[Scene]:
    path = new_database(folder)
    database = SqliteDatabase(path)
    roster = Roster(oncall=read(file, region="GH"))
    notices = Notices(places=(), admins=())
    service = Heartbeats(
        database=database,
        roster=lambda _connection: roster,
        in_force=lambda: True,
        intake=Intake(notices=notices),
        notices=notices,
        clock=ManualClock(),
        on_written=lambda: None,
    )
    names = load({"BRIDGE_ALERT_TOKENS": tokens}, env_file=folder / "none").alert_names()
    door = HeartbeatDoor(heartbeats=service, names=names, answer_within_s=within_s)
    async with listening(door.routes()) as port:
        yield Scene(port, path, database)
    await database.aclose()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async for one in opened(tmp_path):
        yield one


async def test_a_ping_is_committed_and_says_until_when_silence_is_fine(scene: Scene) -> None:
    for number, method in enumerate(("POST", "GET"), 1):
        answer = await scene.asks(method=method)
        assert (answer.status_code, answer.json()) == (200, PINGED)
        assert await scene.pings() == number
    assert (await scene.asks("/heartbeats/backup/")).json() == PINGED, "a redirect would be followed by few"


async def test_who_only_looks_is_no_ping(scene: Scene) -> None:
    for method in ("HEAD", "DELETE"):
        assert (await scene.asks(method=method)).status_code == 405
    assert await scene.pings() == 0


async def test_its_own_token_is_enough_for_it_and_for_no_other(scene: Scene) -> None:
    assert (await scene.asks(f"/heartbeats/backup?token={OWN}", token=None)).status_code == 200
    assert (await scene.asks(f"/heartbeats/backup?token={OWN}", "GET", token="wrong")).status_code == 200
    assert (await scene.asks(token=OWN)).status_code == 200, "in the header, where no proxy's log shows it"
    for path in ("watchdog", "nobody"):
        assert (await scene.asks(f"/heartbeats/{path}?token={OWN}", token=None)).status_code == 401
    assert (await scene.pings(), await scene.pings("watchdog")) == (3, 0)


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "?token=%FF", f"?token={OWN}x", "?other=1"])
@pytest.mark.parametrize("token", [None, "wrong"])
async def test_without_a_good_token_every_name_is_answered_alike(scene: Scene, query: str, token: str | None) -> None:
    answers = [await scene.asks(f"/heartbeats/{name}{query}", token=token) for name in ("backup", "watchdog", "nobody")]
    assert [answer.status_code for answer in answers] == [401] * 3
    assert len({answer.text for answer in answers}) == 1
    assert (await scene.pings(), await scene.pings("watchdog")) == (0, 0)


async def test_with_a_good_token_an_unknown_name_is_404(scene: Scene) -> None:
    for name in ("nobody", "Backup", "x" * 500, "%00", "back%2Fup"):
        answer = await scene.asks(f"/heartbeats/{name}")
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found"), name
    basic = base64.b64encode(f"x:{TOKEN}".encode()).decode()
    answer = await scene.asks(token=None, headers={"Authorization": f"Basic {basic}"})
    assert answer.status_code == 200


async def test_without_any_token_the_door_is_closed_but_for_a_heartbeats_own(tmp_path: Path) -> None:
    async for scene in opened(tmp_path, tokens=""):
        assert (await scene.asks()).status_code == 401
        assert (await scene.asks(f"/heartbeats/backup?token={OWN}", token=None)).status_code == 200
    async for scene in opened(tmp_path, tokens="", file=FILE.replace(f'token = "{OWN}"', "")):
        answer = await scene.asks()
        assert (answer.status_code, answer.json()["error"]) == (403, "no_tokens")


async def test_a_body_with_status_resolved_is_no_ping(scene: Scene) -> None:
    for how in (
        {"json": {"status": "resolved", "alerts": []}},
        {"content": b'{"status": "Resolved"}'},  # curl -d says that it is a form
        {"data": {"status": "resolved"}},
        {"files": {"status": (None, "resolved")}},
    ):
        answer = await scene.asks(**how)
        assert (answer.status_code, answer.json()) == (200, {"heartbeat": "backup", "ping": False, "due_at": None})
    assert await scene.pings() == 0
    for how in ({"json": {"status": "firing"}}, {"content": b"\xff\x00 42 files saved"}, {"content": b"{broken"}):
        assert (await scene.asks(**how)).json() == PINGED
    assert await scene.pings() == 3


async def test_what_is_too_large_is_no_ping_and_is_told(scene: Scene) -> None:
    assert (await scene.asks(content=b"x" * BODY_LIMIT)).status_code == 200
    assert (await scene.asks(content=b"x" * (BODY_LIMIT + 1))).status_code == 413
    assert await scene.pings() == 1


async def test_a_store_in_trouble_is_503_and_the_repeat_counts(scene: Scene) -> None:
    outside = sqlite3.connect(scene.path, isolation_level=None)
    outside.execute("ALTER TABLE heartbeats RENAME TO away")
    assert (await scene.asks()).status_code == 503
    outside.execute("ALTER TABLE away RENAME TO heartbeats")
    outside.execute("ALTER TABLE heartbeats RENAME COLUMN pings TO private")
    answer = await scene.asks()
    assert answer.status_code == 503
    assert "private" not in answer.text
    outside.execute("ALTER TABLE heartbeats RENAME COLUMN private TO pings")
    outside.close()
    assert (await scene.asks()).json() == PINGED


async def test_a_body_that_drips_is_answered_in_time(tmp_path: Path) -> None:
    async for scene in opened(tmp_path, within_s=0.2):
        head = f"POST /heartbeats/backup?token={OWN} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"
        assert (await raw(scene.port, head.encode())).startswith(b"HTTP/1.1 503")


async def test_pings_at_once_are_all_counted(scene: Scene) -> None:
    answers = await asyncio.gather(*(scene.asks() for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert await scene.pings() == 20


@given(body=st.binary(max_size=100), kind=st.sampled_from(["", "multipart/form-data; boundary=x"]) | st.text())
def test_any_body_is_a_ping_or_none(body: bytes, kind: str) -> None:
    assert says_resolved(body, kind) in (True, False)


@given(value=st.recursive(st.none() | st.booleans() | st.text(), st.lists, max_leaves=5))
def test_only_the_word_resolved_is_no_ping(value: object) -> None:
    expected = isinstance(value, str) and value.strip().lower() == "resolved"
    assert says_resolved(json.dumps({"status": value}).encode(), "application/json") is expected


def test_a_body_that_is_nested_without_end_is_a_ping() -> None:
    assert not says_resolved(b'{"status":' * 100_000, "application/json")
