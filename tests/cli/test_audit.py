"""`bridge audit`: who did what; and what the other commands leave there."""

import getpass
import json
import sqlite3
from datetime import UTC, datetime, timedelta

import click
import pytest

from bridge.cli import main
from bridge.commands.audit import AuditError, line, read_since
from bridge.store.audit import AuditEntry, Kept
from tests.cli.program import Shell

TO, DIGITS, TEXT = "0241109433", "241109433", "the-secret-text"
ME = getpass.getuser()
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)

# Command -> arguments that leave a row, and its (act, about, outcome). None: it changes nothing that is kept, or it is
# the service, whose people leave rows of their own.
COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, str, str]] | None] = {
    "send": (("send", TO, TEXT), ("bridge send", "#1", "done")),
    "check": (("check", "--send-test", TO), ("bridge check --send-test", "", "accepted")),
    "run": None,
    "demo": None,
    "simulate": None,
    "trace": None,
    "audit": None,
    "migrate": None,
}


def test_every_command_has_a_line() -> None:
    assert isinstance(main, click.Group)
    assert main.commands.keys() == COMMANDS.keys()


async def rows(shell: Shell, *arguments: str) -> list[dict[str, str]]:
    done = await shell.bridge("audit", "--json", *arguments)
    assert (done.code, done.err) == (0, "")
    assert TEXT not in done.out
    assert DIGITS not in done.out
    return [json.loads(found) for found in done.out.splitlines()]


@pytest.mark.parametrize("name", [name for name, walk in COMMANDS.items() if walk])
async def test_a_command_that_does_something_leaves_its_row(shell: Shell, name: str) -> None:
    walk = COMMANDS[name]
    assert walk is not None
    await shell.bridge("migrate")
    await shell.bridge(*walk[0])
    (found,) = await rows(shell)
    assert (found["act"], found["about"], found["outcome"]) == walk[1]
    assert (found["who"], found["name"], found["door"]) == (f"cli:{ME}", ME, "cli")
    assert found["detail"] == "1 recipient, 1 segment"


async def test_what_is_refused_leaves_its_reason(shell: Shell) -> None:
    await shell.bridge("migrate")
    await shell.bridge("send", "12", TEXT)
    await shell.bridge("send", TO, TEXT * 99)
    await shell.bridge("send", "+447700900000", TEXT)
    await shell.bridge("send", TO, TEXT, BRIDGE_DAILY_LIMIT="1")
    await shell.bridge("send", TO, TEXT, BRIDGE_DAILY_LIMIT="1")
    outcomes = [one["outcome"] for one in await rows(shell)]
    assert outcomes == ["too_short", "too_long", "not_confirmed", "done", "daily_limit"]


async def test_a_row_is_a_line_and_can_be_asked_for_by_time_and_person(shell: Shell) -> None:
    await shell.bridge("send", TO, TEXT)
    connection = sqlite3.connect(shell.database)
    old = int((datetime.now(UTC) - timedelta(days=3)).timestamp() * 1_000_000)
    connection.execute(
        "INSERT INTO audit VALUES (7, ?, 'tg:1', 'Ama', 'telegram', '-100', '/pause', '', 'done', '')", [old]
    )
    connection.commit()
    connection.close()
    done = await shell.bridge("audit")
    first, second = done.out.splitlines()
    assert first.endswith(f" UTC  cli:{ME} · cli · bridge send #1 · done · 1 recipient, 1 segment")
    assert second.endswith(" UTC  tg:1 (Ama) · telegram in -100 · /pause · done")
    assert [one["who"] for one in await rows(shell, "--who", "ama")] == ["tg:1"]
    assert [one["who"] for one in await rows(shell, "--who", f"cli:{ME}")] == [f"cli:{ME}"]
    assert [one["who"] for one in await rows(shell, "--since", "2d")] == [f"cli:{ME}"]
    assert await rows(shell, "--since", "2999-01-01") == []


async def test_without_a_database_and_for_no_time_it_says_so_in_one_line(shell: Shell) -> None:
    done = await shell.bridge("audit")
    words = f"BRIDGE_DATABASE_URL: nothing of bridge is in {shell.database} yet: run `bridge migrate`"
    assert (done.code, done.line) == (2, words)
    await shell.bridge("migrate")
    done = await shell.bridge("audit", "--since", "yesterday")
    assert done.code == 2
    assert done.line == "--since: 'yesterday' is neither a time such as 2026-01-05 nor a span such as 2h"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("2026-01-04", NOW - timedelta(hours=33)),
        ("2026-01-05T08:30", NOW - timedelta(minutes=30)),
        ("2026-01-05T09:30+01:00", NOW - timedelta(minutes=30)),
    ],
)
def test_a_time_is_utc_unless_it_names_an_offset(typed: str, expected: datetime) -> None:
    assert read_since(typed, NOW) == expected


@pytest.mark.parametrize("typed", ["", "x", "2026-13-01", "0001-01-01T00:00+23:59"])
def test_what_is_no_time_is_refused(typed: str) -> None:
    with pytest.raises(AuditError, match="--since"):
        read_since(typed, NOW)


def test_a_name_that_would_draw_on_the_terminal_does_not() -> None:
    entry = AuditEntry(who="tg:1", name="Ama\x1b[2J\n\u202eevil", door="telegram", act="/sms")
    assert line(Kept(at=NOW, entry=entry)) == (
        "2026-01-05 09:00:00 UTC  tg:1 (Ama\ufffd[2J\ufffd\ufffdevil) · telegram · /sms · done"
    )
