"""The port from delivery to paging: how a page is worded, and what follows from what became of it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from bridge.store.outcomes import Finished
from bridge.store.queue import Call


class Pages(Protocol):
    """Each is called inside the transaction that claims or writes."""

    def text(self, connection: Connection, call: Call, now: datetime) -> str:
        """What the SMS of a claimed page says."""
        ...

    def redirect(self, connection: Connection, now: datetime) -> list[Finished]:
        """Before a claim: what is due goes to the number that its person has now; where they have none, it ends.

        Gives what ended so. What follows from it has followed.
        """
        ...

    def written(self, connection: Connection, finished: Sequence[Finished], now: datetime) -> None:
        """These outcomes were written."""
        ...

    def abandoned(self, connection: Connection, message_ids: Collection[int], now: datetime) -> None:
        """Calls of these messages were cut off: nobody knows what came of them."""
        ...

    def after_absence(self, connection: Connection, left_at: datetime) -> None:
        """Nobody was there for a while, since `left_at`."""
        ...


class _NoPages:
    """For whoever delivers one message and no pages (`bridge send --wait`)."""

    def text(self, connection: Connection, call: Call, now: datetime) -> str:
        return call.text

    def redirect(self, connection: Connection, now: datetime) -> list[Finished]:
        return []

    def written(self, connection: Connection, finished: Sequence[Finished], now: datetime) -> None:
        """Nothing follows."""

    def abandoned(self, connection: Connection, message_ids: Collection[int], now: datetime) -> None:
        """Nothing follows."""

    def after_absence(self, connection: Connection, left_at: datetime) -> None:
        """Nothing follows."""


NO_PAGES: Pages = _NoPages()
