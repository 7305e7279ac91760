"""Who asks, where, and what; and the one transaction that answers.

The update is marked as done in the transaction that does what it asks for, so a repeat of it does nothing.
"""

import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps
from html import escape
from typing import Any

from sqlalchemy import Connection
from telegram import Message, Update, User
from telegram.ext import Application, CommandHandler, ContextTypes, filters

from bridge.clock import Clock
from bridge.domain.errors import NotFound, PersonError, Refused
from bridge.domain.wording import age
from bridge.services.sms.decide_message import Actor
from bridge.store import audit, inbox, posts
from bridge.store.audit import AuditEntry
from bridge.store.database import Database
from bridge.store.posts import Place
from bridge.telegram import replies
from bridge.telegram.access import Access, Role, sender
from bridge.telegram.strangers import Strangers

log = logging.getLogger(__name__)

DOOR = "telegram"


@dataclass(frozen=True, kw_only=True, slots=True)
class Did:
    """What was done. `words`: the answer (Telegram HTML), None for none. The others are as in an `AuditEntry`."""

    words: str | None = None
    about: str = ""
    outcome: str = audit.DONE
    detail: str = ""


Act = Callable[[Connection], Did | str | None]
"""Does what was asked, and gives what it did, or only the answer. Raises `PersonError`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """The person behind an update, with the place to answer."""

    person: Actor
    role: Role
    user_id: int
    place: Place
    private: bool
    key: str  # of what was written: chat, message and time, which nothing else has (update ids start anew at times)
    doing: str = ""  # for the audit: the command, or what else it was; none of its text


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a user has written, and who it is."""

    desk: "Desk"
    update: Update
    message: Message
    asker: Asker

    @property
    def typed(self) -> str:
        """What stands behind the command."""
        return arguments_of(self.message)

    async def commit(self, act: Act, about: str = "") -> None:
        """As `Desk.commit`."""
        await self.desk.commit(self.update, self.asker, act, about)

    async def answer(self, did: Did | str) -> None:
        """Nothing is done but that it is said."""
        await self.commit(lambda _: did)

    async def refuse(self, error: PersonError) -> None:
        """What was found out before the transaction."""

        def act(_connection: Connection) -> None:
            raise error

        await self.commit(act)

    def check_admin(self) -> None:
        """Raises `Refused` for anybody else."""
        if not self.asker.person.admin:
            raise Refused("admins_only", "Only an admin can do that.")

    def check_age(self, most_s: float, now: datetime) -> None:
        """Raises `Refused` for what waited with Telegram: it meant the time when it was written."""
        age_s = (now - self.message.date).total_seconds()
        if age_s > most_s:
            words = f"This command is {age(age_s)} old: bridge was away. Write it again to have it done."
            raise Refused("stale", words)


Handle = Callable[[Update, ContextTypes.DEFAULT_TYPE], Coroutine[Any, Any, None]]
"""As python-telegram-bot calls it."""
ForUsers = Callable[[Asked], Coroutine[Any, Any, None]]
"""Does what a user asks for, in one transaction that holds the answer, too."""


class Desk:
    """Where people ask: knows them by their id, and writes down what is done for them together with the answer."""

    def __init__(self, *, database: Database, access: Access, clock: Clock, wake: Callable[[], None]) -> None:
        """`wake`: something was written that the loops should see to."""
        self._database = database
        self._access = access
        self._clock = clock
        self._wake = wake
        self._strangers = Strangers(clock)
        self.finished: set[int] = set()
        """Updates whose work and end are committed; whoever dispatches takes them out."""

    def person(self, user: User) -> Actor:
        admin = self._access.role(user.id) is Role.ADMIN
        return Actor(owner=f"tg:{user.id}", name=user.full_name or str(user.id), admin=admin)

    def asker(self, message: Message) -> Asker | None:
        """Who wrote this; None for what is no person."""
        user = sender(message)
        if user is None:
            return None
        thread = message.message_thread_id if message.is_topic_message else None
        return Asker(
            person=self.person(user),
            role=self._access.role(user.id),
            user_id=user.id,
            place=Place(chat_id=message.chat.id, thread_id=thread, reply_to=message.message_id),
            private=message.chat.type == "private",
            key=f"{message.chat.id}:{message.message_id}:{int(message.date.timestamp())}",
            doing=_doing(message),
        )

    def for_users(self, handle: ForUsers) -> Handle:
        """`handle`, for users; a stranger is told in private how to ask, once a minute, and nothing in a group.

        To whatever a stranger writes, /whoami and /help too, there is this one answer: nobody can make us talk more.
        """

        @wraps(handle)
        async def guarded(update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
            message = message_of(update)
            asker = self.asker(message)
            if asker is None:
                return
            if asker.role < Role.USER:
                await self._turn_away(update, asker)
                return
            await handle(Asked(desk=self, update=update, message=message, asker=asker))

        return guarded

    async def _turn_away(self, update: Update, asker: Asker) -> None:
        told = asker.private and self._strangers.may_be_told(asker.user_id)
        words = replies.ask_for_access(asker.user_id) if told else None
        now = self._clock.now()

        def run(connection: Connection) -> None:
            if words is not None:  # the key holds where the memory does not: over a restart
                minute = int(now.timestamp() // 60)
                posts.say(connection, f"stranger:{asker.user_id}:{minute}", asker.place, words, now)
            deny(connection, asker.person, asker.place, asker.doing, now)

        await self.once(update, run)

    async def commit(self, update: Update, asker: Asker, act: Act, about: str = "") -> None:
        """Do it, write the answer and the audit, in one transaction, unless this update was done before.

        `about`: what is asked about, as a code; noted if there is such a thing.
        """

        def run(connection: Connection) -> None:
            now = self._clock.now()
            try:
                found = act(connection)
                did = found if isinstance(found, Did) else Did(words=found, about=about)
            except PersonError as error:
                known = "" if isinstance(error, NotFound) else about
                did = Did(words=f"❌ {escape(str(error))}", about=known, outcome=error.code)
            if did.words is not None:
                posts.say(connection, f"answer:{asker.key}:{update.update_id}", asker.place, did.words, now)
            note(connection, asker.person, asker.place, asker.doing, did, now)

        await self.once(update, run)

    async def once(self, update: Update, act: Callable[[Connection], None]) -> None:
        """Do it and mark the update as done, in one transaction, unless it was done before."""

        def run(connection: Connection) -> None:
            if inbox.done(connection, update.update_id, self._clock.now()):
                act(connection)

        await self._database.write(run)
        self.finished.add(update.update_id)
        log.debug("update %d done", update.update_id, extra={"event": "update.done"})
        self._wake()


def note(connection: Connection, person: Actor, place: Place, doing: str, did: Did, now: datetime) -> None:
    """Into the audit: what this person did there."""
    entry = replace(_entry(person, place, doing), about=did.about, outcome=did.outcome, detail=did.detail)
    audit.write(connection, entry, now)


def deny(connection: Connection, person: Actor, place: Place, doing: str, now: datetime) -> None:
    """Into the audit, at most once a minute: somebody without access tried that."""
    audit.write_now_and_then(connection, replace(_entry(person, place, doing), outcome="no_access"), now)


def _entry(person: Actor, place: Place, doing: str) -> AuditEntry:
    topic = f":{place.thread_id}" if place.thread_id else ""
    return AuditEntry(who=person.owner, name=person.name, door=DOOR, place=f"{place.chat_id}{topic}", act=doing)


_COMMANDS = frozenset({"/start", *(f"/{name}" for name, _, _ in replies.COMMANDS)})


def _doing(message: Message) -> str:
    """`/sms`, `edited /sms`, `forwarded /sms`, `unknown command`, `words`."""
    first = next(iter((message.text or message.caption or "").split(maxsplit=1)), "")
    command = first.partition("@")[0].lower()
    what = command if command in _COMMANDS else "unknown command" if command.startswith("/") else "words"
    passed_on = message.forward_origin is not None or message.via_bot is not None
    return f"{'edited ' if message.edit_date else ''}{'forwarded ' if passed_on else ''}{what}"


def add_commands(
    application: Application[Any, Any, Any, Any, Any, Any], desk: Desk, commands: Mapping[str, ForUsers]
) -> None:
    """Command -> what does it, for new ones that are somebody's own: not edited, forwarded, or by an inline bot."""
    own = filters.UpdateType.MESSAGE & ~(filters.FORWARDED | filters.VIA_BOT)
    for name, handle in commands.items():
        application.add_handler(CommandHandler(name, desk.for_users(handle), filters=own))


def message_of(update: Update) -> Message:
    """The message of an update that a message handler got."""
    message = update.effective_message
    if message is None:
        raise TypeError(f"update {update.update_id} holds no message")
    return message


def arguments_of(message: Message) -> str:
    """What stands behind the command, as typed."""
    text = message.text or ""
    entity = next((one for one in message.entities if one.type == "bot_command" and one.offset == 0), None)
    rest = text[entity.length :] if entity else text
    return rest.strip()


def relayed_text(message: Message) -> str | None:
    """The quoted part, text or caption of the message replied to; None when it is no reply (or a topic's root)."""
    if message.quote is not None:
        return message.quote.text
    replied = message.reply_to_message
    if replied is None or (message.is_topic_message and replied.message_id == message.message_thread_id):
        return None
    return replied.text or replied.caption or ""
