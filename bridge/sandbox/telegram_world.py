"""One bot and everybody around it: the state that the Bot API's methods and the people of a test both work on."""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bridge.sandbox.telegram_limits import FloodGate, Limits
from bridge.sandbox.telegram_state import Chat, Kind, Message, User
from bridge.sandbox.telegram_updates import Updates, Webhook

Json = dict[str, Any]


class Changes:
    """Wakes everybody who waits, at any change."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    def next(self) -> "asyncio.Future[None]":
        """Done at the next change, counted from this call on (not from when it is awaited)."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        return waiter


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the person sees who pressed a button: a toast, or an alert to close. Empty text: only the spinner ends."""

    text: str = ""
    alert: bool = False


@dataclass(kw_only=True, slots=True)
class Query:
    """A pressed button that waits for its answer. `at`: monotonic seconds."""

    id: str
    user: User
    message: Message
    data: str
    at: float
    answered: "asyncio.Future[Answer]"


@dataclass(kw_only=True)
class World:
    bot: User
    privacy: bool = True  # BotFather's default: in groups only commands, mentions and replies to the bot
    now: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    limits: Limits = field(default_factory=Limits)
    answer_within_s: float = 60  # of a callback query; Telegram does not publish it
    users: dict[int, User] = field(default_factory=dict)
    chats: dict[int, Chat] = field(default_factory=dict)
    queries: dict[str, Query] = field(default_factory=dict)
    commands: dict[str, list[Json]] = field(default_factory=dict)  # by scope and language, as JSON text
    webhook: Webhook | None = None  # without one the bot asks for its updates
    webhook_error: tuple[int, str] | None = None  # when a delivery failed last, Unix seconds, and why

    def __post_init__(self) -> None:
        self.users[self.bot.id] = self.bot
        self.updates = Updates(self.now)
        self.flood = FloodGate(self.limits, self.clock)
        self.changes = Changes()
        self.query_ids = itertools.count(4_382_000_000_000_001, 7)
        self._account_ids = itertools.count(1)
        self._chat_ids: dict[int, itertools.count[int]] = {}

    def next_message_id(self, chat: Chat) -> int:
        """Supergroups and channels count for themselves; private chats and small groups share the account's counter."""
        if chat.kind in (Kind.PRIVATE, Kind.GROUP):
            return next(self._account_ids)
        return next(self._chat_ids.setdefault(chat.id, itertools.count(1)))

    def seconds(self) -> int:
        return int(self.now())

    def update(self, kind: str, payload: Json) -> None:
        self.updates.put(kind, payload)
        self.changes.notify()
