"""One handler a command: what is asked, and the one transaction that does it and holds the answer.

Nothing here waits for a gateway, and nothing is said to Telegram: posts are rows that `sync_chat` shows.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection
from telegram import Update
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, ContextTypes, MessageHandler, filters

from bridge.clock import Clock
from bridge.domain.problem_words import explain
from bridge.domain.recipients import Problems, RequestCode, parse
from bridge.services.oncall.by_name import ByName, has_names
from bridge.services.sms import decide_message
from bridge.services.sms.decide_message import Actor
from bridge.services.sms.rules import Rules
from bridge.services.sms.send_sms import Order, measure, size_of, submit
from bridge.store import messages, posts
from bridge.store.database import Database
from bridge.telegram import replies
from bridge.telegram.access import Role
from bridge.telegram.asking import Asked, Desk, Did, ForUsers, add_commands, message_of, relayed_text
from bridge.telegram.buttons import Buttons

log = logging.getLogger(__name__)

Context = ContextTypes.DEFAULT_TYPE

MISSING = (RequestCode.NO_RECIPIENTS, RequestCode.NO_TEXT)
"""Problems of somebody who may not know yet how a `/sms` goes."""


class SmsHandlers:
    """The commands of the bot."""

    def __init__(
        self,
        *,
        desk: Desk,
        buttons: Buttons,
        database: Database,
        rules: Rules,
        region: str,
        allowed_countries: frozenset[str],
        names: Callable[[Connection], ByName],
        clock: Clock,
    ) -> None:
        """`names`: who is meant by which name now."""
        self._desk = desk
        self._buttons = buttons
        self._database = database
        self._rules = rules
        self._region = region
        self._allowed_countries = allowed_countries
        self._names = names
        self._clock = clock

    def register(self, application: Application[Any, Any, Any, Any, Any, Any]) -> None:
        """Tell python-telegram-bot which update goes where. Edited and forwarded commands only get a word of warning.

        A command that is forwarded, or written by an inline bot, is somebody else's, whoever passes it on.
        """
        new = filters.UpdateType.MESSAGE
        passed_on = filters.FORWARDED | filters.VIA_BOT
        commands: dict[str, ForUsers] = {
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
        add_commands(application, self._desk, commands)
        # Of all commands, also those of other handlers: who edits an /ack must not believe that it was done.
        known = [*(name for name, _, _ in replies.COMMANDS), "start"]
        application.add_handler(CommandHandler(known, self._desk.for_users(self.forwarded), filters=new & passed_on))
        application.add_handler(CallbackQueryHandler(self._buttons.press))
        application.add_handler(MessageHandler(new & filters.StatusUpdate.MIGRATE, self.moved))
        application.add_handler(CommandHandler(known, self.edited, filters=filters.UpdateType.EDITED_MESSAGE))
        application.add_handler(MessageHandler(new & filters.COMMAND & ~passed_on, self.unknown))
        application.add_handler(MessageHandler(new & filters.ChatType.PRIVATE, self._desk.for_users(self.talk)))

    async def sms(self, asked: Asked) -> None:
        """`/sms RECIPIENTS TEXT`, or as a reply `/sms RECIPIENTS`."""
        asker, message = asked.asker, asked.message
        names = await self._database.read(self._names) if has_names(asked.typed) else ByName(None, message.date)
        request = parse(
            asked.typed,
            reply_text=relayed_text(message),
            region=self._region,
            allowed_countries=self._allowed_countries,
            names=names,
        )
        if isinstance(request, Problems):
            sentences = [explain(problem) for problem in request.problems]
            incomplete = any(problem.code in MISSING for problem in request.problems)
            words = replies.problems(sentences, incomplete=incomplete)
            await asked.answer(Did(words=words, outcome=request.problems[0].code.value))
            return
        order = Order(
            source="telegram",
            source_key=asker.key,
            owner=asker.person.owner,
            owner_name=asker.person.name,
            request=request,
            ordered_at=message.date,
            asks=True,
            left_out=names.left_out,
        )

        def act(connection: Connection) -> Did:
            now = self._clock.now()
            measured = measure(request.text, self._rules)
            made = submit(connection, order, measured, self._rules, now)
            posts.show(connection, f"sms:{asker.key}", asker.place, made.id, now)
            log.debug("message #%d written", made.id, extra={"event": "message.written"})
            return Did(about=f"#{made.id}", outcome=made.outcome, detail=size_of(order, measured))

        await asked.commit(act)

    async def status(self, asked: Asked) -> None:
        """`/status ID`: the message's card once more, kept in step like the first."""
        asker = asked.asker

        def act(message_id: int, connection: Connection) -> None:
            decide_message.visible(connection, message_id, asker.person)
            posts.show(connection, f"status:{asker.key}", asker.place, message_id, self._clock.now())

        await _about_one(asked, "status", act)

    async def resend(self, asked: Asked) -> None:
        """`/resend ID`, unless it is an old one that waited with Telegram: nobody may want that any more."""

        def act(message_id: int, connection: Connection) -> str:
            now = self._clock.now()
            asked.check_age(self._rules.command_max_age_s, now)
            return decide_message.resend(connection, message_id, asked.asker.person, now)

        await _about_one(asked, "resend", act)

    async def cancel(self, asked: Asked) -> None:
        """`/cancel ID`."""

        def act(message_id: int, connection: Connection) -> str:
            return decide_message.cancel(connection, message_id, asked.asker.person, self._clock.now())

        await _about_one(asked, "cancel", act)

    async def history(self, asked: Asked) -> None:
        """`/history [N]`: own messages; for admins everybody's."""
        argument = asked.typed or "10"
        limit = int(argument) if argument.isdecimal() and len(argument) < 9 else 0
        asker = asked.asker

        def act(connection: Connection) -> Did | str:
            if not 1 <= limit <= replies.HISTORY_LIMIT:
                return Did(words=replies.HOW_MANY, outcome="incomplete")
            admin = asker.person.admin
            found = messages.latest(connection, None if admin else asker.person.owner, limit)
            return replies.history(found, everybody=admin, group=None if asker.private else asker.place.chat_id)

        await asked.commit(act)

    async def pause(self, asked: Asked) -> None:
        """`/pause`: the stop switch."""
        await self._for_admins(asked, decide_message.pause)

    async def resume(self, asked: Asked) -> None:
        """`/resume`."""
        await self._for_admins(asked, decide_message.resume)

    async def whoami(self, asked: Asked) -> None:
        """`/whoami`; a stranger's id stands in what every stranger is told."""
        await asked.answer(replies.whoami(asked.asker.user_id, asked.asker.role))

    async def help(self, asked: Asked) -> None:
        """`/help`, `/start`."""
        await asked.answer(replies.help_for(asked.asker.role))

    async def talk(self, asked: Asked) -> None:
        """Whatever else is said in private."""
        await asked.answer(Did(words=replies.ONLY_COMMANDS, outcome="nothing"))

    async def unknown(self, update: Update, context: Context) -> None:
        """A command that does not exist. In a group only one that names us: others may be another bot's."""
        message = message_of(update)
        command = (message.text or message.caption or "").split(maxsplit=1)[0]
        if message.chat.type != "private" and command.partition("@")[2].lower() != context.bot.username.lower():
            return
        words = replies.unknown_command(command)
        await self._desk.for_users(lambda asked: asked.answer(Did(words=words, outcome="nothing")))(update, context)

    async def edited(self, update: Update, _context: Context) -> None:
        """An edited command does nothing, and that is said to somebody who could have written it."""
        asker = self._desk.asker(message_of(update))
        if asker is not None and asker.role >= Role.USER:
            await self._desk.commit(update, asker, lambda _: Did(words=replies.EDITED, outcome="nothing"))

    async def forwarded(self, asked: Asked) -> None:
        """A forwarded command does nothing, and that is said to somebody who could have written it."""
        await asked.answer(Did(words=replies.FORWARDED, outcome="nothing"))

    async def moved(self, update: Update, _context: Context) -> None:
        """A group became a supergroup: its posts move along."""
        message = message_of(update)
        new = message.migrate_to_chat_id
        if new is None:
            return
        await self._database.write(lambda connection: posts.chat_moved(connection, message.chat.id, new))

    async def _for_admins(self, asked: Asked, act: Callable[[Connection, Actor, datetime], str]) -> None:
        def run(connection: Connection) -> str:
            asked.check_admin()
            return act(connection, asked.asker.person, self._clock.now())

        await asked.commit(run)


async def _about_one(asked: Asked, command: str, act: Callable[[int, Connection], str | None]) -> None:
    argument = asked.typed.removeprefix("#")
    if not argument.isdecimal() or len(argument) > 18:
        words = f"Which one? Write /{command} and the number of a message, such as /{command} 42."
        await asked.answer(Did(words=words, outcome="incomplete"))
        return
    number = int(argument)
    await asked.commit(partial(act, number), about=f"#{number}")
