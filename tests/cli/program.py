"""`bridge` as a person at a terminal meets it: arguments in; exit code, stdout and stderr out."""

import multiprocessing
import os
import pty
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.eventually import until

ROOT = Path(__file__).parents[2]

# As in tests.support.service: a fork of a process that has imported the program starts at once.
_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(["bridge.cli", "bridge.commands.check", "bridge.commands.send", "alembic.command"])


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended. The two streams are apart."""

    code: int
    out: str
    err: str

    @property
    def wrong(self) -> list[str]:
        """The settings that keep it from starting, a line each: of `check` on stdout, of all else on stderr."""
        assert "Traceback" not in self.err + self.out
        assert self.code == 2
        if self.err:
            assert self.out == ""
            assert all(line.startswith("bridge: ") for line in self.err.splitlines()), self.err
            return [line.removeprefix("bridge: ") for line in self.err.splitlines()]
        *lines, summary = self.out.splitlines()
        assert all(line.startswith("WRONG   ") for line in lines), self.out
        number = f"{len(lines)} finding{'s' if len(lines) > 1 else ''}"
        assert summary == f"{number}. Nothing else was looked at."
        return [line.removeprefix("WRONG   ") for line in lines]

    @property
    def line(self) -> str:
        """The one line of an error that is of ours: nothing else stands on stderr, and no traceback anywhere."""
        assert self.err.count("\n") == 1, self.err
        assert "Traceback" not in self.err + self.out
        assert self.err.startswith("bridge: "), self.err
        return self.err.removeprefix("bridge: ").rstrip("\n")


def _become(arguments: list[str], environment: dict[str, str], folder: str) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, name in ((0, os.devnull), (1, "out"), (2, "err")):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT, 0o600), number)
    sys.argv = ["bridge", *arguments]
    from bridge.cli import main

    main(prog_name="bridge")


class Shell:
    """A folder with an environment in which commands are run. Nothing of the caller's settings is in it."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.variables = variables

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        found = kept | {"PATH": path, "PYTHONUTF8": "1"} | self.variables | more
        return {name: value for name, value in found.items() if value != ""}

    @property
    def database(self) -> Path:
        return self.folder / "bridge.db"

    async def bridge(self, *arguments: str, timeout_s: float = 20, **more: str) -> Done:
        """Run it to its end. `more`: variables for this run only; an empty one is not set."""
        folder = self.folder / f"run-{len(list(self.folder.glob('run-*')))}"
        folder.mkdir()
        process = _forking.Process(
            target=_become, args=(list(arguments), self.environment(**more), str(folder)), daemon=True
        )
        process.start()
        try:
            await until(lambda: process.exitcode is not None, timeout_s=timeout_s)
        finally:
            process.kill()
            process.join()
        assert process.exitcode is not None
        return Done(code=process.exitcode, out=(folder / "out").read_text(), err=(folder / "err").read_text())

    def process(self, arguments: Sequence[str], **how: object) -> "subprocess.Popen[bytes]":
        """`python -m bridge ARGUMENTS`, a process of its own."""
        variables: Mapping[str, str] = how.pop("variables", {})  # type: ignore[assignment]
        return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
            [sys.executable, "-m", "bridge", *arguments], cwd=self.folder, env=self.environment(**variables), **how
        )

    def terminal(self, *arguments: str) -> "Terminal":
        """The same on a terminal."""
        return Terminal(self, arguments)


class Terminal:
    """A command whose stdin, stdout and stderr are a terminal."""

    def __init__(self, shell: Shell, arguments: Sequence[str]) -> None:
        self._ours, theirs = pty.openpty()
        os.set_blocking(self._ours, False)
        self.process = shell.process(arguments, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.shown = ""

    def _read(self) -> str:
        try:
            while data := os.read(self._ours, 65536):
                self.shown += data.decode(errors="replace")
        except (BlockingIOError, OSError):
            pass
        return self.shown

    async def shows(self, words: str) -> None:
        """Return when these words stand on it."""
        await until(lambda: words in self._read(), otherwise=lambda: repr(self.shown))

    def types(self, text: str) -> None:
        os.write(self._ours, text.encode())

    async def ends(self) -> int:
        """The exit code."""
        await until(lambda: self._read() is not None and self.process.poll() is not None, otherwise=lambda: self.shown)
        self._read()
        return self.process.wait()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
