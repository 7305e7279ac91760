"""Who would be paged, when, by what text; nothing is sent, and nothing is written."""

import json
import re
from pathlib import Path

import pytest

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.store import oncall as kept
from bridge.store.sqlite import SqliteDatabase
from tests.cli.program import ROOT, Done, Shell
from tests.support.manual_clock import MONDAY_MORNING

SAMPLES = ROOT / "tests/unit/sources/samples"
DOCUMENT = (ROOT / "docs/oncall.md").read_text(encoding="utf-8")
NIGHT = "2026-01-07T23:30"


def example() -> str:
    """The complete example of docs/oncall.md."""
    found = re.search(r"## A complete example\n\n```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Nothing is set but the on-call file: this command asks for no token and no key."""
    write(tmp_path, "oncall.toml", example())
    return Shell(
        tmp_path, BRIDGE_ONCALL_FILE=str(tmp_path / "oncall.toml"), BRIDGE_DATABASE_URL=f"sqlite:///{tmp_path}/x.db"
    )


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def paged(done: Done) -> list[str]:
    """The lines of its timetable."""
    assert (done.code, done.err) == (0, "")
    return done.out.partition("If nobody answers:\n")[2].splitlines()


@pytest.mark.parametrize(
    ("sample", "source"),
    [
        ("alertmanager/01-firing-one.json", "alertmanager"),
        ("grafana/firing-written-by-hand.json", "grafana"),
    ],
)
async def test_the_source_is_found_by_trying(shell: Shell, sample: str, source: str) -> None:
    done = await shell.bridge("simulate", str(SAMPLES / sample))
    assert done.code == 0
    assert done.out.startswith(f"{source}: ")


async def test_the_source_may_be_said(shell: Shell) -> None:
    done = await shell.bridge(
        "simulate", str(SAMPLES / "grafana/firing-written-by-hand.json"), "--source", "alertmanager"
    )
    assert done.out.startswith("alertmanager: ")
    done = await shell.bridge("simulate", str(SAMPLES / "alertmanager/01-firing-one.json"), "--source", "nagios")
    assert done.code == 2
    assert done.line == "--source: 'nagios' is none of alertmanager, grafana, uptime-kuma, generic"


async def test_each_step_is_shown_with_its_time_person_and_text(shell: Shell) -> None:
    alert = write(shell.folder, "a.json", json.dumps({"title": "disk full", "severity": "critical"}))
    done = await shell.bridge("simulate", alert, "--at", NIGHT)
    assert "A1 critical “disk full”: no route matches; policy default" in done.out
    assert paged(done)[:4] == [
        "Wed 23:30:00  Ama Mensah +2332…433: CRITICAL disk full (now) /ack P1 [1 segment]",
        "Wed 23:35:00  Esi Addo +2332…567: CRITICAL disk full (5 minutes ago) /ack P2 [1 segment]",
        "Wed 23:45:00  Ama Mensah +2332…433: CRITICAL disk full (15 minutes ago) /ack P3 [1 segment]",
        "Wed 23:45:00  Esi Addo +2332…567: CRITICAL disk full (15 minutes ago) /ack P4 [1 segment]",
    ]
    assert sorted(file.name for file in shell.folder.iterdir()) == ["a.json", "oncall.toml", "run-0"]


async def test_what_is_not_critical_waits_for_the_end_of_a_quiet_time(shell: Shell) -> None:
    alert = write(shell.folder, "a.json", json.dumps({"title": "slow", "severity": "warning", "team": "db-1"}))
    done = await shell.bridge("simulate", alert, "--at", NIGHT)
    assert "policy daytime" in done.out
    assert paged(done)[0].startswith("Thu 07:00:00  Ama Mensah")


async def test_what_a_route_sends_to_none_pages_nobody(shell: Shell) -> None:
    alert = write(shell.folder, "a.json", json.dumps({"title": "backup done", "severity": "info"}))
    done = await shell.bridge("simulate", alert)
    assert "route 1 (line " in done.out
    assert "a card only, no SMS" in done.out
    assert done.out.endswith("Nobody is paged.\n")


async def test_many_alerts_are_one_page_a_person(shell: Shell) -> None:
    done = await shell.bridge(
        "simulate",
        str(SAMPLES / "alertmanager/09-firing-storm-no-grouping-labels-120.json"),
        "--at",
        "2026-01-07T12:00",
    )
    assert "+79 more" in paged(done)[0]


async def test_an_alert_that_is_over_pages_nobody(shell: Shell) -> None:
    done = await shell.bridge("simulate", str(SAMPLES / "alertmanager/02-resolved-one.json"))
    assert "1 alert is resolved" in done.out
    assert "Nobody is paged." in done.out


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", "{}", "the payload is that of no source; alertmanager: alerts is missing"),
        ("a.json", "", "the payload is that of no source"),
        ("oncall.toml", "[people.ama]\n", "oncall.toml: line 1: people.ama can never be reached"),
    ],
)
async def test_what_cannot_be_simulated_is_one_line(shell: Shell, name: str, text: str, words: str) -> None:
    write(shell.folder, "a.json", '{"title": "x"}')
    write(shell.folder, name, text)
    done = await shell.bridge("simulate", str(shell.folder / "a.json"))
    assert done.code == 2
    assert words in done.line


async def test_a_file_that_is_not_there_and_a_time_that_is_none_are_named(shell: Shell) -> None:
    assert "none.json: cannot be read: No such file" in (await shell.bridge("simulate", "none.json")).line
    alert = write(shell.folder, "a.json", '{"title": "x"}')
    assert "--at: 'tomorrow' is no time" in (await shell.bridge("simulate", alert, "--at", "tomorrow")).line
    done = await shell.bridge("simulate", alert, BRIDGE_ONCALL_FILE="")
    assert "there is no on-call file: no oncall.toml here" in done.line


async def test_what_the_fallback_gets_again_and_again_is_one_line(shell: Shell) -> None:
    alert = write(shell.folder, "a.json", json.dumps({"title": "disk full", "severity": "critical"}))
    lines = paged(await shell.bridge("simulate", alert, "--at", NIGHT))
    assert lines[-2:] == [
        "Thu 00:30:00  then the fallback every 30 minutes: Ama Mensah +2332…433: "
        "CRITICAL disk full (60 minutes ago) /ack P11 [1 segment]",
        "Thu 23:30:00  A1: an alarm to the chat and every admin; nobody is paged any more",
    ]
    assert len(lines) == 12


async def in_force(shell: Shell, text: str) -> None:
    """The service accepted this file on Monday morning."""
    await shell.bridge("migrate")
    database = SqliteDatabase(shell.folder / "x.db")
    await database.write(lambda connection: kept.keep_file(connection, text, "its hash", MONDAY_MORNING))
    await database.aclose()


async def test_with_a_broken_file_it_goes_by_the_one_in_force_and_says_so(shell: Shell) -> None:
    await in_force(shell, example())
    path = write(shell.folder, "oncall.toml", "[people.ama]\n")
    done = await shell.bridge("simulate", write(shell.folder, "a.json", '{"title": "x"}'))
    assert paged(done)
    first, second = done.out.splitlines()[1:3]
    assert first == "on-call file: the one in force, which the service accepted at 2026-01-05 09:00 (Africa/Accra)"
    assert second.startswith(f"NOT USED: BRIDGE_ONCALL_FILE: {path}: line 1: people.ama can never be reached")


async def test_a_file_that_is_not_in_force_yet_is_used_and_that_is_said(shell: Shell) -> None:
    await in_force(shell, "# another")
    done = await shell.bridge("simulate", write(shell.folder, "a.json", '{"title": "x"}'))
    assert paged(done)
    assert "oncall.toml; not in force yet: the service has that of 2026-01-05 09:00 (Africa/Accra) until" in done.out
    done = await shell.bridge("simulate", str(shell.folder / "a.json"), BRIDGE_ONCALL_FILE="")
    assert "which the service accepted at 2026-01-05 09:00 UTC (there is no oncall.toml here)" in done.out


async def test_what_the_source_reads_as_hardly_meant_so_is_said(shell: Shell) -> None:
    alert = write(shell.folder, "a.json", json.dumps({"title": "disk full", "severity": "warnng"}))
    done = await shell.bridge("simulate", alert)
    assert "CAUTION severity “warnng” is no known word and counts as critical" in done.out


async def test_nothing_is_sent(shell: Shell, gateway: MsmpusherSandbox) -> None:
    alert = write(shell.folder, "a.json", '{"title": "x"}')
    await shell.bridge("simulate", alert, BRIDGE_MSMPUSHER_URL=gateway.url)
    assert gateway.calls == []
