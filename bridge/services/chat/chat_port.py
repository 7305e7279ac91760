"""The port to the chat: what a post shows, and what Telegram may say to it."""

from dataclasses import dataclass
from typing import Protocol

from bridge.store.posts import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Button:
    """An inline button: what it says and what a press brings back (1 to 64 bytes)."""

    label: str
    data: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """What a post shows: Telegram HTML of at most 4096 characters, and buttons in one row."""

    text: str
    buttons: tuple[Button, ...] = ()


# What Telegram said to a card.
@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """It stands there, as `telegram_id`."""

    telegram_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Later:
    """Not now. `after_s`: seconds to wait, where Telegram said so."""

    why: str
    after_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Gone:
    """The message that was to be edited is not there any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoThread:
    """The topic is gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """The chat has another id now."""

    chat_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Never:
    """Blocked, kicked, no such chat: it will not be taken."""

    why: str


Reply = Shown | Later | Gone | NoThread | Moved | Never


class Chat(Protocol):
    """The port to Telegram: shows a card, raises nothing but `asyncio.CancelledError`."""

    async def show(self, place: Place, card: Card, telegram_id: int | None) -> Reply:
        """Post the card, or edit the message `telegram_id` to be it."""
        ...
