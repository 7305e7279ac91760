"""`bridge run`: the service until a signal says stop."""

import asyncio
import logging
import os
import signal
import sys

from bridge.app import App
from bridge.clock import Clock
from bridge.settings import Settings, cautions

log = logging.getLogger(__name__)

STOP_WITHIN_S = 8.6
"""From the signal on: seven seconds for calls under way, the rest for writing down. A supervisor kills after nine."""
OUTDATED = 2
"""Exit code of a process that a newer version of the database ended: as of one that does not start on it."""


def on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, in the running loop."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    # A terminal that goes away, or a reload too early, must not end the program.
    loop.add_signal_handler(signal.SIGHUP, lambda: log.info("SIGHUP: nothing to read again"))
    return asked


async def serve(settings: Settings, clock: Clock | None = None) -> int:
    """Run until SIGTERM or SIGINT, then stop within 9 s; gives 0, or 2 where the database is too new.

    Raises `OperatorError` when it cannot start.

    `clock`: the machine's, unless one is given.
    """
    # Three threads take turns; at the default of 5 ms each turn may wait that long for the one before.
    sys.setswitchinterval(0.0005)
    asked = on_signals()
    for event, line in cautions(settings):
        log.warning("%s", line, extra={"event": event})
    app = App(settings, clock)
    if not await _has_place(app, asked):
        return 0
    await app.start()
    log.info("Telegram: updates come %s", settings.receiving, extra={"event": "telegram.receiving"})
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, app.reload)
    await _either(asked, app.outdated)
    log.info("stopping", extra={"event": "app.stopping"})
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await app.stop()
    except TimeoutError:
        log.error(
            "stopped before all was written down; the next start finds calls under way and says that they are unknown",
            extra={"event": "app.cut_off"},
        )
        # Threads that wait for a locked database or a hanging disk would hold an orderly exit up for longer.
        logging.shutdown()
        os._exit(OUTDATED if app.outdated.is_set() else 0)
    return OUTDATED if app.outdated.is_set() else 0


async def _either(*events: asyncio.Event) -> None:
    """Return when one of them is set."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for one in waits:
        one.cancel()


async def _has_place(app: App, asked: asyncio.Event) -> bool:
    """Whether it may start; False when a signal came while it waited for the service before it."""
    taking, stopping = asyncio.create_task(app.take_place()), asyncio.create_task(asked.wait())
    await asyncio.wait({taking, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if taking.done():
        await taking
        return True
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
    log.info("stopped", extra={"event": "app.stopped"})
    return False
