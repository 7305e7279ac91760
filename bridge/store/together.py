"""What many callers want written at the same time goes in one operation, with one statement for all."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection

from bridge.domain.errors import StoreUnavailable
from bridge.store.database import GROUP_LIMIT, Database

Item = TypeVar("Item")
Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item, Told]):
    item: Item
    future: asyncio.Future[Told]


class Together(Generic[Item, Told]):
    """One write at a time; what comes meanwhile goes in the next one.

    `Database.write` shares a commit among operations, too, but runs the statements of each: of a hundred equal rows
    those cost several times what the rows do.
    """

    def __init__(self, database: Database, write_all: Callable[[Connection, Sequence[Item]], Sequence[Told]]) -> None:
        """`write_all`, an operation, gives a result for each item."""
        self._database = database
        self._write_all = write_all
        self._waiting: list[_Waiting[Item, Told]] = []
        self._task: asyncio.Task[None] | None = None

    async def write(self, item: Item) -> Told:
        """As `Database.write`; an item that fails fails alone."""
        waiting: _Waiting[Item, Told] = _Waiting(item, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._write_on())
        return await waiting.future

    async def _write_on(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP_LIMIT], self._waiting[GROUP_LIMIT:]
                await self._write(group)
        finally:
            self._task = None

    async def _write(self, group: Sequence[_Waiting[Item, Told]]) -> None:
        """All of it but what its caller has given up: somebody has been told that it is not kept."""
        group = [one for one in group if not one.future.done()]
        items = [one.item for one in group]
        if not items:
            return
        try:
            told = await self._database.write(lambda connection: self._write_all(connection, items))
        except Exception as error:  # noqa: BLE001 - each caller gets it
            if len(group) > 1 and not isinstance(error, StoreUnavailable):
                for one in group:
                    await self._write([one])
                return
            for one in group:
                if not one.future.done():
                    one.future.set_exception(error)
        else:
            for one, result in zip(group, told, strict=True):
                if not one.future.done():
                    one.future.set_result(result)
