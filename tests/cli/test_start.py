"""What keeps a command from starting is one line that names it, and exit 2."""

import sqlite3
from pathlib import Path

import pytest

from bridge import __version__
from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.web.server import bind
from tests.cli.program import Shell

MISTAKES = {
    "missing token": ({"BRIDGE_TELEGRAM_TOKEN": ""}, "BRIDGE_TELEGRAM_TOKEN is not set"),
    "missing key": ({"BRIDGE_MSMPUSHER_PRIVATE_KEY": ""}, "BRIDGE_MSMPUSHER_PRIVATE_KEY is not set"),
    "missing sender": ({"BRIDGE_MSMPUSHER_SENDER": ""}, "BRIDGE_MSMPUSHER_SENDER is not set"),
    "misspelt": ({"BRIDGE_TELEGRAM_ADMIN": "1"}, "did you mean BRIDGE_TELEGRAM_ADMINS?"),
    "sender of 12": ({"BRIDGE_MSMPUSHER_SENDER": "TWELVE CHARS"}, "BRIDGE_MSMPUSHER_SENDER: must have 1 to 11"),
    "id that is no number": (
        {"BRIDGE_TELEGRAM_USERS": "@kofi"},
        "BRIDGE_TELEGRAM_USERS: '@kofi' is no numeric",
    ),
    "webhook": ({"BRIDGE_TELEGRAM_RECEIVE": "webhook"}, "BRIDGE_TELEGRAM_RECEIVE: webhook is not there yet"),
    "token of another form": ({"BRIDGE_TELEGRAM_TOKEN": "hidden"}, "BRIDGE_TELEGRAM_TOKEN: is not of the form"),
    "half an address": ({"BRIDGE_MSMPUSHER_URL": "http://[::1"}, "BRIDGE_MSMPUSHER_URL: must be an address"),
    "port of letters": ({"BRIDGE_TELEGRAM_API_URL": "http://host:abc/x"}, "BRIDGE_TELEGRAM_API_URL: must be an addr"),
    "secret file": (
        {"BRIDGE_TELEGRAM_TOKEN": "", "BRIDGE_TELEGRAM_TOKEN_FILE": "/nowhere"},
        "BRIDGE_TELEGRAM_TOKEN_FILE: cannot read /nowhere",
    ),
}


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize("mistake", list(MISTAKES))
async def test_a_wrong_setting_is_named_in_one_line(shell: Shell, command: str, mistake: str) -> None:
    variables, words = MISTAKES[mistake]
    done = await shell.bridge(command, **variables)
    assert (done.code, done.out) == (2, "")
    assert words in done.line
    assert "hidden" not in done.line
    assert not shell.database.exists()


async def test_a_port_in_use_is_named_in_one_line(shell: Shell) -> None:
    with bind("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        done = await shell.bridge("run", BRIDGE_PORT=str(port))
    assert done.code == 2
    assert done.line == f"BRIDGE_HOST, BRIDGE_PORT: cannot listen on 127.0.0.1:{port}: Address already in use"


async def test_a_database_that_will_not_do_is_named_in_one_line(shell: Shell, tmp_path: Path) -> None:
    newer = tmp_path / "newer.db"
    await shell.bridge("migrate", BRIDGE_DATABASE_URL=f"sqlite:///{newer}")
    connection = sqlite3.connect(newer)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    (tmp_path / "text.db").write_text("no database " * 100)
    for address, words in {
        f"sqlite:///{newer}": "of version 9999, newer than this program",
        f"sqlite:///{tmp_path / 'text.db'}": "the file is not a database",
        f"sqlite:///{tmp_path / 'nowhere' / 'bridge.db'}": "cannot write",
        "postgres://bridge:hidden@db/bridge": "BRIDGE_DATABASE_URL: PostgreSQL is not there yet",
        "bridge.db": "BRIDGE_DATABASE_URL: must be sqlite:///FILE",
    }.items():
        done = await shell.bridge("run", BRIDGE_DATABASE_URL=address)
        assert done.code == 2
        assert words in done.line
        assert "hidden" not in done.line


async def test_migrate_says_what_it_did_and_needs_no_other_setting(shell: Shell) -> None:
    nothing = {name: "" for name in shell.variables if "DATABASE" not in name}
    done = await shell.bridge("migrate", **nothing)
    assert (done.code, done.out, done.err) == (0, f"{shell.database}: brought to version 0001\n", "")
    done = await shell.bridge("migrate", **nothing)
    assert (done.code, done.out, done.err) == (0, f"{shell.database}: is at version 0001\n", "")
    done = await shell.bridge("migrate", BRIDGE_PROT="1")
    assert done.code == 2
    assert "did you mean BRIDGE_PORT?" in done.line


async def test_settings_come_from_a_file_beside_it_too(shell: Shell) -> None:
    folder = shell.folder / "run-0"
    done = await shell.bridge("migrate", BRIDGE_DATABASE_URL="sqlite:///here.db")
    assert done.out == f"{folder / 'here.db'}: brought to version 0001\n"


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["send", "-h"], ["--version"]])
async def test_help_is_there(shell: Shell, arguments: list[str]) -> None:
    done = await shell.bridge(*arguments)
    assert (done.code, done.err) == (0, "")
    assert ("Usage: bridge" if "--version" not in arguments else __version__) in done.out


@pytest.mark.parametrize(
    "arguments", [["serve"], ["send"], ["send", "0241109433"], ["run", "--port", "1"], ["demo", "--port", "x"]]
)
async def test_a_wrong_argument_is_no_traceback(shell: Shell, arguments: list[str]) -> None:
    done = await shell.bridge(*arguments)
    assert done.code == 2
    assert "Error:" in done.err
    assert "Traceback" not in done.err


async def test_nothing_of_the_gateway_is_asked_at_a_start_that_fails(shell: Shell, gateway: MsmpusherSandbox) -> None:
    await shell.bridge("run", BRIDGE_PROT="1")
    assert gateway.connections == 0
