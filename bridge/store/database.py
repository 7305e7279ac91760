"""The store as the rest of bridge sees it: `write` and `read` an operation. SQLite and PostgreSQL each have their own.

An operation is a plain function of a connection. It is run inside a transaction that it shares with others, so it may
run twice (when a neighbour fails, or a connection is lost) and must have no effect but on the database. While it
writes, nobody else does, in any process: what it has read is still so when it commits.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Operation = Callable[[Connection], T]

GROUP_LIMIT = 128
"""Operations in one commit, at most: a failing one makes all of them run again, each alone."""

BUSY_TIMEOUT_S = 3.0
"""How long a locked database is waited for, in seconds, before an operation fails."""


TROUBLE_OF = "bridge_trouble_of"
"""Execution option of each engine: error -> `StoreUnavailable` for what the database is to blame for; others as is."""


class Database(ABC):
    """An open database."""

    @abstractmethod
    async def write(self, operation: Operation[T]) -> T:
        """Run `operation` and commit; its result comes after the commit.

        Raises what the operation raises (nothing of it is kept then), or `StoreUnavailable`.
        """

    @abstractmethod
    async def read(self, operation: Operation[T]) -> T:
        """Run `operation` on what is committed; it may not write. Raises `StoreUnavailable`."""

    @abstractmethod
    async def aclose(self) -> None:
        """Finish what is asked for, then close. Further calls raise `StoreUnavailable`."""


def is_the_stores(connection: Connection, error: BaseException) -> bool:
    """Whether the database cannot serve just now (locked, full, away): nobody's data is at fault, and it may pass."""
    return connection.get_execution_options()[TROUBLE_OF](error) is not error


@dataclass
class Job:
    """An operation, and who waits for its result."""

    operation: Operation[Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


def hand_back(group: Iterable[Job]) -> None:
    """To whoever waits for each; in the event loop."""
    for job in group:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
            # Nobody waits any more for a caller that was cancelled: that is no news for the log.
            job.future.exception()
        else:
            job.future.set_result(job.result)
