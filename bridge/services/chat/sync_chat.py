"""What Telegram shows follows what the database says.

A post is out of date while `shown < wanted`. Each step takes the oldest such post of every chat that may be written to
now; a chat has one call under way at a time, so that edits of a post never overtake each other and many changes
become one edit.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from bridge.clock import Clock, Leaps
from bridge.domain.errors import StoreUnavailable
from bridge.services.chat.chat_port import Card, Chat, Gone, Later, Moved, Never, NoThread, Reply, Shown
from bridge.services.chat.notices import Notices
from bridge.services.chat.pacing import Pacer
from bridge.services.chat.refused import refused, taken
from bridge.store import posts
from bridge.store.database import Database
from bridge.store.posts import Post

log = logging.getLogger(__name__)

CALL_LIMIT_S = 30.0
"""For one call to Telegram, whatever it drips."""

AT_ONCE = 8
"""Chats that are written to at the same time."""

FIRST_PUT_OFF, LONGEST_PUT_OFF = timedelta(seconds=5), timedelta(hours=1)
"""How long a post that an error of ours stopped waits: twice as long each time."""

Render = Callable[[Connection, Post, datetime], Card]
"""What a post shows now: reads the state of its subject, writes nothing."""


class ChatSync:
    """Brings posts up to date. `step` is called by a `WorkLoop`; `wake` must make that happen soon."""

    def __init__(
        self,
        *,
        database: Database,
        chat: Chat,
        render: Render,
        notices: Notices,
        pacer: Pacer,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._chat = chat
        self._render = render
        self._notices = notices
        self._pacer = pacer
        self._clock = clock
        self._wake = wake
        self._leaps = Leaps(clock)
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._trouble = ""
        self._posted: dict[int, int] = {}  # post -> Telegram id that the store has not taken yet

    async def step(self) -> float | None:
        """Start a call for each chat that may be written to now. Gives the seconds until the next one may."""
        now = self._clock.now()
        if leap := self._leaps.seen():
            self._pacer.release()
            self._leaps.settle(leap)
        waiting = self._pacer.waiting(now)
        skip = set(self._busy) | set(waiting)
        found = await self._database.read(lambda connection: self._due(connection, now, skip))
        for post in found:
            if len(self._busy) >= AT_ONCE:
                break
            chat_id = post.place.chat_id
            if not isinstance(chat_id, int):  # SQLite keeps what an odd update gave, and one post must not stop all
                await self._database.write(partial(posts.give_up, post=post, trouble="the chat has no numeric id"))
                continue
            if chat_id not in self._busy and self._pacer.ready_at(chat_id, now, pressed=post.pressed) <= now:
                self._pacer.spend(chat_id, now, pressed=post.pressed)
                self._busy[chat_id] = asyncio.create_task(self._sync(post))
        next_due = await self._database.read(lambda connection: posts.next_due(connection, now))
        times = [
            *waiting.values(),
            *([next_due] if next_due else []),
            *([self._pacer.global_ready_at(now)] if found else []),
        ]
        return min(((time - now).total_seconds() for time in times if time > now), default=None)

    def _due(self, connection: Connection, now: datetime, skip: Collection[int]) -> list[Post]:
        """What is out of date: first the cards that somebody pressed, in whichever chat."""
        return [*posts.due_pressed(connection, now, 16), *posts.due(connection, now, 64, skip)]

    async def _sync(self, post: Post) -> None:
        try:
            now = self._clock.now()
            card = await self._database.read(lambda connection: self._render(connection, post, now))
            log.debug("showing post %d", post.id, extra={"event": "chat.showing", "edit": post.telegram_id is not None})
            reply = await self._show(post, card)
            log.debug("showed post %d", post.id, extra={"event": "chat.shown"})
            await self._database.write(partial(self._note, post, reply, self._heard(post, reply)))
            self._posted.pop(post.id, None)
        except StoreUnavailable as error:
            log.error("what Telegram shows could not be written down: %s", error, extra={"event": "store.unavailable"})
            self._pacer.hold(post.place.chat_id, self._clock.now() + FIRST_PUT_OFF)
        except Exception:
            log.exception("post %d could not be shown", post.id, extra={"event": "chat.error"})
            await self._put_off(post)
        finally:
            del self._busy[post.place.chat_id]
            self._wake()

    async def _put_off(self, post: Post) -> None:
        """What it shows cannot be read, say. Each time for longer, and it alone: the chat's others go on."""
        now = self._clock.now()
        again_at = now + min(LONGEST_PUT_OFF, FIRST_PUT_OFF * 2.0 ** min(post.tries, 20))
        try:
            await self._database.write(partial(posts.delay, post=post, due_at=again_at))
        except StoreUnavailable:
            self._pacer.hold(post.place.chat_id, now + FIRST_PUT_OFF)

    async def _show(self, post: Post, card: Card) -> Reply:
        try:
            async with asyncio.timeout(CALL_LIMIT_S):
                return await self._chat.show(post.place, card, self._posted.get(post.id, post.telegram_id))
        except TimeoutError:
            return Later(why=f"no answer within {CALL_LIMIT_S:.0f} s")

    def _heard(self, post: Post, reply: Reply) -> datetime:
        """What Telegram's word means for this chat and for the log; gives from when on to try again."""
        now = self._clock.now()
        match reply:
            case Shown(telegram_id=telegram_id):
                self._posted[post.id] = telegram_id
                self._works_again()
            case Later(why=why, after_s=after_s):
                self._say(why)
                until = now + timedelta(seconds=min(60.0, 2.0 ** min(post.tries, 6)) if after_s is None else after_s)
                self._pacer.hold(post.place.chat_id, until)
                return until
            case Never(why=why):
                log.warning("post %d is given up: %s", post.id, why, extra={"event": "chat.refused"})
        return now

    def _note(self, post: Post, reply: Reply, at: datetime, connection: Connection) -> None:
        """Write down what Telegram said. `at`: now, or when to try again."""
        match reply:
            case Shown(telegram_id=telegram_id):
                posts.shown(connection, post, telegram_id)
                taken(connection, self._notices, post, at)
            case Later():
                posts.delay(connection, post, at)
            case Gone():
                posts.lost(connection, post)
            case NoThread():
                posts.without_thread(connection, post)
            case Moved(chat_id=chat_id):
                posts.chat_moved(connection, post.place.chat_id, chat_id)
            case Never(why=why):
                posts.give_up(connection, post, why)
                refused(connection, self._notices, post, why, at)

    def _say(self, why: str) -> None:
        """Once for each new trouble."""
        if why != self._trouble:
            log.warning("Telegram does not take posts just now: %s", why, extra={"event": "chat.waiting"})
            self._trouble = why

    def _works_again(self) -> None:
        if self._trouble:
            log.warning("Telegram takes posts again", extra={"event": "chat.recovered"})
            self._trouble = ""

    async def stop(self, within_s: float) -> None:
        """Wait so many seconds for calls under way, then cut them off. Posts that are not shown stay due."""
        tasks = list(self._busy.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
