"""The port to Telegram: shows a card, and says in one of six words what Telegram said."""

import logging
from datetime import timedelta

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError

from bridge.services.chat.chat_port import Card, Gone, Later, Moved, Never, NoThread, Reply, Shown
from bridge.store.posts import Place
from bridge.telegram.markup import plain
from bridge.telegram.trouble import refusal

log = logging.getLogger(__name__)

# A post says "is too long", an edit the code.
_TEXT_REFUSED = ("can't parse", "message is too long", "message_too_long")

# Telegram's words in a 400, and what they mean for a post. The first that is found counts.
_REFUSALS: tuple[tuple[str, Reply | None], ...] = (
    ("message to edit not found", Gone()),
    ("message can't be edited", Gone()),
    ("message thread not found", NoThread()),
    ("topic_closed", NoThread()),
    ("topic_deleted", NoThread()),
    ("chat not found", Never(why="Telegram knows no such chat, or the person never pressed Start")),
    ("not enough rights", Never(why="the bot may not write there")),
    ("have no rights", Never(why="the bot may not write there")),
    ("chat_write_forbidden", Never(why="the bot may not write there")),
)


class TelegramChat:
    """Shows cards through a bot."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def show(self, place: Place, card: Card, telegram_id: int | None) -> Reply:
        """Post the card, or edit the message `telegram_id` to be it. Raises nothing but CancelledError."""
        reply = await self._try(place, card, telegram_id, html=True)
        if reply is not None:
            return reply
        # Never lose the message for its markup.
        log.warning("Telegram refused the markup of a post: it goes out plain", extra={"event": "chat.markup"})
        reply = await self._try(place, card, telegram_id, html=False)
        return reply or Never(why="Telegram takes the text neither with its markup nor without")

    async def _try(self, place: Place, card: Card, telegram_id: int | None, *, html: bool) -> Reply | None:
        """What Telegram says; None when it is the text itself that it refuses."""
        try:
            return Shown(telegram_id=await self._show(place, card, telegram_id, html=html))
        except BadRequest as error:
            words = str(error).lower()
            if "message is not modified" in words and telegram_id is not None:
                return Shown(telegram_id=telegram_id)
            return None if any(mark in words for mark in _TEXT_REFUSED) else _refused(error)
        except TelegramError as error:
            return _trouble(error)

    async def _show(self, place: Place, card: Card, telegram_id: int | None, *, html: bool) -> int:
        keyboard = (
            InlineKeyboardMarkup(
                [[InlineKeyboardButton(button.label, callback_data=button.data) for button in card.buttons]]
            )
            if card.buttons
            else None
        )
        text = card.text if html else plain(card.text)
        mode = ParseMode.HTML if html else None
        if telegram_id is not None:
            await self._bot.edit_message_text(
                text, chat_id=place.chat_id, message_id=telegram_id, parse_mode=mode, reply_markup=keyboard
            )
            return telegram_id
        reply = (
            ReplyParameters(place.reply_to, allow_sending_without_reply=True) if place.reply_to is not None else None
        )
        sent = await self._bot.send_message(
            place.chat_id,
            text,
            parse_mode=mode,
            reply_markup=keyboard,
            message_thread_id=place.thread_id,
            reply_parameters=reply,
        )
        return sent.message_id


def _refused(error: BadRequest) -> Reply:
    words = str(error).lower()
    for mark, reply in _REFUSALS:
        if mark in words and reply is not None:
            return reply
    return Never(why=refusal(error))


def _trouble(error: TelegramError) -> Reply:
    match error:
        case RetryAfter():
            after = error.retry_after
            return Later(
                why="flood limit", after_s=after.total_seconds() if isinstance(after, timedelta) else float(after)
            )
        case ChatMigrated():
            return Moved(chat_id=error.new_chat_id)
        case Forbidden():
            return Never(why=refusal(error))
        case InvalidToken():
            return Later(why="Telegram refuses the token", after_s=30)
        case NetworkError():
            return Later(why=f"no connection ({type(error).__name__})")
        case _:
            return Later(why=f"Telegram is in trouble ({type(error).__name__})", after_s=5)
