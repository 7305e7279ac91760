"""The same books, of a database on a PostgreSQL server."""

import asyncio
import re
import threading
from itertools import count
from typing import Any

import asyncpg

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from tests.faults.books import Books


class PostgresBooks(Books):
    """Looks from a thread of its own: whoever asks is in the middle of an event loop."""

    def __init__(self, url: str, telegram: TelegramSandbox, gateway: MsmpusherSandbox) -> None:
        self._url = url
        self._telegram = telegram
        self._gateway = gateway
        self._loop = asyncio.new_event_loop()
        self._connection: asyncpg.Connection[Any] | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._connection is not None:
            asyncio.run_coroutine_threadsafe(self._connection.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def rows(self, query: str, *values: object) -> list[Any]:
        number = count(1)
        query = query.replace("sqlite_master WHERE name", "pg_tables WHERE tablename")
        query = re.sub(r"\?", lambda _: f"${next(number)}", query)
        return asyncio.run_coroutine_threadsafe(self._look(query, values), self._loop).result(20)

    async def _look(self, query: str, values: tuple[object, ...]) -> list[Any]:
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self._url, timeout=3)
            return list(await self._connection.fetch(query, *values))
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.CannotConnectNowError):
            return []  # the server is away: a look later there is more
        except (asyncpg.UndefinedTableError, asyncpg.AdminShutdownError):
            return []
