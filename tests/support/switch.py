"""An address behind which one PostgreSQL server takes the place of another, as a name or a proxy has it."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

from tests.support.postgres import Server


class Switch:
    """Who is connected stays where they are; who connects gets to `old`, and to `new` after `switch`."""

    def __init__(self, old: Server, new: Server) -> None:
        self.old, self.new = old, new
        self.url = ""
        self._to = old
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = urlunsplit(urlsplit(self.old.url)._replace(netloc=f"postgres@127.0.0.1:{port}"))

    async def switch(self) -> None:
        self._to = self.new

    async def stop(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there, back = await asyncio.open_connection("127.0.0.1", urlsplit(self._to.url).port)
        try:
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            back.close()
            writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
