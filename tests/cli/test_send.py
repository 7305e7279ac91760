import asyncio
import getpass
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge import settings
from bridge.app import App
from bridge.sandbox.msmpusher import Call, Mode, MsmpusherSandbox
from bridge.store.lock import DeliveryLock
from tests.cli.program import Shell
from tests.support.eventually import until

TO = "0241109433"
NUMBER = "+233241109433"


def rows(shell: Shell, query: str) -> list[tuple[object, ...]]:
    if not shell.database.exists():
        return []
    connection = sqlite3.connect(shell.database)
    found = connection.execute(query).fetchall()
    connection.close()
    return found


def states(shell: Shell) -> list[str]:
    return [str(state) for (state,) in rows(shell, "SELECT state FROM deliveries ORDER BY id")]


@pytest.fixture
async def service(shell: Shell) -> AsyncIterator[App]:
    """A service that runs on the same database, in this process."""
    found = settings.load(
        shell.environment(), need=settings.TELEGRAM + settings.GATEWAY, env_file=shell.folder / "none"
    )
    app = App(found)
    await app.start()
    yield app
    await app.stop()


async def test_without_a_service_it_is_written_down_and_says_so(shell: Shell, gateway: MsmpusherSandbox) -> None:
    done = await shell.bridge("send", TO, "Disk full")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        f"#1 queued; no service is running on {shell.database}, which was made just now: "
        "is BRIDGE_DATABASE_URL the service's?\n"
    )
    assert rows(shell, "SELECT source, owner, text FROM messages") == [("cli", f"cli:{getpass.getuser()}", "Disk full")]
    assert states(shell) == ["queued"]
    assert gateway.calls == []
    again = await shell.bridge("send", TO, "Disk full")
    assert again.out == f"#2 queued; no service is running on {shell.database}\n"


async def test_a_running_service_sends_it_within_a_second(
    shell: Shell, gateway: MsmpusherSandbox, service: App
) -> None:
    done = await shell.bridge("send", TO, "Disk full")
    ended = time.monotonic()
    assert (done.code, done.out, done.err) == (0, "#1 queued\n", "")
    await until(lambda: gateway.sent)
    assert gateway.sent[0].at - ended < 1
    assert (gateway.sent[0].number, gateway.sent[0].text) == (NUMBER, "Disk full")


async def test_with_wait_a_running_service_does_the_work_and_the_outcome_is_shown(
    shell: Shell, gateway: MsmpusherSandbox, service: App
) -> None:
    done = await shell.bridge("send", f"{TO}, 0551234567", "Disk full", "--wait")
    assert done.code == 0
    assert done.out.startswith("#1: 2 recipients, 1 segment\n")
    assert f"✅ {NUMBER} accepted · 1000" in done.out
    assert done.err == ""
    assert len(gateway.sent) == 2


OUTCOMES = {
    Mode.OK: (0, "✅", "accepted"),
    Mode.SCHEDULED: (0, "✅", "scheduled"),
    Mode.BAD_NUMBER: (1, "❌", "rejected"),
    Mode.NO_BALANCE: (1, "❌", "failed"),
    Mode.CLOSE_BEFORE_ANSWER: (3, "❓", "unknown"),
}


@pytest.mark.parametrize("mode", list(OUTCOMES))
async def test_with_wait_and_no_service_it_is_delivered_here(
    shell: Shell, gateway: MsmpusherSandbox, mode: Mode
) -> None:
    code, icon, state = OUTCOMES[mode]
    gateway.mode = mode
    done = await shell.bridge("send", TO, "Disk full", "--wait")
    assert done.code == code
    assert done.out.splitlines()[0] == "#1: 1 recipient, 1 segment"
    assert done.out.splitlines()[1].startswith(f"{icon} {NUMBER} {state}")
    assert done.err == ""
    assert len(gateway.calls) == 1


async def test_one_unknown_among_accepted_ones_is_exit_3(shell: Shell, gateway: MsmpusherSandbox) -> None:
    gateway.number_modes = {NUMBER: Mode.CLOSE_BEFORE_ANSWER}
    done = await shell.bridge("send", f"{TO},0551234567", "x", "--wait")
    assert done.code == 3
    assert sorted(states(shell)) == ["accepted", "unknown"]


async def test_what_else_lies_in_the_outbox_is_left_to_the_service(shell: Shell, gateway: MsmpusherSandbox) -> None:
    await shell.bridge("send", "0551234567", "for later")
    done = await shell.bridge("send", TO, "now", "--wait")
    assert (done.code, done.out.splitlines()[0]) == (0, "#2: 1 recipient, 1 segment")
    assert [sms.text for sms in gateway.sent] == ["now"]
    assert states(shell) == ["queued", "accepted"]


async def test_what_is_in_flight_in_a_crashed_service_is_not_touched(shell: Shell, gateway: MsmpusherSandbox) -> None:
    await shell.bridge("send", "0551234567", "of a crashed service")
    connection = sqlite3.connect(shell.database)
    connection.execute("UPDATE deliveries SET state = 'sending', attempt = 1")
    connection.commit()
    connection.close()
    await shell.bridge("send", TO, "now", "--wait")
    assert states(shell) == ["sending", "accepted"]


async def test_a_gateway_that_fails_for_a_while_is_tried_again(shell: Shell, gateway: MsmpusherSandbox) -> None:
    gateway.next_modes.extend([Mode.FAILS])
    done = await shell.bridge("send", TO, "x", "--wait")
    assert done.code == 0
    assert len(gateway.calls) == 2


@pytest.mark.parametrize(
    ("recipients", "text", "lines"),
    [
        ("0241109433,12,@ama", "x", ["“12”", "“@ama”"]),
        ("", "x", ["There is no recipient."]),
        (TO, "", ["There is no text."]),
        (TO, " \n ", ["There is no text."]),
        (TO, "x" * (153 * 6 + 1), ["The text has 7 segments; at most 6"]),
        (TO, os.fsdecode(b"caf\xe9"), ["a broken character"]),
    ],
)
async def test_what_cannot_be_sent_is_named_and_exits_1(
    shell: Shell, gateway: MsmpusherSandbox, recipients: str, text: str, lines: list[str]
) -> None:
    done = await shell.bridge("send", recipients, text, "--wait")
    assert (done.code, done.out) == (1, "")
    found = done.err.splitlines()
    assert len(found) == len(lines)
    assert all(words in line and line.startswith("bridge: ") for words, line in zip(lines, found, strict=True))
    assert rows(shell, "SELECT id FROM messages") == []
    assert gateway.calls == []


async def test_a_costly_message_needs_a_yes_where_nobody_can_be_asked(shell: Shell) -> None:
    many = ",".join(f"+23324110{index:04d}" for index in range(21))
    done = await shell.bridge("send", many, "x")
    assert done.code == 1
    assert done.err.splitlines() == [
        "This costs 21 SMS.",
        "bridge: this needs --yes",
        "bridge: Nothing was sent.",
    ]
    assert rows(shell, "SELECT id FROM messages") == []
    done = await shell.bridge("send", many, "x", "--yes")
    assert (done.code, done.err) == (0, "")
    assert len(states(shell)) == 21


async def test_a_possible_number_in_no_list_of_valid_ones_needs_a_yes(shell: Shell) -> None:
    done = await shell.bridge("send", "+447700900000", "x")
    assert done.code == 1
    assert "in no list of valid numbers: +447700900000." in done.err
    assert (await shell.bridge("send", "+447700900000", "x", "--yes")).code == 0


async def test_the_first_message_to_another_country_needs_a_yes(shell: Shell) -> None:
    done = await shell.bridge("send", f"{TO}, +4915112345678", "x")
    assert (done.code, done.err.splitlines()[0]) == (1, "This is the first message to DE.")
    assert not shell.database.exists()
    assert (await shell.bridge("send", "+4915112345678", "x")).code == 1
    assert (await shell.bridge("send", "+4915112345678", "x", "--yes")).code == 0
    done = await shell.bridge("send", "+447820125799", "x")
    assert (done.code, done.err.splitlines()[0]) == (1, "This is the first message to GB.")
    assert (await shell.bridge("send", "+447820125799", "x", BRIDGE_DEFAULT_REGION="GB")).code == 0
    assert (await shell.bridge("send", "+14155552671", "x", "--yes")).code == 0
    assert (await shell.bridge("send", f"{TO}, +14155552671, +447820125799", "x")).code == 0
    assert rows(shell, "SELECT country FROM countries ORDER BY country") == [("DE",), ("GB",), ("GH",), ("US",)]


async def test_premium_rate_numbers_are_refused_even_with_a_yes(shell: Shell) -> None:
    done = await shell.bridge("send", "+449012345678", "x", "--yes")
    assert done.code == 1
    assert "at a premium rate: refused, whatever the settings. An admin can" in done.line


async def test_the_same_limits_hold_as_in_the_chat(shell: Shell) -> None:
    assert (await shell.bridge("send", TO, "x", BRIDGE_DAILY_LIMIT="1")).code == 0
    done = await shell.bridge("send", TO, "x", BRIDGE_DAILY_LIMIT="1")
    assert done.code == 1
    assert "daily limit" in done.line
    assert "An admin can raise BRIDGE_DAILY_LIMIT." in done.line
    done = await shell.bridge("send", "+447820125799", "x", BRIDGE_ALLOWED_COUNTRIES="GH")
    assert done.code == 1
    assert "not allowed" in done.line


async def test_while_paused_nothing_is_taken(shell: Shell) -> None:
    await shell.bridge("migrate")
    connection = sqlite3.connect(shell.database)
    connection.execute("INSERT INTO switches VALUES ('paused', 'on', 'Ama', 1)")
    connection.commit()
    connection.close()
    done = await shell.bridge("send", TO, "x")
    assert done.code == 1
    assert "paused by Ama" in done.line
    assert rows(shell, "SELECT id FROM messages") == []


async def test_only_with_wait_are_the_gateways_settings_needed(shell: Shell) -> None:
    nothing = {name: "" for name in shell.variables if "MSMPUSHER" in name or "TELEGRAM" in name}
    done = await shell.bridge("send", TO, "x", **nothing)
    assert done.code == 0
    assert done.out.startswith(f"#1 queued; no service is running on {shell.database}")
    done = await shell.bridge("send", TO, "x", "--wait", **nothing)
    assert done.wrong == [
        "BRIDGE_MSMPUSHER_PRIVATE_KEY is not set",
        "BRIDGE_MSMPUSHER_PUBLIC_KEY is not set",
        "BRIDGE_MSMPUSHER_SENDER is not set",
    ]
    assert len(states(shell)) == 1


async def test_on_a_terminal_it_asks_and_shows_how_it_goes(shell: Shell, gateway: MsmpusherSandbox) -> None:
    go_on = asyncio.Event()

    async def hold(call: Call) -> None:
        if call.number == 2:
            await go_on.wait()

    gateway.on_request = hold
    shell.variables["BRIDGE_CONFIRM_ABOVE"] = "1"
    terminal = shell.terminal("send", f"{TO},0551234567", "x", "--wait")
    try:
        await terminal.shows("This costs 2 SMS.")
        await terminal.shows("Send it?")
        assert gateway.calls == []
        terminal.types("y\n")
        await terminal.shows("#1: 🕒 1 sending ✅ 1 accepted")
        go_on.set()
        assert await terminal.ends() == 0
        assert "#1: ✅ 2 accepted" in terminal.shown
        assert "#1: 2 recipients, 1 segment" in terminal.shown
    finally:
        terminal.close()


async def test_on_a_terminal_no_is_no(shell: Shell, gateway: MsmpusherSandbox) -> None:
    shell.variables["BRIDGE_CONFIRM_ABOVE"] = "0"
    terminal = shell.terminal("send", TO, "x", "--wait")
    try:
        await terminal.shows("Send it?")
        terminal.types("n\n")
        assert await terminal.ends() == 1
        assert "Nothing was sent." in terminal.shown
        assert states(shell) == []
    finally:
        terminal.close()


def ignores(pid: int, number: signal.Signals) -> bool:
    found = re.search(r"SigIgn:\s*([0-9a-f]+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return bool(int(found[1], 16) & 1 << number - 1)


async def test_ctrl_z_does_not_stop_who_delivers_for_a_service_waits_for_it(
    shell: Shell, gateway: MsmpusherSandbox
) -> None:
    gateway.mode = Mode.HANG
    process = shell.process(
        ["send", TO, "x", "--wait"], stdout=-1, stderr=-1, variables={"BRIDGE_GATEWAY_TIMEOUT_S": "0.6"}
    )
    try:
        await until(lambda: gateway.calls)
        assert ignores(process.pid, signal.SIGTSTP)
        await asyncio.to_thread(process.communicate, timeout=20)
        assert process.returncode == 3
    finally:
        process.kill()
        process.communicate()


async def test_ctrl_c_while_it_waits_ends_the_call_first_and_says_what_is_unknown(
    shell: Shell, gateway: MsmpusherSandbox
) -> None:
    gateway.mode = Mode.HANG
    process = shell.process(
        ["send", f"{TO}", "x", "--wait"],
        stdout=-1,
        stderr=-1,
        variables={"BRIDGE_GATEWAY_TIMEOUT_S": "0.6"},
    )
    try:
        await until(lambda: gateway.calls)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.to_thread(process.communicate, timeout=15)
        assert process.returncode == 3
        assert "❓" in out.decode()
        assert err == b""
        assert states(shell) == ["unknown"]
    finally:
        process.kill()
        process.wait()


async def test_a_database_that_will_not_do_is_one_line(shell: Shell, tmp_path: Path) -> None:
    for address in ("postgresql://bridge:hidden@db/bridge", f"sqlite:///{tmp_path}/nowhere/bridge.db"):
        done = await shell.bridge("send", TO, "x", BRIDGE_DATABASE_URL=address)
        assert done.code == 2
        assert "BRIDGE_DATABASE_URL" in done.line
        assert "hidden" not in done.line


async def test_two_that_wait_at_once_both_see_theirs_through(shell: Shell, gateway: MsmpusherSandbox) -> None:
    go_on = asyncio.Event()

    async def hold(call: Call) -> None:
        if call.number == 1:
            await go_on.wait()

    gateway.on_request = hold
    first = asyncio.create_task(shell.bridge("send", TO, "first", "--wait"))
    await until(lambda: gateway.calls)
    assert (await shell.bridge("send", TO, "third")).out == f"#2 queued; no service is running on {shell.database}\n"
    second = asyncio.create_task(shell.bridge("send", "0551234567", "second", "--wait"))
    await until(lambda: len(states(shell)) == 3)
    go_on.set()
    assert [(await one).code for one in (first, second)] == [0, 0]
    assert states(shell) == ["accepted", "queued", "accepted"]


async def test_when_the_service_dies_it_goes_on_alone_and_repeats_no_call_of_the_dead(
    shell: Shell, gateway: MsmpusherSandbox
) -> None:
    await shell.bridge("migrate")
    service = DeliveryLock(shell.database)
    service.take()
    waiting = asyncio.create_task(shell.bridge("send", f"{TO},0551234567", "x", "--wait"))
    await until(lambda: len(states(shell)) == 2)
    connection = sqlite3.connect(shell.database)
    connection.execute("UPDATE deliveries SET state = 'sending', attempt = 1 WHERE id = 1")
    connection.commit()
    connection.close()
    service.release()
    done = await waiting
    assert (done.code, done.err) == (3, "")
    assert states(shell) == ["sending", "accepted"]
    assert len(gateway.calls) == 1


async def test_when_the_service_dies_and_it_cannot_go_on_alone_it_says_why(shell: Shell) -> None:
    await shell.bridge("migrate")
    service = DeliveryLock(shell.database)
    service.take()
    waiting = asyncio.create_task(shell.bridge("send", TO, "x", "--wait", BRIDGE_MSMPUSHER_SENDER=""))
    await until(lambda: states(shell))
    service.release()
    done = await waiting
    assert done.code == 2
    assert done.line == "#1 is queued, and no service runs: BRIDGE_MSMPUSHER_SENDER is not set"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without a name")
def test_somebody_without_a_name_is_told_by_the_id() -> None:
    program = "import os; from bridge.commands.terminal import user_name; os.setuid(54321); print(user_name())"
    kept = {name: value for name, value in os.environ.items() if name not in ("LOGNAME", "USER", "LNAME", "USERNAME")}
    done = subprocess.run([sys.executable, "-c", program], env=kept, capture_output=True, text=True, check=True)
    assert done.stdout == "uid:54321\n"


async def test_a_bug_of_ours_is_one_line_without_text_or_number(shell: Shell) -> None:
    await shell.bridge("migrate")
    connection = sqlite3.connect(shell.database)
    connection.execute("CREATE TRIGGER broken BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'hidden'); END")
    connection.close()
    done = await shell.bridge("send", TO, "hidden text")
    assert done.code == 70
    assert done.line.startswith("an error of ours: IntegrityError in ")
    assert "hidden" not in done.line
    more = await shell.bridge("send", TO, "hidden text", BRIDGE_LOG_LEVEL="DEBUG")
    assert "Traceback" in more.err
    assert "hidden text" not in more.err
    assert NUMBER not in more.err
