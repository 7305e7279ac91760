"""What an ack link ends in: nobody guesses it, it is the same each time, and no phone cuts it short."""

from datetime import UTC, datetime, timedelta, timezone

from bridge.app.alert_desk import ack_tokens
from bridge.settings import Settings

AT = datetime(2026, 3, 1, 3, 0, 0, 123456, tzinfo=UTC)


def make(token: str):  # type: ignore[no-untyped-def]
    return ack_tokens(Settings(telegram_token=token, allowed_users="1"))  # type: ignore[arg-type]


def test_the_same_page_has_the_same_token_in_whatever_time_zone_its_time_is_told() -> None:
    one = make("1:a")
    assert one(7, AT) == one(7, AT.astimezone(timezone(timedelta(hours=2))))


def test_another_page_another_time_and_another_bot_have_other_tokens() -> None:
    one, other = make("1:a"), make("1:b")
    # Page 7 of a database that was begun anew is another one: the link of the old page must not open it.
    assert len({one(7, AT), one(8, AT), one(7, AT + timedelta(microseconds=1)), other(7, AT)}) == 4


def test_it_is_letters_and_digits_only_for_phones_leave_a_dash_at_the_end_out_of_the_link() -> None:
    tokens = [make("1:a")(number, AT) for number in range(500)]
    assert all(token.isalnum() and token == token.lower() and len(token) == 16 for token in tokens)
