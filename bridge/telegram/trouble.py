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


def _is_401(error: BaseException | None) -> bool:
    """The library raises the same for 401 and 404, and again with words of its own; the first one says which."""
    while error is not None:
        if "unauthorized" in str(error).lower():
            return True
        error = error.__cause__
    return False
