"""Of cards that wait for a decision (`unknown` and `asking` of conftest.py)."""

from bridge.sandbox.telegram_state import Message

KWAME = "+233241109433"
YAA = "+233551234567"


def labels(card: Message) -> list[str]:
    """Of its buttons."""
    return [button.text for button in card.buttons]
