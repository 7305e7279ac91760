"""Updates are confirmed to Telegram only after they are kept.

python-telegram-bot's own updater confirms before anything is stored: killed at the wrong moment it loses commands and
presses. So the request object below keeps the raw updates *inside* the getUpdates call, and hands on nothing but their
ids; the offset moves with the next call.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from telegram import Bot
from telegram.error import Conflict, InvalidToken, NetworkError, TelegramError, TimedOut
from telegram.request import HTTPXRequest

from bridge.clock import Clock
from bridge.domain.errors import StoreUnavailable
from bridge.store import inbox
from bridge.telegram.deafness import Deafness
from bridge.telegram.reach import Reach

log = logging.getLogger(__name__)

ALLOWED_UPDATES = ["message", "edited_message", "callback_query"]
LONG_POLL_S = 25
HANDLERS_FIRST_S = 0.015
"""Before asking again after news: that costs 2 ms of the processor, which its handlers and their call shall have."""

Keep = Callable[[Sequence[tuple[int, str]]], Awaitable[None]]
"""Commit (update id, raw JSON) pairs. Raises `StoreUnavailable`."""


class KeepingRequest(HTTPXRequest):
    """For `getUpdates` only: what Telegram hands out is kept before anybody can confirm it."""

    def __init__(self, keep: Keep, httpx_kwargs: dict[str, Any] | None = None) -> None:
        """`httpx_kwargs`: for the HTTP client, as the parent has it."""
        super().__init__(connection_pool_size=1, httpx_kwargs=httpx_kwargs)
        self._keep = keep

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """As the parent's; the updates in the answer are kept and only their ids go on."""
        status, payload = await super().do_request(*args, **kwargs)
        if status != 200:
            return status, payload
        try:
            updates = [inbox.as_kept(one) for one in json.loads(payload)["result"]]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise NetworkError("Telegram's answer to getUpdates cannot be read") from error
        if updates:
            log.debug("%d updates received", len(updates), extra={"event": "update.received"})
            await self._keep(updates)
            log.debug("%d updates kept", len(updates), extra={"event": "update.kept"})
        return status, json.dumps({"ok": True, "result": [{"update_id": number} for number, _ in updates]}).encode()


class Poller:
    """Asks Telegram for updates until it is stopped."""

    def __init__(self, bot: Bot, deafness: Deafness, clock: Clock, on_kept: Callable[[], None]) -> None:
        """`bot` must get its updates through a `KeepingRequest`. `on_kept`: there is news in the inbox."""
        self._bot = bot
        self._deafness = deafness
        self._clock = clock
        self._on_kept = on_kept
        self._never = asyncio.Event()
        self.reach = Reach()

    async def run(self) -> None:
        """Poll for ever; ends only by being cancelled, with `InvalidToken`, or where a webhook stands in the way."""
        await self._make_way()
        offset: int | None = None
        while True:
            try:
                # httpx's limits are for each read: a byte a second would go on for ever.
                async with asyncio.timeout(LONG_POLL_S + 20):
                    updates = await self._bot.get_updates(
                        offset=offset, timeout=LONG_POLL_S, allowed_updates=ALLOWED_UPDATES
                    )
            except TimeoutError:
                await self._pause(TimedOut())
                continue
            except InvalidToken:
                self.reach.ok = False
                raise
            except TelegramError as error:
                await self._pause(error)
                continue
            self.reach.again()
            await self._deafness.is_over()
            if updates:
                offset = updates[-1].update_id + 1
                self._on_kept()
                await asyncio.sleep(HANDLERS_FIRST_S)

    async def _make_way(self) -> None:
        """No webhook is set. Raises `TelegramError`."""
        webhook = await self._bot.get_webhook_info()
        if webhook.url:
            log.warning(
                "a webhook to %s was still set: removed, because this service polls",
                urlsplit(webhook.url).hostname,
                extra={"event": "telegram.webhook"},
            )
            await self._bot.delete_webhook(drop_pending_updates=False)

    async def _pause(self, error: TelegramError) -> None:
        self.reach.ok = False
        if isinstance(error.__cause__, StoreUnavailable):  # python-telegram-bot wraps what its request raises
            self.reach.lost(f"updates cannot be kept ({error.__cause__}); Telegram keeps them for us")
            await self._clock.wait(self._never, 1.0)
            return
        if isinstance(error, Conflict) and "webhook" in error.message.lower():
            raise error  # connecting anew removes it
        if isinstance(error, Conflict):
            why = "Telegram hands the updates to another that polls with the same token"
            self.reach.lost(why)
            await self._deafness.lasts(why)  # at first it may be one of us that does not know yet that it leads no more
        elif isinstance(error, TimedOut) and self.reach.failures == 0:
            self.reach.failures = 1  # one slow answer is no news
            return
        else:
            self.reach.lost(f"Telegram cannot be reached ({type(error).__name__}); SMS and HTTP go on, tried again")
        await self._clock.wait(self._never, self.reach.pause_s())
