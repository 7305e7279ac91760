"""A line to a PostgreSQL server that can be cut in the middle of a commit."""

import asyncio

from tests.support.relay import Relay

COMMIT = b"COMMIT;"


class CutLine(Relay):
    """`cut`: what the next commit meets; "": it passes.

    "before": the line is cut, and the server hears nothing of it. "after": the server commits, and its answer is lost.
    `stays_down`: after a cut nobody gets through until `start`.
    """

    def __init__(self, to: str) -> None:
        super().__init__(to)
        self.cut = ""
        self.stays_down = False
        self.was_cut = asyncio.Event()

    async def start(self) -> None:
        """Listen; `stays_down` ends with it."""
        self.stays_down = False
        await super().start()

    async def pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> None:
        deaf = asyncio.Event()
        answers = asyncio.create_task(_answer(there, writer, deaf))
        await self._ask(reader, back, deaf)
        back.close()
        await answers

    async def _ask(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        while data := await reader.read(65536):
            if self.cut and COMMIT in data:
                how, self.cut = self.cut, ""
                deaf.set()
                if how == "after":
                    back.write(data)
                    await back.drain()
                if self.stays_down:
                    self.close_door()
                self.was_cut.set()
                return
            back.write(data)
            await back.drain()


async def _answer(there: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
    while data := await there.read(65536):
        if deaf.is_set():
            break
        writer.write(data)
        await writer.drain()
    writer.close()
