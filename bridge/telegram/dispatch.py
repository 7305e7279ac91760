"""Kept updates go to their handlers, in their order, until each has committed its work."""

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from telegram import Bot, Update
from telegram.ext import Application, ContextTypes

from bridge.clock import Clock
from bridge.domain.errors import StoreUnavailable
from bridge.store import inbox, posts
from bridge.store.database import Database
from bridge.store.posts import Place

log = logging.getLogger(__name__)

AT_ONCE = 64
TRIES = 3
"""An update whose handler fails so often is put aside, and said to be."""

BotApplication = Application[Any, Any, Any, Any, Any, Any]


class Dispatcher:
    """Empties the inbox. `step` is called by a `WorkLoop`."""

    def __init__(
        self,
        *,
        database: Database,
        application: BotApplication,
        clock: Clock,
        finished: set[int],
        notice_places: Sequence[Place],
    ) -> None:
        """`finished`: where handlers note updates that they have ended themselves. `notice_places`: where admins
        read of updates that nobody can handle.
        """
        self._database = database
        self._application = application
        self._bot: Bot = application.bot
        self._clock = clock
        self._finished = finished
        self._notice_places = notice_places
        self._errors: dict[int, BaseException] = {}
        application.add_error_handler(self._note_error)

    async def step(self) -> float | None:
        """Handle what is open, and wait for all of it. Raises `StoreUnavailable`.

        The handlers start in the order of the updates, and each runs to its one write before the next starts: so the
        writes come in that order, and many of them share a commit.
        """
        rows = await self._database.read(lambda connection: inbox.open_updates(connection, AT_ONCE))
        ended = await asyncio.gather(*(self._handle(*row) for row in rows), return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException):
                raise error
        return 0.0 if len(rows) == AT_ONCE else None

    def _read(self, update_id: int, raw: str) -> Update | None:
        try:
            return Update.de_json(json.loads(raw), self._bot)
        except Exception as error:  # noqa: BLE001 - whatever it holds, it must not block those behind it
            log.error(
                "update %d cannot be read and is put aside: %s",
                update_id,
                type(error).__name__,
                extra={"event": "update.unreadable"},
            )
            return None

    async def _handle(self, update_id: int, raw: str, tries: int) -> None:
        update = self._read(update_id, raw)
        if update is None:
            await self._put_aside(update_id)
            return
        await self._application.process_update(update)
        error = self._errors.pop(update_id, None)
        if error is None:
            await self._close(update_id)
        elif isinstance(error, StoreUnavailable):
            raise error
        else:
            await self._failed(update_id, tries + 1, error)

    async def _failed(self, update_id: int, tries: int, error: BaseException) -> None:
        log.error(
            "the handler of update %d failed (try %d of %d)",
            update_id,
            tries,
            TRIES,
            exc_info=error,
            extra={"event": "update.failed"},
        )
        await self._database.write(lambda connection: inbox.failed(connection, update_id))
        if tries >= TRIES:
            await self._put_aside(update_id)

    async def _put_aside(self, update_id: int) -> None:
        now = self._clock.now()

        def run(connection: Connection) -> None:
            inbox.put_aside(connection, update_id, now)
            for place in self._notice_places:
                words = (
                    f"⚠️ A message or press from Telegram (update {update_id}) could not be handled; the log says more. "
                    "Whoever waits for an answer should write again."
                )
                posts.say(connection, f"aside:{update_id}:{place.chat_id}:{now:%Y-%m-%d}", place, words, now)

        await self._database.write(run)

    async def _close(self, update_id: int) -> None:
        """Done with, whether or not its handler said so."""
        if update_id in self._finished:
            self._finished.remove(update_id)
            return
        now = self._clock.now()
        await self._database.write(lambda connection: inbox.done(connection, update_id, now))

    async def _note_error(self, update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
        if isinstance(update, Update) and context.error is not None:
            self._errors[update.update_id] = context.error
