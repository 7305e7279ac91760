import pytest
from telegram.error import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    TelegramError,
    TimedOut,
)

from bridge.telegram.trouble import KNOWN, in_words, refusal

TOKEN = "123456:AAF-secret-token"


def rejected(words: str) -> InvalidToken:
    """As the library's `initialize` raises it: for 401 and 404 alike, with the token."""
    error = InvalidToken(f"The token `{TOKEN}` was rejected by the server.")
    error.__cause__ = InvalidToken("Either the bot token was rejected by Telegram or the endpoint does not exist.")
    error.__cause__.__cause__ = InvalidToken(words)
    return error


@pytest.mark.parametrize(
    ("error", "settings"),
    [
        (rejected("Unauthorized"), {"BRIDGE_TELEGRAM_TOKEN"}),
        (InvalidToken("Unauthorized"), {"BRIDGE_TELEGRAM_TOKEN"}),
        (rejected("Not Found"), {"BRIDGE_TELEGRAM_TOKEN", "BRIDGE_TELEGRAM_API_URL"}),
        (Conflict(TOKEN), {"BRIDGE_TELEGRAM_TOKEN"}),
        (TimedOut(TOKEN), {"BRIDGE_TELEGRAM_API_URL"}),
        (NetworkError(TOKEN), {"BRIDGE_TELEGRAM_API_URL"}),
        (BadRequest(TOKEN), {"BRIDGE_TELEGRAM_API_URL"}),
        (Forbidden(TOKEN), {"BRIDGE_TELEGRAM_API_URL"}),
        (TelegramError(TOKEN), {"BRIDGE_TELEGRAM_API_URL"}),
    ],
)
def test_a_trouble_names_the_settings_to_look_at_and_shows_no_token(error: TelegramError, settings: set[str]) -> None:
    words = in_words(error)
    assert {name for name in ("BRIDGE_TELEGRAM_TOKEN", "BRIDGE_TELEGRAM_API_URL") if name in words} == settings
    assert TOKEN not in words


@pytest.mark.parametrize("words", KNOWN)
def test_a_refusal_is_told_in_telegram_s_words_where_they_are_known(words: str) -> None:
    assert refusal(Forbidden(f"Forbidden: {words.capitalize()} of old")) == f"Telegram refuses it: {words}"


def test_a_refusal_that_may_quote_the_post_is_told_by_its_kind() -> None:
    assert refusal(BadRequest('unexpected "Disk full on db1"')) == "Telegram refuses it: BadRequest"
