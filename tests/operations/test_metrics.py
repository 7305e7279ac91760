"""What `/metrics` tells, over HTTP, and the alerts that are made of it."""

import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection

from bridge.app import App
from bridge.domain.breaker import Breaker
from bridge.domain.delivery import State
from bridge.domain.outcome import Reason
from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from bridge.store import alert_inbox, breakers, inbox, posts
from bridge.store.queue import PRIORITY_PAGE
from tests.support.incidents import open_incident
from tests.support.manual_clock import ManualClock
from tests.support.outbox import add_message, put_in_state
from tests.web.service import start_app

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus-rules.yml"
RULES_TEST = Path(__file__).parent / "prometheus-rules.test.yml"
GUIDE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool (Debian, Ubuntu: apt-get install prometheus)"
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def app(
    telegram: TelegramSandbox, gateway: MsmpusherSandbox, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[App]:
    """A service none of whose loops turns: what is written stays as it is."""
    app = await start_app(telegram, gateway, clock, tmp_path)
    for loop in (app.leader.alerts.loop, app.replica.outbox.loop, app.leader.sync_loop, app.leader.telegram.inbox_loop):
        await loop.stop()
    yield app
    await app.stop()


async def told(app: App) -> dict[str, float]:
    """Each sample by its name, with the values of its labels behind it."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{app.port}/metrics")
    assert answer.status_code == 200
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_what_waits_is_told_in_seconds_each_kind_by_itself(app: App, clock: ManualClock) -> None:
    waits = (
        "bridge_oldest_due_page_seconds",
        "bridge_oldest_due_delivery_seconds",
        "bridge_oldest_due_step_seconds",
        "bridge_oldest_kept_alert_seconds",
        "bridge_oldest_kept_update_seconds",
        "bridge_chat_sync_lag_seconds",
    )
    assert {(await told(app))[name] for name in waits} == {0}

    def write(connection: Connection) -> None:
        now = clock.now()
        add_message(connection, now=now)
        add_message(connection, now=now + timedelta(seconds=10), priority=PRIORITY_PAGE)
        open_incident(connection, now=now, due_at=now + timedelta(seconds=20))
        alert_inbox.keep(connection, "generic", "", b"{}", now + timedelta(seconds=30))
        alert_inbox.keep(connection, "generic", "", b"{}", now, trouble="it is odd, and waits for nobody")
        inbox.keep(connection, [(1, "{}")], now + timedelta(seconds=40))
        inbox.keep(connection, [(2, "{}")], now + timedelta(seconds=41))
        posts.say(connection, "a", posts.Place(chat_id=1), "text", now + timedelta(seconds=50))

    await app.database.write(write)
    clock.advance(100)
    found = await told(app)
    assert [found[name] for name in waits] == [90, 100, 80, 70, 60, 50]


async def test_what_is_unknown_or_held_is_counted(app: App, clock: ManualClock) -> None:
    def write(connection: Connection) -> None:
        for state, number in ((State.UNKNOWN, 3), (State.HELD, 2), (State.SENDING, 1), (State.ACCEPTED, 5)):
            put_in_state(connection, add_message(connection, number, now=clock.now()), state)
        add_message(connection, 4, now=clock.now())

    await app.database.write(write)
    found = await told(app)
    assert {name.split()[1]: value for name, value in found.items() if name.startswith("bridge_deliveries ")} == {
        "held": 2,
        "queued": 4,
        "sending": 1,
        "unknown": 3,
    }


async def test_a_gateway_that_is_out_or_rests_is_told_and_one_that_works_too(app: App, clock: ManualClock) -> None:
    assert (await told(app))["bridge_gateway_out msmpusher"] == 0
    out = Breaker(gateway="msmpusher", failures=3, out_since=clock.now())
    resting = Breaker(gateway="msmpusher", failures=1, rests_until=clock.now() + timedelta(seconds=30))
    gone = Breaker(gateway="not in use any more", failures=9, out_since=clock.now())
    await app.database.write(lambda connection: breakers.write(connection, [out, gone]))
    found = await told(app)
    assert (found["bridge_gateway_out msmpusher"], found["bridge_gateway_failed_calls msmpusher"]) == (1, 3)
    assert not [name for name in found if "any more" in name]
    await app.database.write(lambda connection: breakers.write(connection, [resting]))
    assert (await told(app))["bridge_gateway_out msmpusher"] == 1
    clock.advance(31)
    assert (await told(app))["bridge_gateway_out msmpusher"] == 0


async def test_commits_are_timed(app: App, clock: ManualClock) -> None:
    before = (await told(app))["bridge_commit_seconds_count"]
    await app.database.write(lambda connection: add_message(connection, now=clock.now()))
    found = await told(app)
    assert found["bridge_commit_seconds_count"] > before
    assert found["bridge_commit_seconds_sum"] > 0


async def names_of(app: App) -> set[str]:
    """Names as rules may use them, of metrics that have no sample yet, too."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{app.port}/metrics")).text
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    parts = {f"{name}_{part}" for name, kind in kinds.items() if kind == "histogram" for part in ("bucket", "count")}
    return {name for name in kinds if not name.endswith("_created")} | parts


async def test_each_metric_of_the_rules_is_told_and_the_guide_names_each_that_is(app: App) -> None:
    found = await names_of(app)
    expressions = "\n".join(re.findall(r"^ +expr: (.*)$", RULES.read_text(encoding="utf-8"), re.MULTILINE))
    used = set(re.findall(r"\b(?:bridge|process)_\w+", expressions))
    assert len(used) > 10
    assert used <= found
    ours = {name for name in found if re.fullmatch(r"bridge_\w+?(?<!_bucket)(?<!_count)", name)}
    assert not [name for name in ours if f"`{name}" not in GUIDE]


def test_the_guide_says_what_to_do_about_each_alert() -> None:
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))
    assert alerts
    assert re.findall(r"^\| `(Bridge\w+)` \|", GUIDE, re.MULTILINE) == alerts


def test_the_guide_names_events_and_reasons_that_there_are() -> None:
    sources = "".join(one.read_text(encoding="utf-8") for one in (ROOT / "bridge").rglob("*.py"))
    events = re.findall(r"`\[event=([a-z._]+)\]`", GUIDE)
    assert events
    assert not [one for one in events if f'"{one}"' not in sources]
    (reasons,) = re.findall(r"- `gateways`: each with its reason\. (.*?): only", GUIDE)
    assert set(re.findall(r"`(\w+)`", reasons)) <= {one.value for one in Reason}


@needs_promtool
@pytest.mark.parametrize("arguments", [("check", "rules", RULES), ("test", "rules", RULES_TEST)], ids=["check", "test"])
def test_promtool_takes_the_rules(arguments: tuple[str, str, Path]) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
