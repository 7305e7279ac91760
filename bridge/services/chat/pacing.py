"""How often a chat may be written to: Telegram takes about 30 calls a second, one a second in a chat (with some
patience), and 20 a minute in a group. Of those, 4 are kept for cards whose button somebody pressed."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """A bucket of `burst` calls that fills again with one call each `every`.

    The worst time of a length holds `burst` calls and one for each `every` in it: 3 + 13 in a group's minute, and
    2 + 2 after presses.
    """

    burst: int
    every: timedelta


PRIVATE = Pace(burst=3, every=timedelta(seconds=1))
GROUP = Pace(burst=3, every=timedelta(seconds=4.65))
PRESSED = Pace(burst=2, every=timedelta(seconds=30.5))
OVERALL = Pace(burst=8, every=timedelta(seconds=1 / 20))


@dataclass(slots=True)
class _Bucket:
    pace: Pace
    full_at: datetime  # when the bucket is full again

    def ready_at(self) -> datetime:
        """From when on there is a call in it."""
        return self.full_at - self.pace.every * (self.pace.burst - 1)

    def clamp(self, now: datetime) -> None:
        """An empty bucket fills in `burst` times `every`: later than that it is only after the clock was set back."""
        self.full_at = min(self.full_at, now + self.pace.every * self.pace.burst)

    def spend(self, now: datetime) -> None:
        self.full_at = max(self.full_at, now) + self.pace.every


class Pacer:
    """Remembers what was spent, for each chat and overall. Forgets chats whose bucket is full."""

    def __init__(self) -> None:
        self._chats: dict[int, _Bucket] = {}
        self._pressed: dict[int, _Bucket] = {}
        self._held: dict[int, datetime] = {}
        self._overall: _Bucket | None = None

    def ready_at(self, chat_id: int, now: datetime, *, pressed: bool = False) -> datetime:
        """When this chat may be written to: now, or a later time. `pressed`: about a card that somebody pressed."""
        free_at = self._free_at(self._chats, chat_id, now)
        if pressed and chat_id < 0:
            free_at = min(free_at, self._free_at(self._pressed, chat_id, now))
        return max(now, self._held.get(chat_id, now), free_at, self.global_ready_at(now))

    def _free_at(self, buckets: dict[int, _Bucket], chat_id: int, now: datetime) -> datetime:
        bucket = buckets.get(chat_id)
        return bucket.ready_at() if bucket else now

    def global_ready_at(self, now: datetime) -> datetime:
        """When any chat may be written to."""
        return max(now, self._overall.ready_at() if self._overall else now)

    def spend(self, chat_id: int, now: datetime, *, pressed: bool = False) -> None:
        """A call goes to this chat. What was kept for presses is only for them, and used when nothing else is left."""
        if pressed and chat_id < 0 and self._free_at(self._chats, chat_id, now) > now:
            self._pressed.setdefault(chat_id, _Bucket(PRESSED, now)).spend(now)
        else:
            self._chats.setdefault(chat_id, _Bucket(GROUP if chat_id < 0 else PRIVATE, now)).spend(now)
        if self._overall is None:
            self._overall = _Bucket(OVERALL, now)
        self._overall.spend(now)

    def hold(self, chat_id: int, until: datetime) -> None:
        """Nothing to this chat before that time; the others go on."""
        self._held[chat_id] = max(until, self._held.get(chat_id, until))

    def release(self) -> None:
        """The clock was set: nobody knows until when chats are held. Telegram says it again where it must."""
        self._held.clear()

    def waiting(self, now: datetime) -> dict[int, datetime]:
        """Chats that may not be written to now, and from when on they may."""
        self._held = {chat: until for chat, until in self._held.items() if until > now}
        for bucket in (*self._chats.values(), *self._pressed.values(), *([self._overall] if self._overall else [])):
            bucket.clamp(now)
        self._pressed = {chat: bucket for chat, bucket in self._pressed.items() if bucket.full_at > now}
        self._chats = {chat: bucket for chat, bucket in self._chats.items() if bucket.full_at > now}
        found = {chat: bucket.ready_at() for chat, bucket in self._chats.items() if bucket.ready_at() > now}
        for chat, until in self._held.items():
            found[chat] = max(until, found.get(chat, until))
        return found
