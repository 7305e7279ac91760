"""Presses of inline buttons: checked as commands are, and answered at once."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection
from telegram import CallbackQuery, Message, Update
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bridge.clock import Clock
from bridge.domain.errors import NotFound, PersonError, Refused
from bridge.services.sms import decide_message
from bridge.services.sms.decide_message import Actor
from bridge.store import posts
from bridge.store.posts import Place
from bridge.telegram import button_data, replies
from bridge.telegram.access import Access, Role, presser
from bridge.telegram.asking import Desk, Did, deny, note
from bridge.telegram.button_data import OfIncident, OfMessage, Verb
from bridge.telegram.markup import cut
from bridge.telegram.strangers import Strangers

log = logging.getLogger(__name__)

ANSWER_LIMIT = 200
"""UTF-16 units of the answer to a press."""

OnIncident = Callable[[OfIncident, Connection, Actor], str]
"""(button, connection, who pressed it) -> words for them. Raises `PersonError`."""

DECISIONS: dict[Verb, Callable[..., str]] = {
    Verb.SEND: decide_message.confirm,
    Verb.CANCEL: decide_message.cancel,
    Verb.SEND_AGAIN: decide_message.resend,
    Verb.LEAVE: decide_message.leave,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What a button asks for. `doing` and `about`: for the audit. `act` gives words, and raises `PersonError`."""

    doing: str
    about: str
    act: Callable[[Connection, Actor], str]


class Buttons:
    """What the buttons do."""

    def __init__(self, desk: Desk, access: Access, clock: Clock, on_incident: OnIncident) -> None:
        """`on_incident`: does what a button of an incident's card asks for."""
        self._desk = desk
        self._on_incident = on_incident
        self._access = access
        self._clock = clock
        self._strangers = Strangers(clock)
        self._answers: set[asyncio.Task[None]] = set()

    async def press(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """A press of an inline button: checked as a command is, answered at once."""
        query = update.callback_query
        if query is None:
            return
        words = await self._pressed(update, query)
        if words is None:
            return
        # The answer is a courtesy that expires within seconds: nobody waits for it, and a crash may lose it.
        answer = asyncio.create_task(_answer(query, words))
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)

    async def _pressed(self, update: Update, query: CallbackQuery) -> str | None:
        """Words for who pressed; None for a stranger who was told enough."""
        user = presser(query)
        if user is None:
            return self._no_access(query)
        person = self._desk.person(user)
        place = _place(query)
        choice = self._choice(query.data or "")
        if self._access.role(user.id) < Role.USER:
            await self._desk.once(
                update, lambda connection: deny(connection, person, place, choice.doing, self._clock.now())
            )
            return self._no_access(query)
        said = ""

        def act(connection: Connection) -> None:
            nonlocal said
            did = Did(about=choice.about)
            try:
                said = choice.act(connection, person)
                if query.message is not None:
                    posts.press(connection, query.message.chat.id, query.message.message_id)
            except PersonError as error:
                said = str(error)
                did = Did(about="" if isinstance(error, NotFound) else choice.about, outcome=error.code)
            note(connection, person, place, choice.doing, did, self._clock.now())

        await self._desk.once(update, act)
        return said or "Done already."

    def _no_access(self, query: CallbackQuery) -> str | None:
        return replies.NO_ACCESS if self._strangers.may_be_told(query.from_user.id) else None

    def _choice(self, data: str) -> Choice:
        """What a button's data asks for."""
        match button_data.read(data):
            case OfIncident() as button:
                return Choice(
                    doing=f"button {button.verb.value}",
                    about=button.code,
                    act=partial(self._on_incident, button),
                )
            case OfMessage() as button:
                return Choice(
                    doing=f"button {button.verb.value}",
                    about=f"#{button.message_id}",
                    act=partial(self._decide, button),
                )
        return NONE_OF_OURS

    def _decide(self, button: OfMessage, connection: Connection, person: Actor) -> str:
        decide = DECISIONS[button.verb]
        try:
            return decide(connection, button.message_id, person, self._clock.now(), button.turn)
        except NotFound:
            raise NotFound(replies.NOT_YOURS) from None


def _nothing(_connection: Connection, _person: Actor) -> str:
    raise Refused("no_button", "This button does nothing any more.")


NONE_OF_OURS = Choice(doing="unknown button", about="", act=_nothing)


def _place(query: CallbackQuery) -> Place:
    """Where the button stands; of a message that Telegram does not show us, with the person."""
    message = query.message
    if message is None:
        return Place(chat_id=query.from_user.id)
    thread = message.message_thread_id if isinstance(message, Message) and message.is_topic_message else None
    return Place(chat_id=message.chat.id, thread_id=thread)


async def _answer(query: CallbackQuery, words: str) -> None:
    try:
        await query.answer(cut(words, ANSWER_LIMIT), show_alert=len(words) > 60)
    except TelegramError as error:
        log.info("a press could not be answered: %s", type(error).__name__, extra={"event": "press.unanswered"})
