"""Presses of inline buttons: checked as commands are, and answered at once."""

import asyncio
import logging
import re
from collections.abc import Callable

from sqlalchemy import Connection
from telegram import CallbackQuery, Update
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bridge.clock import Clock
from bridge.domain.errors import NotFound, PersonError
from bridge.services.sms import decide_message
from bridge.services.sms.decide_message import Person
from bridge.store import posts
from bridge.telegram import incident_handlers, replies
from bridge.telegram.access import Access, Role, presser
from bridge.telegram.asking import Desk
from bridge.telegram.markup import cut

log = logging.getLogger(__name__)

ANSWER_LIMIT = 200
"""UTF-16 units of the answer to a press."""

OnIncident = Callable[[Connection, str, Person], str]
"""(data of a button, who pressed it) -> words for them. Raises `PersonError`."""

VERBS: dict[str, Callable[..., str]] = {
    "go": decide_message.confirm,
    "no": decide_message.cancel,
    "again": decide_message.resend,
    "leave": decide_message.leave,
}
"""What stands before the first colon of a button's data, and what it does."""


class Buttons:
    """What the buttons do."""

    def __init__(self, desk: Desk, access: Access, clock: Clock, on_incident: OnIncident) -> None:
        """`on_incident`: does what a button of an incident's card asks for."""
        self._desk = desk
        self._on_incident = on_incident
        self._access = access
        self._clock = clock
        self._answers: set[asyncio.Task[None]] = set()

    async def press(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
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
        choice = self._choice(query.data or "")
        if choice is None:
            return "This button does nothing any more."
        person = self._desk.person(user)
        said = ""

        def act(connection: Connection) -> None:
            nonlocal said
            try:
                said = choice(connection, person)
                if query.message is not None:
                    posts.press(connection, query.message.chat.id, query.message.message_id)
            except PersonError as error:
                said = str(error)

        await self._desk.once(update, act)
        return said or "Done already."

    def _choice(self, data: str) -> Callable[[Connection, Person], str] | None:
        """What a button's data asks for; None when it is none of ours."""
        if incident_handlers.BUTTON.fullmatch(data):
            return lambda connection, person: self._on_incident(connection, data, person)
        found = read_data(data)
        if found is None:
            return None
        verb, message_id, seen = found

        def act(connection: Connection, person: Person) -> str:
            try:
                return VERBS[verb](connection, message_id, person, self._clock.now(), seen)
            except NotFound:
                return replies.NOT_YOURS

        return act


def read_data(data: str) -> tuple[str, int, int] | None:
    """(verb, message, turn) of a button's data; None when it is none of ours."""
    verb, _, rest = data.partition(":")
    message_id, _, seen = rest.partition(":")
    if verb not in VERBS or not all(re.fullmatch(r"[0-9]{1,18}", number) for number in (message_id, seen)):
        return None  # 18 digits: what a column of the database can hold
    return verb, int(message_id), int(seen)


async def _answer(query: CallbackQuery, words: str) -> None:
    try:
        await query.answer(cut(words, ANSWER_LIMIT), show_alert=len(words) > 60)
    except TelegramError as error:
        log.info("a press could not be answered: %s", type(error).__name__, extra={"event": "press.unanswered"})
