"""One handler a command: who asks, what is asked, one transaction that does it and holds the answer.

The update is marked as done in that same transaction, so a repeat of it does nothing. Nothing here waits for a
gateway, and nothing but the answer to a button's press is said to Telegram: posts are rows that `sync_chat` shows.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection
from telegram import CallbackQuery, Message, Update, User
from telegram.error import TelegramError
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, ContextTypes, MessageHandler, filters

from bridge.clock import Clock
from bridge.domain.errors import NotFound, PersonError, Refused
from bridge.domain.problem_words import explain
from bridge.domain.recipients import Problems, parse
from bridge.domain.wording import age
from bridge.services import decide
from bridge.services.decide import Person
from bridge.services.send_sms import Order, Rules, measure, submit
from bridge.store import inbox, messages, posts
from bridge.store.database import Database
from bridge.store.posts import Place
from bridge.telegram import replies
from bridge.telegram.access import Access, Role, presser, sender
from bridge.telegram.markup import cut

log = logging.getLogger(__name__)

Context = ContextTypes.DEFAULT_TYPE
Act = Callable[[Connection], str | None]
"""Does what was asked, and gives the answer (Telegram HTML) or None for no answer. Raises `PersonError`."""

HISTORY_LIMIT = 30
ANSWER_LIMIT = 200
"""UTF-16 units of the answer to a press."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """The person behind an update, with the place to answer."""

    person: Person
    role: Role
    user_id: int
    place: Place
    private: bool


class Handlers:
    """The commands and buttons of the bot."""

    def __init__(
        self,
        *,
        database: Database,
        access: Access,
        rules: Rules,
        region: str,
        allowed_countries: frozenset[str],
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        """`wake`: something was written that the loops should see to."""
        self._database = database
        self._access = access
        self._rules = rules
        self._region = region
        self._allowed_countries = allowed_countries
        self._clock = clock
        self._wake = wake
        self._answers: set[asyncio.Task[None]] = set()
        self.finished: set[int] = set()
        """Updates whose work and end are committed; whoever dispatches takes them out."""

    def register(self, application: Application[Any, Any, Any, Any, Any, Any]) -> None:
        """Tell python-telegram-bot which update goes where. Edited and forwarded commands only get a word of warning.

        A command that is forwarded is somebody else's, whoever passes it on.
        """
        new = filters.UpdateType.MESSAGE
        commands = {
            "sms": self.sms,
            "status": self.status,
            "history": self.history,
            "resend": self.resend,
            "cancel": self.cancel,
            "pause": self.pause,
            "resume": self.resume,
            "whoami": self.whoami,
            "help": self.help,
            "start": self.help,
        }
        for name, handler in commands.items():
            application.add_handler(CommandHandler(name, handler, filters=new & ~filters.FORWARDED))
        application.add_handler(CommandHandler(list(commands), self.forwarded, filters=new & filters.FORWARDED))
        application.add_handler(CallbackQueryHandler(self.press))
        application.add_handler(MessageHandler(new & filters.StatusUpdate.MIGRATE, self.moved))
        application.add_handler(CommandHandler("sms", self.edited, filters=filters.UpdateType.EDITED_MESSAGE))
        application.add_handler(MessageHandler(new & filters.ChatType.PRIVATE & filters.COMMAND, self.unknown))
        application.add_handler(MessageHandler(new & filters.ChatType.PRIVATE, self.help))

    # -- commands

    async def sms(self, update: Update, _context: Context) -> None:
        """`/sms RECIPIENTS TEXT`, or as a reply `/sms RECIPIENTS`."""
        message = _message(update)
        asker = await self._user(update, message)
        if asker is None:
            return
        request = parse(
            _arguments(message),
            reply_text=relayed_text(message),
            region=self._region,
            allowed_countries=self._allowed_countries,
        )
        if isinstance(request, Problems):
            sentences = [explain(problem) for problem in request.problems]
            await self._commit(update, asker, lambda _: replies.problems(sentences))
            return
        order = Order(
            source="telegram",
            source_key=str(update.update_id),
            owner=asker.person.owner,
            owner_name=asker.person.name,
            numbers=tuple(number.e164 for number in request.numbers),
            text=request.text,
            ordered_at=message.date,
            asks=True,
            doubles=request.doubles,
            unverified=tuple(number.e164 for number in request.unverified),
            relayed=request.relayed,
        )

        def act(connection: Connection) -> None:
            now = self._clock.now()
            made = submit(connection, order, measure(order.text, self._rules), self._rules, now)
            posts.show(connection, f"update:{update.update_id}", asker.place, made.id, now)
            log.debug("message #%d written", made.id, extra={"event": "message.written"})

        await self._commit(update, asker, act)

    async def status(self, update: Update, _context: Context) -> None:
        """`/status ID`: the message's card once more, kept in step like the first."""

        def act(asker: Asker, message_id: int, connection: Connection) -> None:
            decide.visible(connection, message_id, asker.person)
            posts.show(connection, f"update:{update.update_id}", asker.place, message_id, self._clock.now())

        await self._about_one(update, "status", act)

    async def resend(self, update: Update, _context: Context) -> None:
        """`/resend ID`, unless it is an old one that waited with Telegram: nobody may want that any more."""
        written_at = _message(update).date

        def act(asker: Asker, message_id: int, connection: Connection) -> str:
            now = self._clock.now()
            age_s = (now - written_at).total_seconds()
            if age_s > self._rules.command_max_age_s:
                raise Refused(
                    "stale", f"This command is {age(age_s)} old: bridge was away. Write it again to have it done."
                )
            return decide.resend(connection, message_id, asker.person, now)

        await self._about_one(update, "resend", act)

    async def cancel(self, update: Update, _context: Context) -> None:
        """`/cancel ID`."""
        await self._about_one(
            update, "cancel", lambda asker, number, c: decide.cancel(c, number, asker.person, self._clock.now())
        )

    async def history(self, update: Update, _context: Context) -> None:
        """`/history [N]`: own messages; for admins everybody's."""
        message = _message(update)
        asker = await self._user(update, message)
        if asker is None:
            return
        argument = _arguments(message)
        limit = min(int(argument), HISTORY_LIMIT) if argument.isdecimal() and len(argument) < 9 else 10
        admin = asker.person.admin

        def act(connection: Connection) -> str:
            found = messages.latest(connection, None if admin else asker.person.owner, max(1, limit))
            return replies.history(found, everybody=admin)

        await self._commit(update, asker, act)

    async def pause(self, update: Update, _context: Context) -> None:
        """`/pause`: the stop switch."""
        await self._for_admins(update, decide.pause)

    async def resume(self, update: Update, _context: Context) -> None:
        """`/resume`."""
        await self._for_admins(update, decide.resume)

    async def whoami(self, update: Update, _context: Context) -> None:
        """`/whoami`: for everybody who asks in private; in a group only for those with a role."""
        asker = self._asker(_message(update))
        if asker is not None and (asker.private or asker.role > Role.STRANGER):
            await self._commit(update, asker, lambda _: replies.whoami(asker.user_id, asker.role))

    async def help(self, update: Update, _context: Context) -> None:
        """`/help`, `/start`, and whatever else is said in private."""
        asker = await self._user(update, _message(update))
        if asker is not None:
            await self._commit(update, asker, lambda _: replies.help_for(asker.role))

    async def unknown(self, update: Update, _context: Context) -> None:
        """A command that does not exist."""
        message = _message(update)
        asker = await self._user(update, message)
        if asker is not None:
            command = (message.text or message.caption or "").split(maxsplit=1)[0]
            await self._commit(update, asker, lambda _: replies.unknown_command(command))

    async def edited(self, update: Update, _context: Context) -> None:
        """An edited `/sms` sends nothing, and says so to somebody who could have sent it."""
        asker = self._asker(_message(update))
        if asker is not None and asker.role >= Role.USER:
            await self._commit(update, asker, lambda _: replies.EDITED)

    async def forwarded(self, update: Update, _context: Context) -> None:
        """A forwarded command does nothing, and that is said to somebody who could have written it."""
        asker = await self._user(update, _message(update))
        if asker is not None:
            await self._commit(update, asker, lambda _: replies.FORWARDED)

    async def moved(self, update: Update, _context: Context) -> None:
        """A group became a supergroup: its posts move along."""
        message = _message(update)
        new = message.migrate_to_chat_id
        if new is None:
            return
        await self._database.write(lambda connection: posts.chat_moved(connection, message.chat.id, new))

    # -- buttons

    async def press(self, update: Update, context: Context) -> None:
        """A press of an inline button: checked as a command is, answered at once."""
        query = update.callback_query
        if query is None:
            return
        words = await self._pressed(update, query)
        # The answer is a courtesy that expires within seconds: nobody waits for it, and a crash may lose it.
        answer = asyncio.create_task(_answer(query, words))
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)

    async def _pressed(self, update: Update, query: CallbackQuery) -> str:
        user = presser(query)
        if user is None or self._access.role(user.id) < Role.USER:
            return replies.NO_ACCESS
        choice = _choice(query.data or "")
        if choice is None:
            return "This button does nothing any more."
        verb, message_id, seen = choice
        person = self._person(user)
        said = ""

        def act(connection: Connection) -> None:
            nonlocal said
            try:
                said = _VERBS[verb](connection, message_id, person, self._clock.now(), seen)
            except NotFound:
                said = replies.NOT_YOURS
            except PersonError as error:
                said = str(error)

        await self._database.write(partial(self._once, update.update_id, act))
        self.finished.add(update.update_id)
        self._wake()
        return said or "Done already."

    # -- what all of them share

    def _person(self, user: User) -> Person:
        admin = self._access.role(user.id) is Role.ADMIN
        return Person(owner=f"tg:{user.id}", name=user.full_name or str(user.id), admin=admin)

    def _asker(self, message: Message) -> Asker | None:
        """Who wrote this; None for what is no person."""
        user = sender(message)
        if user is None:
            return None
        thread = message.message_thread_id if message.is_topic_message else None
        return Asker(
            person=self._person(user),
            role=self._access.role(user.id),
            user_id=user.id,
            place=Place(chat_id=message.chat.id, thread_id=thread, reply_to=message.message_id),
            private=message.chat.type == "private",
        )

    async def _user(self, update: Update, message: Message) -> Asker | None:
        """The person, if a user; a stranger is told in private how to ask, once a minute, and nothing in a group."""
        asker = self._asker(message)
        if asker is None or asker.role >= Role.USER:
            return asker
        if asker.private:
            minute = int(self._clock.now().timestamp() // 60)
            words = replies.ask_for_access(asker.user_id)
            await self._commit(update, asker, lambda _: words, key=f"stranger:{asker.user_id}:{minute}")
        return None

    async def _for_admins(self, update: Update, act: Callable[[Connection, Person, Any], str]) -> None:
        asker = await self._user(update, _message(update))
        if asker is None:
            return

        def run(connection: Connection) -> str:
            if not asker.person.admin:
                raise Refused("admins_only", "Only an admin can do that.")
            return act(connection, asker.person, self._clock.now())

        await self._commit(update, asker, run)

    async def _about_one(
        self, update: Update, command: str, act: Callable[[Asker, int, Connection], str | None]
    ) -> None:
        message = _message(update)
        asker = await self._user(update, message)
        if asker is None:
            return
        argument = _arguments(message).removeprefix("#")
        if not argument.isdecimal() or len(argument) > 18:
            words = f"Which one? Write /{command} and the number of a message, such as /{command} 42."
            await self._commit(update, asker, lambda _: words)
            return
        await self._commit(update, asker, partial(act, asker, int(argument)))

    async def _commit(self, update: Update, asker: Asker, act: Act, key: str = "") -> None:
        """Do it and write the answer, in one transaction, unless this update was done before."""

        def run(connection: Connection) -> None:
            try:
                words = act(connection)
            except PersonError as error:
                words = f"❌ {error}"
            if words is not None:
                posts.say(connection, key or f"update:{update.update_id}", asker.place, words, self._clock.now())

        await self._database.write(partial(self._once, update.update_id, run))
        self.finished.add(update.update_id)
        log.debug("update %d done", update.update_id, extra={"event": "update.done"})
        self._wake()

    def _once(self, update_id: int, act: Callable[[Connection], None], connection: Connection) -> None:
        if inbox.done(connection, update_id, self._clock.now()):
            act(connection)


_VERBS: dict[str, Callable[..., str]] = {
    "go": decide.confirm,
    "no": decide.cancel,
    "again": decide.resend,
    "leave": decide.leave,
}


def _choice(data: str) -> tuple[str, int, int] | None:
    """(verb, message, turn) of a button's data; None when it is none of ours."""
    verb, _, rest = data.partition(":")
    message_id, _, seen = rest.partition(":")
    if verb not in _VERBS or not (message_id.isdecimal() and seen.isdecimal()) or len(rest) > 40:
        return None
    return verb, int(message_id), int(seen)


def _message(update: Update) -> Message:
    """The message of an update that a message handler got."""
    message = update.effective_message
    if message is None:
        raise TypeError(f"update {update.update_id} holds no message")
    return message


def _arguments(message: Message) -> str:
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


async def _answer(query: CallbackQuery, words: str) -> None:
    try:
        await query.answer(cut(words, ANSWER_LIMIT), show_alert=len(words) > 60)
    except TelegramError as error:
        log.info("a press could not be answered: %s", type(error).__name__, extra={"event": "press.unanswered"})
