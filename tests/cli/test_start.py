"""What keeps a command from starting is a line that names it, and exit 2."""

import os
import sqlite3
from pathlib import Path

import pytest

from bridge import __version__
from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.store.lock import DeliveryLock
from bridge.store.migrate import HEAD
from bridge.web.server import bind
from tests.cli.program import Done, Shell

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
    "webhook": (
        {"BRIDGE_TELEGRAM_RECEIVE": "webhook"},
        "BRIDGE_TELEGRAM_RECEIVE: no webhook is possible",
    ),
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
    (line,) = done.wrong
    assert words in line
    assert "hidden" not in line
    assert not shell.database.exists()


@pytest.mark.parametrize("arguments", [["run"], ["check"], ["send", "0241109433", "x", "--wait"]])
async def test_all_wrong_settings_are_named_at_once_a_line_each(shell: Shell, arguments: list[str]) -> None:
    done = await shell.bridge(
        *arguments,
        BRIDGE_TELEGRAM_TOKEN="hidden",
        BRIDGE_TELEGRAM_ADMIN="1",
        BRIDGE_TELEGRAM_USERS="@kofi,222222222,@esi",
        BRIDGE_MSMPUSHER_PUBLIC_KEY="",
        BRIDGE_MSMPUSHER_SENDER="TWELVE CHARS",
        BRIDGE_PORT="http",
        BRIDGE_API_TOKENS="=,ci=,hidden",
    )
    assert done.wrong == [
        "BRIDGE_TELEGRAM_ADMIN is no setting of bridge; did you mean BRIDGE_TELEGRAM_ADMINS?",
        "BRIDGE_MSMPUSHER_SENDER: must have 1 to 11 characters, this has 12",
        "BRIDGE_TELEGRAM_TOKEN: is not of the form 123456:ABC… that BotFather gives",
        "BRIDGE_TELEGRAM_USERS: '@kofi' is no numeric user id (a person learns theirs by /whoami)",
        "BRIDGE_TELEGRAM_USERS: '@esi' is no numeric user id (a person learns theirs by /whoami)",
        "BRIDGE_PORT: must be a whole number",
        "BRIDGE_API_TOKENS: a token must be secret or name=secret",
        # A running service may send it: then the keys are needed there.
        *([] if "send" in arguments else ["BRIDGE_MSMPUSHER_PUBLIC_KEY is not set"]),
    ]


async def test_a_port_in_use_is_named_in_one_line(shell: Shell) -> None:
    with bind("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        done = await shell.bridge("run", BRIDGE_PORT=str(port))
    assert done.code == 2
    assert done.line == f"BRIDGE_HOST, BRIDGE_PORT: cannot listen on 127.0.0.1:{port}: Address already in use"


async def test_beside_a_running_service_the_second_one_hears_of_the_first_and_not_of_the_port(shell: Shell) -> None:
    lock = DeliveryLock(shell.database)
    lock.take()
    with bind("127.0.0.1", 0) as listening:
        done = await shell.bridge("run", BRIDGE_PORT=str(listening.getsockname()[1]))
    lock.release()
    assert done.code == 2
    assert done.line == (
        f"another bridge (process {os.getpid()}, service) delivers from {shell.database}; stop it first"
    )


NO_PLACES = ["/proc/x.db", "/nowhere/bridge.db", "/etc/passwd/bridge.db", "/tmp", "/dev/null"]
"""Where no database can be, for root neither."""


def the_store_of(done: Done) -> str:
    """What `check` says of the database."""
    return next(line.removeprefix("WRONG   store: ") for line in done.out.splitlines() if " store: " in line)


@pytest.mark.parametrize("place", NO_PLACES)
async def test_every_command_says_the_same_of_a_place_where_no_database_can_be(shell: Shell, place: str) -> None:
    address = {"BRIDGE_DATABASE_URL": f"sqlite:///{place}"}
    nowhere = {"BRIDGE_TELEGRAM_API_URL": "http://127.0.0.1:9"}
    for arguments in (["run"], ["migrate"], ["send", "0241109433", "x"]):
        done = await shell.bridge(*arguments, **address)
        assert (done.code, done.out) == (2, "")
        assert done.line.startswith("BRIDGE_DATABASE_URL: ")
        assert (place if place.startswith(("/proc", "/dev", "/tmp")) else str(Path(place).parent)) in done.line
    checked = await shell.bridge("check", **address, **nowhere)
    assert checked.code == 1
    assert the_store_of(checked).startswith("BRIDGE_DATABASE_URL: ")
    assert not os.path.exists(f"{place}.lock")  # noqa: ASYNC240, PTH110 - a look, not a wait


async def test_check_finds_a_lock_file_that_run_cannot_take(shell: Shell) -> None:
    await shell.bridge("migrate")
    lock = DeliveryLock(shell.database).path
    lock.mkdir()
    done = await shell.bridge("run")
    assert done.code == 2
    assert done.line == f"BRIDGE_DATABASE_URL: cannot write {lock}: Is a directory"
    assert the_store_of(await shell.bridge("check")).startswith(f"BRIDGE_DATABASE_URL: cannot write {lock}")


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
        f"sqlite:///{tmp_path / 'nowhere' / 'bridge.db'}": "BRIDGE_DATABASE_URL: there is no folder ",
        "postgres://bridge:hidden@127.0.0.1:9/bridge": "BRIDGE_DATABASE_URL: cannot use postgresql://bridge@127.0.0.1",
        "mysql://bridge:hidden@db/bridge": "BRIDGE_DATABASE_URL: must be sqlite:///FILE",
        "bridge.db": "BRIDGE_DATABASE_URL: must be sqlite:///FILE",
    }.items():
        done = await shell.bridge("run", BRIDGE_DATABASE_URL=address)
        assert done.code == 2
        assert words in done.line
        assert "hidden" not in done.line


async def test_migrate_says_what_it_did_and_needs_no_other_setting(shell: Shell) -> None:
    nothing = {name: "" for name in shell.variables if "DATABASE" not in name}
    done = await shell.bridge("migrate", **nothing)
    assert (done.code, done.out, done.err) == (0, f"{shell.database}: brought to version {HEAD}\n", "")
    done = await shell.bridge("migrate", **nothing)
    assert (done.code, done.out, done.err) == (0, f"{shell.database}: is at version {HEAD}\n", "")
    done = await shell.bridge("migrate", BRIDGE_PROT="1")
    assert done.code == 2
    assert "did you mean BRIDGE_PORT?" in done.line


async def test_settings_come_from_a_file_beside_it_too(shell: Shell) -> None:
    folder = shell.folder / "run-0"
    done = await shell.bridge("migrate", BRIDGE_DATABASE_URL="sqlite:///here.db")
    assert done.out == f"{folder / 'here.db'}: brought to version {HEAD}\n"


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


@pytest.mark.parametrize("words", [["Disk", "full"], ["0551234567", "Disk full"]])
async def test_a_text_without_quotes_is_told_how_it_is_written(shell: Shell, words: list[str]) -> None:
    done = await shell.bridge("send", "0241109433,", *words)
    assert (done.code, done.out) == (2, "")
    assert 'Put the text in quotes: bridge send 0241109433 "Disk full on db1"' in done.err
    assert not shell.database.exists()


@pytest.mark.parametrize("port", ["99999", "-1", "65536"])
async def test_a_port_that_is_none_is_named(shell: Shell, port: str) -> None:
    done = await shell.bridge("demo", "--port", port)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-1].startswith("Error: Invalid value for '--port'")
    assert "Traceback" not in done.err


async def test_the_last_port_is_one(shell: Shell) -> None:
    with bind("127.0.0.1", 65535):
        done = await shell.bridge("demo", "--port", "65535")
    assert (done.code, done.out) == (2, "")
    assert done.line == "--port: cannot listen on 127.0.0.1:65535 to 65535: Address already in use"


async def test_nothing_of_the_gateway_is_asked_at_a_start_that_fails(shell: Shell, gateway: MsmpusherSandbox) -> None:
    await shell.bridge("run", BRIDGE_PROT="1")
    assert gateway.connections == 0
