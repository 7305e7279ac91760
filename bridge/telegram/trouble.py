"""What an error of Telegram's side means for whoever runs bridge."""

from telegram.error import Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut


def in_words(error: TelegramError) -> str:
    """One line that names the setting to look at. Nothing of the error's own text: it may hold the token."""
    kind = type(error).__name__
    match error:
        case InvalidToken() if _is_401(error):
            return "Telegram refuses BRIDGE_TELEGRAM_TOKEN (401)"
        case InvalidToken():
            return "Telegram: no bot at this address (404): check BRIDGE_TELEGRAM_API_URL and BRIDGE_TELEGRAM_TOKEN"
        case Conflict():
            return "Telegram: another program polls with the same BRIDGE_TELEGRAM_TOKEN (409): stop it"
        case RetryAfter():
            return "Telegram asks the bot of BRIDGE_TELEGRAM_TOKEN to slow down (429)"
        case TimedOut():
            return "Telegram: BRIDGE_TELEGRAM_API_URL does not answer in time"
        # The library makes a bad request a trouble of the network, too.
        case NetworkError() if kind == "NetworkError":
            return "Telegram: BRIDGE_TELEGRAM_API_URL cannot be reached, or fails"
        case _:
            return f"Telegram: BRIDGE_TELEGRAM_API_URL does not answer as a Bot API server ({kind})"


KNOWN = (
    "bot was blocked by the user",
    "bot was kicked from the group chat",
    "bot was kicked from the supergroup chat",
    "bot was kicked from the channel chat",
    "bot is not a member of the",
    "bot can't initiate conversation with a user",
    "bot can't send messages to bots",
    "user is deactivated",
    "text must be non-empty",
    "need administrator rights",
    "chat_restricted",
    "peer_id_invalid",
    "button_data_invalid",
)
"""What Telegram says when it refuses a post, in small letters: words that quote nothing."""


def refusal(error: TelegramError) -> str:
    """Why a post was refused, for the log: in Telegram's words where they are known ones, as others may quote it."""
    said = str(error).lower()
    known = next((words for words in KNOWN if words in said), "")
    return f"Telegram refuses it: {known or type(error).__name__}"


def _is_401(error: BaseException | None) -> bool:
    """The library raises the same for 401 and 404, and again with words of its own; the first one says which."""
    while error is not None:
        if "unauthorized" in str(error).lower():
            return True
        error = error.__cause__
    return False
