"""A line to a PostgreSQL server that can be cut in the middle of a commit."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

COMMIT = b"COMMIT;"


class CutLine:
    """Passes bytes on. `cut`: what the next commit meets; "": it passes.

    "before": the line is cut, and the server hears nothing of it. "after": the server commits, and its answer is lost.
    `stays_down`: after a cut nobody gets through until `start`.
    """

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self.cut = ""
        self.url = ""
        self.stays_down = False
        self.was_cut = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; `stays_down` ends with it."""
        self.stays_down = False
        port = urlsplit(self.url).port if self.url else 0
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        port = self._server.sockets[0].getsockname()[1]
        self.url = urlunsplit(self._to._replace(netloc=f"{self._to.username}@127.0.0.1:{port}"))

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
        back = None
        try:
            there, back = await asyncio.open_connection(self._to.hostname, self._to.port)
            deaf = asyncio.Event()
            answers = asyncio.create_task(self._answer(there, writer, deaf))
            await self._ask(reader, back, deaf)
            back.close()
            await answers
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for one in (writer, back):
                if one is not None:
                    one.close()

    async def _ask(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        while data := await reader.read(65536):
            if self.cut and COMMIT in data:
                how, self.cut = self.cut, ""
                deaf.set()
                if how == "after":
                    back.write(data)
                    await back.drain()
                if self.stays_down:
                    self._server.close()
                self.was_cut.set()
                return
            back.write(data)
            await back.drain()

    async def _answer(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        while data := await there.read(65536):
            if deaf.is_set():
                break
            writer.write(data)
            await writer.drain()
        writer.close()
