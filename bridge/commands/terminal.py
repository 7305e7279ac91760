"""Who is at the terminal, and how a command notes in the audit what they did."""

import getpass
import os
from contextlib import suppress

from bridge.clock import SystemClock
from bridge.domain.errors import StoreError
from bridge.store import audit
from bridge.store.audit import AuditEntry
from bridge.store.home import Home
from bridge.store.migrate import HEAD

DOOR = "cli"


def user_name() -> str:
    """Who runs this, as the system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may run us under an id without a name
        return f"uid:{os.getuid()}"


def entry_of(act: str, *, outcome: str = audit.DONE, about: str = "", detail: str = "") -> AuditEntry:
    """What the person at the terminal did."""
    user = user_name()
    return AuditEntry(who=f"cli:{user}", name=user, door=DOOR, act=act, about=about, outcome=outcome, detail=detail)


async def note(home: Home, entry: AuditEntry) -> None:
    """Into the audit of the database at `home`. Where there is none, or it is out of order, nothing is noted."""
    with suppress(StoreError):
        if await home.current() != HEAD:
            return
        database = home.open()
        try:
            now = SystemClock().now()
            await database.write(lambda connection: audit.write(connection, entry, now))
        finally:
            await database.aclose()
