"""The ack page over real HTTP: what it shows, what it tells the browser, and what it does not let anybody do."""

import base64
import hashlib
import re
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from bridge.domain.alerts import Alert
from bridge.domain.incident import IncidentState
from bridge.oncall.records import OnCall, Person
from bridge.oncall.who import Roster
from bridge.services.incidents.ack_link import Linked
from bridge.services.incidents.ack_token import hash_of
from bridge.store import incidents, pages
from bridge.store.database import Database
from bridge.store.page_standing import standing
from bridge.store.sqlite import SqliteDatabase, sqlite_engine
from bridge.store.tables import page_requests
from bridge.web.ack import AckPage
from bridge.web.ack_html import ack_page
from bridge.web.wrong_guesses import MOST, MOST_ADDRESSES, WrongGuesses
from tests.support.databases import new_database
from tests.support.manual_clock import MONDAY_MORNING, ManualClock
from tests.web.listening import listening

TOKEN = "Ab_-567890123456"
AMA = "Ama <b>Mensah</b>"


def seed(connection: Connection, *titles: str) -> int:
    """A page to Ama about these; gives its id."""
    ama = Person(key="ama", name=AMA, phone="+233241109433")
    page_id = pages.add(connection, ama, key="1", hash_of=lambda _: hash_of(TOKEN), now=MONDAY_MORNING)
    alerts = [Alert(source="generic", fingerprint=title, firing=True, title=title) for title in titles]
    opened = [incidents.New(alert=alert, policy="default", place=None, due_at=None) for alert in alerts]
    for incident_id in incidents.add(connection, opened, MONDAY_MORNING):
        values = {"incident_id": incident_id, "person": "ama", "person_name": AMA, "position": 0, "page_id": page_id}
        times = {"requested_at": MONDAY_MORNING, "due_at": MONDAY_MORNING}
        connection.execute(insert(page_requests).values(**values, **times))
    return page_id


@dataclass
class Scene:
    port: int
    path: Path
    database: Database
    clock: ManualClock
    woken: list[None] = field(default_factory=list)

    async def asks(self, path: str, method: str = "GET", **how: object) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=20) as client:
            return await client.request(method, path, **how)  # type: ignore[arg-type]

    async def states(self) -> list[IncidentState]:
        found = await self.database.read(lambda connection: incidents.of_ids(connection, range(10)))
        return [one.state for one in found]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    path = new_database(tmp_path)
    database = SqliteDatabase(path)
    clock = ManualClock()
    scene = Scene(0, path, database, clock)
    page = AckPage(
        database=database,
        roster=lambda _connection: Roster(oncall=OnCall()),
        clock=clock,
        on_acknowledged=lambda: scene.woken.append(None),
    )
    await database.write(lambda connection: seed(connection, 'disk <script>alert("1")</script> & full'))
    async with listening(page.routes()) as scene.port:
        yield scene
    await database.aclose()


HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "content-type": "text/html; charset=utf-8",
}


async def test_every_answer_is_kept_by_nobody_and_runs_no_script(scene: Scene) -> None:
    for path in (f"/a/{TOKEN}", "/a/nobody-has-this-token", "/a/x"):
        for method in ("GET", "HEAD", "POST"):
            answer = await scene.asks(path, method)
            assert answer.status_code == (200 if TOKEN in path else 404)
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "script" not in policy
            assert "set-cookie" not in answer.headers


async def test_looking_changes_nothing_and_pressing_does(scene: Scene) -> None:
    for method in ("GET", "HEAD"):
        await scene.asks(f"/a/{TOKEN}", method)
    assert (await scene.states(), scene.woken) == ([IncidentState.OPEN], [])
    assert (await scene.asks(f"/a/{TOKEN}", "POST")).status_code == 200
    assert await scene.states() == [IncidentState.ACKNOWLEDGED]
    assert len(scene.woken) == 1


async def test_what_others_wrote_is_shown_and_is_no_markup(scene: Scene) -> None:
    for method in ("GET", "POST"):
        text = (await scene.asks(f"/a/{TOKEN}", method)).text
        assert "disk &lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; full" in text
        assert "Ama &lt;b&gt;Mensah&lt;/b&gt;" in text
        assert "<script" not in text
        assert "<b>Mensah" not in text


async def test_the_page_asks_for_nothing_from_anywhere(scene: Scene) -> None:
    text = (await scene.asks(f"/a/{TOKEN}")).text
    assert not re.search(r"(src|href|action)=|url\(|@import", text)
    assert len(text) < 4000


async def test_the_style_is_the_one_that_the_policy_lets_through(scene: Scene) -> None:
    answer = await scene.asks(f"/a/{TOKEN}")
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]


async def test_another_method_is_405_and_names_those_that_there_are(scene: Scene) -> None:
    answer = await scene.asks(f"/a/{TOKEN}", "DELETE")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert await scene.states() == [IncidentState.OPEN]


@pytest.mark.parametrize("token", ["x", "%00", "..%2f", "é" * 20, "' OR 1=1 --", "a" * 5000, TOKEN.lower(), TOKEN[:-1]])
async def test_what_is_no_token_opens_nothing(scene: Scene, token: str) -> None:
    for method in ("GET", "POST"):
        assert (await scene.asks(f"/a/{token}", method)).status_code == 404
    assert await scene.states() == [IncidentState.OPEN]


async def test_who_guesses_is_slowed_down_and_a_good_link_works_all_the_same(scene: Scene) -> None:
    for number in range(MOST):
        assert (await scene.asks(f"/a/wrong-guess-{number:04d}")).status_code == 404
    for method in ("GET", "POST"):
        answer = await scene.asks("/a/wrong-guess-again", method)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert (await scene.asks(f"/a/{TOKEN}")).status_code == 200
    assert (await scene.asks(f"/a/{TOKEN}", "POST")).status_code == 200
    scene.clock.advance(61)
    assert (await scene.asks("/a/wrong-guess-again")).status_code == 404


async def test_while_the_store_is_in_trouble_it_says_so_and_nothing_is_lost(scene: Scene) -> None:
    outside = sqlite3.connect(scene.path, isolation_level=None)
    outside.execute("ALTER TABLE pages RENAME TO away")
    looked, pressed = await scene.asks(f"/a/{TOKEN}"), await scene.asks(f"/a/{TOKEN}", "POST")
    assert (looked.status_code, pressed.status_code) == (503, 503)
    assert "Try again" in pressed.text, "the button asks once more, without a way back to the link"
    assert "Try again" not in looked.text
    assert pressed.headers["cache-control"] == "no-store"
    outside.execute("ALTER TABLE away RENAME TO pages")
    outside.close()
    assert (await scene.asks(f"/a/{TOKEN}", "POST")).status_code == 200
    assert await scene.states() == [IncidentState.ACKNOWLEDGED]


async def test_an_error_of_ours_is_a_page_too_and_shows_nothing_of_itself(scene: Scene) -> None:
    outside = sqlite3.connect(scene.path, isolation_level=None)
    outside.execute("UPDATE incidents SET labels = 'private'")
    outside.close()
    answer = await scene.asks(f"/a/{TOKEN}")
    assert answer.status_code == 503
    assert "private" not in answer.text


def test_wrong_guesses_are_counted_for_a_bounded_number_of_addresses() -> None:
    wrong = WrongGuesses(ManualClock())
    assert [wrong.one_more("first") for _ in range(MOST)] == [False] * MOST
    assert wrong.one_more("first")
    for number in range(MOST_ADDRESSES):
        assert not wrong.one_more(f"other {number}")
    assert not wrong.one_more("first"), "the one that guessed longest ago is forgotten"
    assert len(wrong._found) == MOST_ADDRESSES


def test_of_many_the_first_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    page = ack_page(linked(tmp_path, *(f"disk {number} full" for number in range(30))), MONDAY_MORNING)
    assert "<h1>30 alerts</h1>" in page
    assert "Acknowledge all" in page
    assert page.count("Nobody has acknowledged it yet.") == 20
    assert "<li>and 10 more</li>" in page


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        self.seen.append(tag)


@settings(max_examples=30)
@given(titles=st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=3, unique=True))
def test_no_title_adds_a_tag(tmp_path_factory: pytest.TempPathFactory, titles: list[str]) -> None:
    """Of any alerts the page has the same tags as of harmless ones."""

    def shown(*given_titles: str) -> list[str]:
        found = linked(tmp_path_factory.mktemp("html"), *given_titles)
        tags = Tags()
        tags.feed(ack_page(found, MONDAY_MORNING))
        return tags.seen

    encodable = [title.encode("utf-8", "replace").decode().replace("\0", "") or "x" for title in titles]
    encodable = list(dict.fromkeys(encodable))
    harmless = [f"disk {number}" for number in range(len(encodable))]
    assert shown(*encodable) == shown(*harmless)


def linked(folder: Path, *titles: str) -> Linked:
    engine = sqlite_engine(new_database(folder))
    with engine.begin() as connection:
        page_id = seed(connection, *titles)
        page = pages.get(connection, page_id)
        assert page is not None
        found = Linked(page=page, standing=standing(connection, page_id, 20))
    engine.dispose()
    return found
