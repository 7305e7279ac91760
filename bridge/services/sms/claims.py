"""As who this process claims deliveries."""

from collections.abc import Callable

from sqlalchemy import Connection

from bridge.store import processes


class Claims:
    """A name that nobody else has. What is claimed under another one has nobody who sends it, or another process."""

    def __init__(self, make_id: Callable[[], str], *, leased: bool = False) -> None:
        """`leased`: others deliver, too, and may take this process for gone (`services/processes/lease.py`)."""
        self._make_id = make_id
        self.leased = leased
        self.name = make_id()

    def renew(self) -> None:
        """What may have been claimed under the name so far is not known here: from now on, nobody sends it."""
        self.name = self._make_id()

    def held(self, connection: Connection) -> str | None:
        """The name under which deliveries may be claimed in this transaction; None for just now none."""
        name = self.name
        return name if not self.leased or processes.is_there(connection, name) else None

    def stands(self, connection: Connection, name: str) -> bool:
        """Whether what was claimed under this name is still this process's to send."""
        return self.held(connection) == name

    def others(self, connection: Connection) -> list[str]:
        """Names under which other processes may be sending just now."""
        return processes.names(connection) if self.leased else []
