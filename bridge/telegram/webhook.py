"""Telegram brings updates to us: told to at the start, and watched, for it tells nobody when that fails.

The door to which they come is `web/telegram.py`, in every process; who leads tells Telegram, and handles what is kept.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn
from urllib.parse import urlsplit

from telegram import Bot, WebhookInfo
from telegram.error import BadRequest, InvalidToken, TelegramError, TimedOut

from bridge.clock import Clock
from bridge.domain.errors import StoreUnavailable
from bridge.store import inbox
from bridge.store.database import Database
from bridge.telegram.deafness import Deafness
from bridge.telegram.reach import Reach
from bridge.telegram.receive import ALLOWED_UPDATES

log = logging.getLogger(__name__)

LOOK_EVERY_S = 30.0
CALL_LIMIT_S = 20.0

CONNECTIONS = 20
"""At a time. Many updates share a commit, so more would not be kept sooner; and of the connections that may come to us
(`web/connection.py`) this is a small part.
"""

WORDS_LIMIT = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """Where Telegram is to bring updates, and what it is to show there."""

    url: str
    secret: str = field(repr=False)

    @property
    def host(self) -> str:
        """For people."""
        return host_of(self.url)


def host_of(url: str) -> str:
    """Of an address: what stands behind it may be a secret."""
    return urlsplit(url).hostname or "nowhere"


def last_error(info: WebhookInfo) -> str:
    """Why Telegram could not deliver last, in its words, on one line; "" where it always could."""
    return " ".join((info.last_error_message or "").split())[:WORDS_LIMIT]


def refused_words(error: BadRequest) -> str:
    """Why Telegram takes no such webhook. Its words are of the address alone where they speak of a webhook."""
    said = " ".join(str(error).split())[:WORDS_LIMIT]
    why = said if said.lower().startswith("bad webhook") else "it does not say why"
    return f"Telegram does not deliver to BRIDGE_PUBLIC_URL: {why}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Trouble:
    """Why nothing is brought to us; `words`: a part of a sentence."""

    words: str
    event: str


class WebhookKeeper:
    """Keeps the webhook set until it is stopped."""

    def __init__(self, bot: Bot, webhook: Webhook, database: Database, deafness: Deafness, clock: Clock) -> None:
        """`database`: where the doors of all processes keep what Telegram brings."""
        self._bot = bot
        self._webhook = webhook
        self._database = database
        self._deafness = deafness
        self._clock = clock
        self._never = asyncio.Event()
        self._is_set = False
        self._is_stuck = False
        self._last_error_at: datetime | None = None
        self._newest: int | None = None
        self.reach = Reach()

    async def run(self) -> NoReturn:
        """Look for ever; ends only by being cancelled, or with `InvalidToken`."""
        while True:
            await self._clock.wait(self._never, await self._look())

    async def _look(self) -> float:
        """Gives the seconds until the next look. Raises `InvalidToken`."""
        again_s = LOOK_EVERY_S
        try:
            async with asyncio.timeout(CALL_LIMIT_S):
                trouble = await self._ask()
        except InvalidToken:
            self.reach.ok = False
            raise
        except BadRequest as error:
            trouble = _Trouble(words=refused_words(error), event="telegram.webhook_refused")
            again_s = self.reach.pause_s()
        except (TelegramError, TimeoutError) as error:
            kind = type(error if isinstance(error, TelegramError) else TimedOut()).__name__
            self.reach.lost(f"Telegram cannot be reached ({kind}); SMS and HTTP go on, tried again")
            return self.reach.pause_s()
        if trouble is None:
            self.reach.again()
            await self._deafness.is_over()
        else:
            self.reach.lost(f"{trouble.words}; commands and presses wait there", trouble.event)
            await self._deafness.lasts(trouble.words)
        return again_s

    async def _ask(self) -> _Trouble | None:
        """Raises `TelegramError`."""
        info = await self._bot.get_webhook_info()
        if not self._is_set:
            await self._set_first(info)
            return None
        if info.url != self._webhook.url:
            taken = f"deliver to {host_of(info.url) if info.url else 'nobody'}"
        elif info.allowed_updates and not set(ALLOWED_UPDATES) <= set(info.allowed_updates):
            taken = "deliver less than what is written and pressed"
        else:
            return await self._hear(info)
        await self._set(info)
        return _Trouble(
            words=f"another program with the same token made Telegram {taken}: told to deliver to {self._webhook.host} "
            "again; stop the other one",
            event="telegram.webhook_lost",
        )

    async def _set_first(self, info: WebhookInfo) -> None:
        """In any case, as nobody shows which secret is in force. Raises `TelegramError`."""
        await self._set(info)
        await self._has_come()
        self._is_set = True
        if info.url and info.url != self._webhook.url:
            others = host_of(info.url)
            log.warning("a webhook to %s was still set: replaced by ours", others, extra={"event": "telegram.webhook"})
        log.info("Telegram delivers to %s", self._webhook.host, extra={"event": "telegram.webhook_set"})

    async def _set(self, info: WebhookInfo) -> None:
        """Nothing that waits is dropped. Raises `TelegramError`."""
        await self._bot.set_webhook(
            self._webhook.url,
            allowed_updates=ALLOWED_UPDATES,
            secret_token=self._webhook.secret,
            max_connections=CONNECTIONS,
            drop_pending_updates=False,
        )
        self._last_error_at = info.last_error_date

    async def _hear(self, info: WebhookInfo) -> _Trouble | None:
        """What Telegram tells of its deliveries. One that failed where others, or it at last, came through is no news.

        Somebody may have set our address with another secret, which nobody shows: so it is set once more.
        """
        failed = info.last_error_date is not None and info.last_error_date != self._last_error_at
        self._last_error_at = info.last_error_date
        has_come = await self._has_come()
        self._is_stuck = bool(info.pending_update_count) and not has_come and (failed or self._is_stuck)
        if not self._is_stuck:
            return None
        if failed:
            await self._set(info)
        return _Trouble(
            words=f"Telegram cannot deliver to {self._webhook.host}: {last_error(info)}", event="telegram.webhook_fails"
        )

    async def _has_come(self) -> bool:
        """Whether anything was kept since the last look."""
        try:
            newest = await self._database.read(inbox.newest)
        except StoreUnavailable:
            return False
        came, self._newest = newest != self._newest, newest
        return came
