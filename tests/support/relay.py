"""A line to a PostgreSQL server that passes bytes on, as a name or a proxy has it."""

import asyncio
from urllib.parse import urlsplit, urlunsplit


class Relay:
    """Who is connected stays where they are; who connects gets to the server of `to`, which a test may change."""

    def __init__(self, to: str) -> None:
        self.to = to
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen, after a stop at the same address."""
        port = urlsplit(self.url).port if self.url else 0
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        port = self._server.sockets[0].getsockname()[1]
        to = urlsplit(self.to)
        self.url = urlunsplit(to._replace(netloc=f"{to.username}@127.0.0.1:{port}"))

    async def stop(self) -> None:
        self.close_door()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def close_door(self) -> None:
        """Who is connected stays; nobody else gets through until `start`."""
        self._server.close()

    async def pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> None:
        """One connection, until either side ends it."""
        await asyncio.gather(copy(reader, back), copy(there, writer))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        to, back = urlsplit(self.to), None
        try:
            there, back = await asyncio.open_connection(to.hostname, to.port)
            await self.pass_on(reader, writer, there, back)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for one in (writer, back):
                if one is not None:
                    one.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What is read is written, and the end is passed on."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
