"""The programs that run until they are stopped, as processes of their own."""

import asyncio
import os
import re
import signal
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_errors import Refusal, not_found, unauthorized
from bridge.sandbox.telegram_faults import refused
from tests.cli.program import ROOT, Shell
from tests.support.eventually import until
from tests.support.sandboxes import ADMIN

TOKEN = "a-token-of-the-three-0001"
KOFI = 222222222


async def first_line(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    return (await asyncio.to_thread(process.stdout.readline)).decode().rstrip("\n")


async def said_until(process: "subprocess.Popen[bytes]", word: str) -> str:
    """What it wrote to its stderr, to the end of the line that has the word."""
    assert process.stderr is not None
    said = ""
    while word not in said:
        line = (await asyncio.to_thread(process.stderr.readline)).decode()
        assert line, f"it ended: {said}"
        said += line
    return said


def files(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def ended(process: "subprocess.Popen[bytes]") -> tuple[int, str, str]:
    """Exit code and what it wrote, when it has come to its end."""
    out, err = await asyncio.to_thread(process.communicate, timeout=15)
    return process.returncode, out.decode(), err.decode()


async def stopped(process: "subprocess.Popen[bytes]", number: signal.Signals) -> tuple[int, str, str]:
    """Exit code and what it still wrote, after this signal."""
    process.send_signal(number)
    return await ended(process)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_demo_prints_one_address_and_ends_without_a_word(tmp_path: Path, number: signal.Signals) -> None:
    shell = Shell(tmp_path, BRIDGE_MSMPUSHER_SENDER="TWELVE CHARS", BRIDGE_PROT="1")  # it takes no setting
    process = shell.process(["demo", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        address = await first_line(process)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        async with httpx.AsyncClient() as client:
            page = await client.get(address)
        assert page.status_code == 200
        assert "text/html" in page.headers["content-type"]
        assert await stopped(process, number) == (0, "", "")
        assert files(tmp_path) == []
    finally:
        process.kill()
        process.communicate()


async def test_the_demo_takes_the_next_port_when_its_own_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = Shell(tmp_path).process(["demo", "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/", await first_line(process))
            assert found is not None
            assert port < int(found[1]) <= port + 20
            code, out, err = await stopped(process, signal.SIGTERM)
            assert (code, out) == (0, "")
            assert err == (
                f"bridge: port {port} cannot be used (Address already in use); this demo is on port {found[1]}\n"
            )
        finally:
            process.kill()
            process.communicate()


def _states(database: Path) -> list[str]:
    if not database.exists():
        return []
    with closing(sqlite3.connect(database)) as connection:
        try:
            return [state for (state,) in connection.execute("SELECT state FROM deliveries")]
        except sqlite3.OperationalError:  # no table yet
            return []


async def test_a_service_of_ones_own_finds_the_playground(tmp_path: Path) -> None:
    folder = tmp_path / "play"
    playground = Shell(tmp_path).process(
        ["demo", "--port", "0", "--playground", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    own = Shell(folder)
    try:
        page = await first_line(playground)
        assert "bridge check && bridge run" in await first_line(playground)
        code, out, _ = await ended(own.process(["check"], stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        assert code == 0, out
        service = own.process(["run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            said = {"person": KOFI, "chat": KOFI, "text": "/sms 0241109433 hello"}
            async with httpx.AsyncClient() as client:
                assert (await client.post(f"{page}do/say", json=said)).status_code == 200
            await until(lambda: _states(folder / "demo.db") == ["accepted"])
        finally:
            await stopped(service, signal.SIGTERM)
        again = ["demo", "--port", "0", "--playground", "."]
        code, _, err = await ended(own.process(again, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        assert (code, err) == (2, "bridge: --playground: .env: File exists\n")
        (folder / ".env").unlink()
        code, _, err = await ended(own.process(again, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        assert (code, err) == (2, "bridge: --playground: oncall.toml: File exists\n")
        assert not (folder / ".env").exists()
    finally:
        playground.kill()
        playground.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def three_free_ports() -> int:
    """The first of three side by side."""
    while True:
        first = free_port()
        try:
            for port in (first + 1, first + 2):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first


def answers(address: str) -> bool:
    """Whether somebody answers there."""
    try:
        return httpx.get(address, timeout=1).status_code == 200
    except httpx.TransportError:
        return False


def honcho(shell: Shell, log: Path, variables: dict[str, str], *arguments: str) -> "subprocess.Popen[bytes]":
    with log.open("wb") as output:
        return subprocess.Popen(
            ["honcho", "start", "-f", str(ROOT / "Procfile"), "-d", str(shell.folder), *arguments],
            cwd=shell.folder,
            env=shell.environment(**variables),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


async def test_the_procfile_starts_the_service_on_the_hosts_port(shell: Shell) -> None:
    port = free_port()
    variables = {"BRIDGE_PORT": "", "BRIDGE_HOST": "127.0.0.1", "PORT": str(port)}
    log = shell.folder / "honcho.log"
    process = honcho(shell, log, variables, "web")
    try:
        address = f"http://127.0.0.1:{port}/healthz"
        await until(lambda: process.poll() is not None or answers(address), timeout_s=20, otherwise=log.read_text)
        assert process.poll() is None, log.read_text()
        process.send_signal(signal.SIGTERM)
        await until(lambda: process.poll() is not None, otherwise=log.read_text)
        assert "Traceback" not in log.read_text()
        assert f"ready on 127.0.0.1:{port}" in log.read_text()
        assert "[event=app.stopped]" in log.read_text()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


async def test_three_web_processes_of_the_procfile_share_one_postgresql(
    shell: Shell, postgres_url: str, gateway: MsmpusherSandbox, telegram: TelegramSandbox
) -> None:
    first = three_free_ports()
    ports = range(first, first + 3)
    log = shell.folder / "honcho.log"
    variables = {"BRIDGE_PORT": "", "BRIDGE_HOST": "127.0.0.1", "BRIDGE_DATABASE_URL": postgres_url} | {
        "BRIDGE_API_TOKENS": f"ci={TOKEN}"
    }
    assert (await shell.bridge("migrate", **variables)).code == 0  # the line `release`
    process = honcho(shell, log, variables, "-p", str(first), "-c", "web=3", "web")
    try:
        addresses = [f"http://127.0.0.1:{port}" for port in ports]
        await until(lambda: all(answers(f"{one}/readyz") for one in addresses), timeout_s=40, otherwise=log.read_text)
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            roles = [(await client.get(f"{one}/readyz")).json()["role"] for one in addresses]
            assert sorted(roles) == ["follower", "follower", "leader"]
            for number, one in enumerate(addresses):
                asked = {"to": ["0241109433"], "text": f"to {number}"}
                assert (await client.post(f"{one}/v1/sms", json=asked)).is_success
        telegram.private(ADMIN)
        telegram.say(ADMIN, "/sms 0551234567 by chat")
        wanted = ["by chat", "to 0", "to 1", "to 2"]
        await until(lambda: sorted(sms.text for sms in gateway.sent) == wanted, otherwise=log.read_text)
        process.send_signal(signal.SIGTERM)
        await until(lambda: process.poll() is not None, timeout_s=15, otherwise=log.read_text)
        assert "Traceback" not in log.read_text()
        assert log.read_text().count("[event=app.stopped]") == 3
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("refusal", [unauthorized(), not_found()], ids=["401", "404"])
async def test_check_and_run_say_the_same_of_a_token_that_is_refused(
    shell: Shell, telegram: TelegramSandbox, refusal: Refusal
) -> None:
    telegram.fault(refused(refusal), times=None)
    checked = await shell.bridge("check")
    (found,) = [line.removeprefix("WRONG   ") for line in checked.out.splitlines() if line.startswith("WRONG")]
    assert "BRIDGE_TELEGRAM_TOKEN" in found
    assert f"({refusal.code})" in found
    process = shell.process(["run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        line = (await said_until(process, "telegram.down")).splitlines()[-1]
        assert f": {found}: tried again every 30 s" in line
        assert (await stopped(process, signal.SIGTERM))[0] == 0
    finally:
        process.kill()
        process.communicate()


async def test_run_warns_of_what_works_and_is_not_safe(shell: Shell) -> None:
    process = shell.process(
        ["run"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        variables={
            "BRIDGE_MSMPUSHER_METHOD": "get",
            "BRIDGE_TELEGRAM_ADMINS": "",
            "BRIDGE_ALERT_TOKENS": "ci=hunter2",
        },
    )
    try:
        text = await said_until(process, "app.ready")
        for event in ("settings.keys_in_urls", "settings.nobody", "settings.short_token"):
            assert f"[event={event}]" in text
        assert "hunter2" not in text
        code, out, err = await stopped(process, signal.SIGTERM)
        assert (code, out) == (0, "")
        assert "Traceback" not in err
    finally:
        process.kill()
        process.communicate()
