"""The real program as a process of its own, which a test may kill at any moment."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.faults.launcher import KillAt, run_bridge
from tests.support.eventually import until

READY = re.compile(r"ready on [^ ]+:(\d+) \[event=app\.ready\]")

# A server process that has imported the program and nothing more forks the children: a start takes 0.2 s, not 1 s.
# Nothing of bridge happens at import, so a fork of it is a fresh process.
_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(
    [
        "bridge.app",
        "bridge.cli",
        "bridge.commands.run",
        # what these import only when they need it
        "alembic.command",
        "alembic.config",
        "anyio._backends._asyncio",
        "httpcore",
        "sqlalchemy.dialects.sqlite",
        "uvicorn.protocols.http.httptools_impl",
    ]
)


class Service:
    """A running `bridge`, its output, and its end. Its pid is its own: signals reach nothing else."""

    def __init__(self, process: "subprocess.Popen[bytes] | BaseProcess", log: Path) -> None:
        self._process = process
        self.log = log
        assert process.pid is not None
        self.pid: int = process.pid
        self._code: int | None = None

    @property
    def output(self) -> str:
        """What it wrote to stdout and stderr so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    @property
    def exit_code(self) -> int | None:
        """None while it runs; -9 when it was killed."""
        if self._code is None:
            process = self._process
            self._code = process.poll() if isinstance(process, subprocess.Popen) else process.exitcode
        return self._code

    def count(self, event: str) -> int:
        """How many log lines with this event it wrote."""
        return len(re.findall(rf"\[event={re.escape(event)}[ \]]", self.output))

    async def ready(self, timeout_s: float = 20) -> int:
        """The port on which it answers HTTP, once it does. Raises AssertionError when it ends instead."""
        found = await until(
            lambda: READY.search(self.output) or self.exit_code is not None,
            timeout_s=timeout_s,
            otherwise=lambda: self.output,
        )
        assert isinstance(found, re.Match), f"exit code {self.exit_code}: {self.output}"
        return int(found[1])

    async def says(self, event: str, count: int = 1, timeout_s: float = 30) -> None:
        """Return when it has written so many log lines with this event."""
        await until(lambda: self.count(event) >= count, timeout_s=timeout_s, otherwise=lambda: self.output)

    async def gone(self, timeout_s: float = 30) -> int:
        """Its exit code, once it has ended."""
        await until(lambda: self.exit_code is not None, timeout_s=timeout_s, otherwise=lambda: self.output)
        assert self.exit_code is not None
        return self.exit_code

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; harmless when it has ended."""
        if self.exit_code is None:
            os.kill(self.pid, number)

    async def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        await self.gone()

    async def close(self) -> None:
        """Nothing of it is left behind."""
        await self.kill()
        if not isinstance(self._process, subprocess.Popen):
            self._process.close()


def start_program(arguments: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path) -> Service:
    """`python -m bridge ARGUMENTS`, as a person starts it."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "bridge", *arguments],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    return Service(process, log)


def fork_program(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    kill_at: KillAt | None = None,
    clock: Path | None = None,
) -> Service:
    """The same program, sooner there, killed at `kill_at`, and going by the clock in a file."""
    process = _forking.Process(
        target=run_bridge,
        args=(list(arguments), dict(environment), str(folder), str(log), kill_at, str(clock or "")),
        daemon=True,
    )
    process.start()
    return Service(process, log)
