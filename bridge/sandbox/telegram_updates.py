"""The bot's queue of updates, as Telegram keeps it: until an offset confirms them, at most 24 hours."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

KEPT_S = 24 * 3600

# Bot API, getUpdates: an empty list means all but these
NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """Where updates are brought, instead of being asked for."""

    url: str
    secret: str = ""
    max_connections: int = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    id: int
    kind: str
    payload: Json
    at: float

    def json(self) -> Json:
        return {"update_id": self.id, self.kind: self.payload}


class Updates:
    """`now` gives Unix seconds. Ids start where a bot with a past would be."""

    def __init__(self, now: Callable[[], float], first_id: int = 712_000_001) -> None:
        self._now = now
        self._next_id = first_id
        self._kept: list[Update] = []
        self._allowed: frozenset[str] = frozenset()

    def put(self, kind: str, payload: Json, *, unasked: bool = False) -> Update | None:
        """None where the bot did not ask for this kind: Telegram decides that when the update arises, not later.

        `unasked`: as if it had arisen before the bot asked.
        """
        wanted = kind in self._allowed if self._allowed else kind not in NOT_BY_DEFAULT
        if not (wanted or unasked):
            return None
        update = Update(id=self._next_id, kind=kind, payload=payload, at=self._now())
        self._next_id += 1
        self._kept.append(update)
        return update

    def allow(self, kinds: Iterable[str]) -> None:
        """From now on; an empty list is the default again."""
        self._allowed = frozenset(kinds)

    @property
    def allowed(self) -> list[str]:
        """What the bot asked for; empty: the default."""
        return sorted(self._allowed)

    @property
    def unconfirmed(self) -> list[Update]:
        oldest = self._now() - KEPT_S
        self._kept = [update for update in self._kept if update.at >= oldest]
        return list(self._kept)

    def confirm_below(self, offset: int) -> None:
        """Forgets all with a smaller id. A negative offset keeps only that many of the last ones."""
        kept = self.unconfirmed
        self._kept = kept[offset:] if offset < 0 else [update for update in kept if update.id >= offset]

    def confirm(self, update_id: int) -> None:
        """Forgets this one."""
        self._kept = [update for update in self._kept if update.id != update_id]

    def clear(self) -> None:
        self._kept.clear()
