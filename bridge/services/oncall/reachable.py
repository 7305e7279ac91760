"""Who of the people on call could not be reached, and why: looked at before their shift, not in the night."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.oncall.records import Person
from bridge.store import reached

LATELY = timedelta(days=30)

NO_PHONE = "no phone, so no SMS"
REJECTED = "the gateway rejects their number"
NO_PRIVATE_CHAT = "has not pressed Start, or blocked the bot: no private copy in Telegram"

KnowsPerson = Callable[[int], Awaitable[bool | None]]
"""Telegram id -> whether the bot may write to this person as far as Telegram tells; None where it does not answer."""


def troubles(connection: Connection, people: Iterable[Person], now: datetime) -> dict[str, tuple[str, ...]]:
    """Person -> why they could not be reached, a few words each; nobody who can be."""
    listed = list(people)
    rejected = reached.rejected_at(connection, [(one.key, one.phone) for one in listed if one.phone], now - LATELY)
    silent = reached.silent_chats(connection, [one.telegram for one in listed if one.telegram is not None])
    found = {
        one.key: tuple(
            words
            for words, holds in (
                (NO_PHONE, not one.phone),
                (REJECTED, one.key in rejected),
                (NO_PRIVATE_CHAT, one.telegram in silent),
            )
            if holds
        )
        for one in listed
    }
    return {key: why for key, why in found.items() if why}


async def strangers(people: Iterable[Person], knows: KnowsPerson) -> frozenset[str]:
    """Those of whom Telegram says that the bot does not know them: they never pressed Start. By key."""
    found = [one.key for one in people if one.telegram is not None and await knows(one.telegram) is False]
    return frozenset(found)


def with_strangers(found: Mapping[str, tuple[str, ...]], unknown: Collection[str]) -> dict[str, tuple[str, ...]]:
    """`found` (of `troubles`), and of those who never pressed Start that."""
    return {
        key: tuple(dict.fromkeys((*found.get(key, ()), *((NO_PRIVATE_CHAT,) if key in unknown else ()))))
        for key in dict.fromkeys((*found, *unknown))
    }
