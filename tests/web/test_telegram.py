"""Telegram's door, over real HTTP and a real store."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.store import inbox
from bridge.store.database import Database
from bridge.store.inbox import LARGEST_ID, as_kept
from bridge.store.sqlite import SqliteDatabase
from bridge.web.telegram import BODY_LIMIT, PATH, SECRET, TelegramDoor
from tests.support.databases import new_database
from tests.support.manual_clock import ManualClock
from tests.web.listening import hang_up, listening, raw

OURS = "secret-of-the-webhook"
HELLO = {"update_id": 7, "message": {"text": "hello"}}


@dataclass
class Scene:
    port: int
    path: Path
    database: Database
    woken: list[None] = field(default_factory=list)

    async def asks(self, update: object = HELLO, *, secret: str | None = OURS, **how: object) -> httpx.Response:
        headers = {SECRET: secret} if secret is not None else {}
        content = update if isinstance(update, bytes) else json.dumps(update).encode()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=20) as client:
            method = str(how.pop("method", "POST"))
            return await client.request(method, PATH, content=content, **how)  # type: ignore[arg-type]

    async def open(self) -> list[tuple[int, str, int]]:
        return await self.database.read(lambda connection: inbox.open_updates(connection, 100))


async def opened(folder: Path, *, secret: str = OURS, within_s: float = 9) -> AsyncIterator[Scene]:
    path = new_database(folder)
    scene = Scene(0, path, SqliteDatabase(path))
    door = TelegramDoor(
        database=scene.database,
        secret=secret,
        clock=ManualClock(),
        on_kept=lambda: scene.woken.append(None),
        answer_within_s=within_s,
    )
    async with listening(door.routes()) as scene.port:
        yield scene
    await scene.database.aclose()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async for one in opened(tmp_path):
        yield one


async def test_an_update_is_kept_as_it_came_and_then_answered_with_nothing(scene: Scene) -> None:
    answer = await scene.asks()
    assert (answer.status_code, answer.content) == (200, b"")
    ((number, text, tries),) = await scene.open()
    assert (number, json.loads(text), tries) == (7, HELLO, 0)
    assert len(scene.woken) == 1


async def test_a_repeat_is_answered_alike_and_is_no_second_one(scene: Scene) -> None:
    for _ in range(3):
        assert (await scene.asks()).status_code == 200
    assert len(await scene.open()) == 1
    now = ManualClock().now()
    await scene.database.write(lambda connection: inbox.done(connection, 7, now))
    assert (await scene.asks()).status_code == 200
    assert await scene.open() == [], "what is done is not opened again"


async def test_the_same_update_at_once_over_many_connections_is_kept_once(scene: Scene) -> None:
    answers = await asyncio.gather(*(scene.asks() for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await scene.open()) == 1


WRONG = ("", "secret", OURS[:-1], OURS + "x", OURS.upper(), f"Bearer {OURS}", "sécret", f"{OURS} x")


@pytest.mark.parametrize("secret", [None, *WRONG])
async def test_without_the_secret_nothing_is_kept(scene: Scene, secret: str | None) -> None:
    headers = {} if secret is None else {SECRET: secret.encode("latin-1")}
    answer = await scene.asks(secret=None, headers=headers)
    assert answer.status_code == 401
    assert OURS not in answer.text
    assert (await scene.asks(secret=None, params={"secret_token": OURS})).status_code == 401
    assert await scene.open() == []
    assert scene.woken == []


@pytest.mark.parametrize("shown", [None, "", "x"])
async def test_where_no_secret_is_known_nobody_is_let_in(tmp_path: Path, shown: str | None) -> None:
    async for scene in opened(tmp_path, secret=""):
        assert (await scene.asks(secret=shown)).status_code == 401
        assert await scene.open() == []


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE", "OPTIONS"])
async def test_another_method_is_refused(scene: Scene, method: str) -> None:
    answer = await scene.asks(method=method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert await scene.open() == []


NO_UPDATES = {
    "nothing": b"",
    "no JSON": b"update_id=7",
    "half": b'{"update_id": 7',
    "not UTF-8": b'{"update_id": 7, "x": "\xff"}',
    "a list": b'[{"update_id": 7}]',
    "a number": b"7",
    "without id": b'{"message": {}}',
    "an id of words": b'{"update_id": "7"}',
    "half an id": b'{"update_id": 7.5}',
    "a negative id": b'{"update_id": -1}',
    "too large an id": b'{"update_id": 9223372036854775808}',
    "an endless id": b'{"update_id": ' + b"9" * 5000 + b"}",
    "too deep": b'{"update_id": 7, "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
}


@pytest.mark.parametrize("body", NO_UPDATES.values(), ids=NO_UPDATES)
async def test_what_is_no_update_is_refused_for_good(scene: Scene, body: bytes) -> None:
    answer = await scene.asks(body)
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid")
    assert await scene.open() == []


async def test_a_body_that_is_too_large_is_refused_and_one_of_that_size_taken(scene: Scene) -> None:
    whole = json.dumps({**HELLO, "x": ""}).encode()
    fits = json.dumps({**HELLO, "x": "y" * (BODY_LIMIT - len(whole))}).encode()
    assert len(fits) == BODY_LIMIT
    assert (await scene.asks(fits)).status_code == 200
    answer = await scene.asks(fits + b" ")
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65536

    async with httpx.AsyncClient(timeout=20) as client:
        answer = await client.post(f"http://127.0.0.1:{scene.port}{PATH}", content=chunks(), headers={SECRET: OURS})
    assert answer.status_code == 413


async def test_what_cannot_be_stored_as_it_is_is_kept_all_the_same(scene: Scene) -> None:
    """Half a surrogate pair, and a null: PostgreSQL stores neither, and Telegram would bring it again for a day."""
    odd = b'{"update_id": 7, "message": {"text": "\\ud83d \\u0000 \\u00e9"}}'
    assert (await scene.asks(odd)).status_code == 200
    ((_, text, _),) = await scene.open()
    assert text.isascii()
    assert json.loads(text) == json.loads(odd)


async def test_a_slow_body_is_a_503_that_says_when_to_come_again_and_holds_up_nobody(tmp_path: Path) -> None:
    async for scene in opened(tmp_path, within_s=0.3):
        reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{SECRET}: {OURS}\r\nContent-Length: 50\r\n\r\n{{".encode())
        assert (await scene.asks()).status_code == 200
        found = (await reader.read(65536)).lower()
        assert b" 503 " in found
        assert b"retry-after: 2" in found
        await hang_up(writer)


async def test_a_store_that_is_away_is_a_503_and_the_update_is_kept_when_it_comes_again(scene: Scene) -> None:
    with closing(sqlite3.connect(scene.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        answer = await scene.asks()
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert scene.woken == []
    assert (await scene.asks()).status_code == 200
    assert len(await scene.open()) == 1


async def test_a_connection_that_breaks_in_the_middle_leaves_nothing(scene: Scene) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{SECRET}: {OURS}\r\nContent-Length: 500\r\n\r\n"
    await raw(scene.port, head.encode() + json.dumps(HELLO).encode(), wait_s=0.1)
    assert (await scene.asks({"update_id": 8})).status_code == 200
    assert [row[0] for row in await scene.open()] == [8]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.integers(0, LARGEST_ID), st.dictionaries(st.text(), anything))
def test_whatever_an_update_holds_it_is_kept_as_ascii_and_read_again(number: int, rest: dict[str, object]) -> None:
    update = {**rest, "update_id": number}
    update_id, text = as_kept(update)
    assert update_id == number
    assert text.isascii()
    assert repr(json.loads(text)) == repr(update)


@given(anything)
def test_what_has_no_id_is_no_update(update: object) -> None:
    with pytest.raises(ValueError, match="no update"):
        as_kept(update)
