"""`bridge run` in a process that kills itself, as `kill -9` does, at a moment that is named beforehand."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ANY = "*"


@dataclass(frozen=True, kw_only=True, slots=True)
class KillAt:
    """The `count`-th log record with this `event`, or the `count`-th SQL statement that begins with `statement`.

    A statement is killed before it is carried out. `ANY` counts all events, or all statements.
    """

    event: str = ""
    statement: str = ""
    count: int = 1


class _KillingHandler(logging.Handler):
    def __init__(self, event: str, count: int) -> None:
        super().__init__()
        self._event, self._left = event, count

    def emit(self, record: logging.LogRecord) -> None:
        if self._event in (ANY, getattr(record, "event", "")):
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _kill_before_statement(start: str, count: int) -> None:
    from sqlalchemy import Engine, event

    left = count

    def before(*args: object) -> None:
        nonlocal left
        statement = "COMMIT" if len(args) == 1 else str(args[2])
        if start == ANY or statement.startswith(start):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "commit", before)


def run_bridge(
    arguments: list[str],
    environment: Mapping[str, str],
    folder: str,
    output: str,
    kill_at: KillAt | None,
    clock: str = "",
) -> None:
    """Become `bridge` with these arguments, environment and working folder; stdout and stderr go to a file.

    `clock`: the file of a `MovedClock`; then it is `bridge run`, by that clock.
    """
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    if kill_at is not None and kill_at.event:
        # Not on the root logger: setting up the logs replaces what stands there.
        logging.getLogger("bridge").addHandler(_KillingHandler(kill_at.event, kill_at.count))
    elif kill_at is not None:
        _kill_before_statement(kill_at.statement, kill_at.count)
    if clock:
        _run_by(Path(clock))
    sys.argv = ["bridge", *arguments]
    from bridge.cli import main

    main(prog_name="bridge")


def _run_by(clock: Path) -> NoReturn:
    """What `bridge run` does, but for the clock."""
    from bridge import logs, settings
    from bridge.cli import fail
    from bridge.commands.run import serve
    from bridge.domain.errors import BridgeError
    from tests.support.moved_clock import MovedClock

    try:
        found = settings.load(need=settings.TELEGRAM + settings.GATEWAY)
        logs.set_up(found.log_level, found.log_format, found.secrets())
        sys.exit(asyncio.run(serve(found, MovedClock(clock))))
    except BridgeError as error:
        fail(error)
