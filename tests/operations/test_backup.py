"""The guide's own commands: copy what a running service writes to, and start the copy elsewhere."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.msmpusher_modes import Mode
from tests.cli.program import ROOT, Shell
from tests.support import postgres
from tests.support.eventually import until
from tests.support.service import Service, fork_program

GUIDE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SLOTS = 2


def command(words: str) -> str:
    """The line of the guide that has these words, for a shell."""
    (found,) = re.findall(rf"^[^`\n]*{re.escape(words)}.*$", GUIDE, re.MULTILINE)
    return str(found).replace(".venv/bin/python", sys.executable)


async def run(line: str, folder: Path, **variables: str) -> None:
    path = f"{postgres.binaries()}{os.pathsep}{os.environ['PATH']}"
    process = await asyncio.create_subprocess_shell(
        line, cwd=folder, env={"PATH": path, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


class Caller:
    """A program that sends by HTTP, and remembers what was answered."""

    def __init__(self, port: int) -> None:
        headers = {"Authorization": "Bearer 0123456789abcdef0123456789abcdef"}
        self._client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=10)
        self.answered: list[int] = []

    async def send(self) -> int:
        answer = await self._client.post("/v1/sms", json={"to": ["0241109433"], "text": "Disk full"})
        assert answer.status_code == 202, answer.text
        self.answered.append(answer.json()["id"])
        return self.answered[-1]

    async def state(self, message_id: int) -> str:
        """Of the one recipient; "lost" when there is no such message."""
        answer = await self._client.get(f"/v1/sms/{message_id}")
        return str(answer.json()["recipients"][0]["state"]) if answer.status_code == 200 else "lost"

    async def see(self, message_id: int, state: str) -> None:
        async with asyncio.timeout(15):
            while await self.state(message_id) != state:
                pass  # each look takes its time

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """It goes on sending meanwhile."""

        async def go_on() -> None:
            while True:
                await self.send()

        task = asyncio.create_task(go_on())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def wait_for(self, count: int) -> None:
        """Return when so many more were answered."""
        wanted = len(self.answered) + count
        await until(lambda: len(self.answered) >= wanted)

    async def close(self) -> None:
        await self._client.aclose()


class Hall:
    """Services and their callers; nothing of them is left behind."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._services: list[Service] = []
        self._callers: list[Caller] = []

    async def start(self, url: str) -> tuple[Service, Caller]:
        variables: Mapping[str, str] = self._shell.environment(
            BRIDGE_DATABASE_URL=url,
            BRIDGE_GATEWAY_SLOTS=str(SLOTS),
            BRIDGE_GATEWAY_TIMEOUT_S="60",
            BRIDGE_DAILY_LIMIT="0",
            BRIDGE_DAILY_LIMIT_ALL="0",
        )
        log = self._shell.folder / f"log-{len(self._services)}"
        service = fork_program(["run"], variables, self._shell.folder, log)
        self._services.append(service)
        self._callers.append(Caller(await service.ready()))
        return service, self._callers[-1]

    async def close(self) -> None:
        for caller in self._callers:
            await caller.close()
        for service in self._services:
            await service.close()


@pytest.fixture
async def hall(shell: Shell) -> AsyncIterator[Hall]:
    hall = Hall(shell)
    yield hall
    await hall.close()


async def under_way(hall: Hall, gateway: MsmpusherSandbox, url: str) -> tuple[Service, Caller, int, list[int]]:
    """A service with a message that was accepted, and some that are with the gateway, which does not answer."""
    service, caller = await hall.start(url)
    accepted = await caller.send()
    await caller.see(accepted, "accepted")
    gateway.mode = Mode.TIMEOUT_AFTER_ACCEPT
    calls = [await caller.send() for _ in range(SLOTS)]
    for one in calls:
        await caller.see(one, "sending")
    return service, caller, accepted, calls


async def check(copy: Caller, before: list[int], accepted: int, calls: list[int]) -> None:
    """Nothing that was answered before is missing, and what was under way is not said to have ended."""
    assert len(before) > 10
    assert "lost" not in {await copy.state(one) for one in before}
    assert await copy.state(accepted) == "accepted"
    for one in calls:  # whoever made the call stands in the copy, and must be missed first
        await copy.see(one, "unknown")


@pytest.mark.parametrize(
    "words",
    [
        "a.backup(b)",
        pytest.param("VACUUM INTO", marks=pytest.mark.skipif(not shutil.which("sqlite3"), reason="no sqlite3")),
    ],
)
async def test_a_copy_of_the_file_has_all_that_was_answered_before_it(
    hall: Hall, gateway: MsmpusherSandbox, tmp_path: Path, words: str
) -> None:
    service, caller, accepted, calls = await under_way(hall, gateway, f"sqlite:///{tmp_path / 'bridge.db'}")
    async with caller.sending():
        await caller.wait_for(10)
        before = list(caller.answered)
        await run(command(words), tmp_path)
        await caller.wait_for(1)
    await service.kill()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.move(tmp_path / "copy.db", elsewhere / "bridge.db")
    gateway.mode = Mode.OK
    _, copy = await hall.start(f"sqlite:///{elsewhere / 'bridge.db'}")
    await check(copy, before, accepted, calls)


@pytest.fixture
def empty_url(postgres_server: str) -> Iterator[str]:
    """The address of a database with nothing in it."""
    url = postgres.with_name(postgres_server, postgres.new_name())
    postgres.wait(postgres.run(postgres_server, f"CREATE DATABASE {url.rpartition('/')[2]}"))
    yield url
    postgres.wait(postgres.drop(postgres_server, [url]))


async def test_a_dump_of_the_server_has_all_that_was_answered_before_it(
    hall: Hall, gateway: MsmpusherSandbox, tmp_path: Path, postgres_url: str, empty_url: str
) -> None:
    service, caller, accepted, calls = await under_way(hall, gateway, postgres_url)
    async with caller.sending():
        await caller.wait_for(10)
        before = list(caller.answered)
        await run(command("pg_dump --format"), tmp_path, BRIDGE_DATABASE_URL=postgres_url)
        await caller.wait_for(1)
    await service.kill()
    await run(command("pg_restore --no-owner"), tmp_path, BRIDGE_DATABASE_URL=empty_url)
    gateway.mode = Mode.OK
    _, copy = await hall.start(empty_url)
    await check(copy, before, accepted, calls)
