"""What a message waits for, and what was decided about it: as the database keeps it and people read it. Pure."""

from enum import StrEnum


class Hold(StrEnum):
    """Why a message is held back."""

    NOT = ""
    ASK = "ask"  # a person is asked before it goes out
    STALE = "stale"  # it waited while bridge was away: a person is asked
    PAUSED = "paused"  # until /resume

    @property
    def asks(self) -> bool:
        """Whether a person's answer is waited for."""
        return self in (Hold.ASK, Hold.STALE)


class Decision(StrEnum):
    """How a decision begins; the name of whoever decided follows, where somebody did."""

    CONFIRMED = "confirmed by"
    CANCELLED = "cancelled by"
    NOT_CONFIRMED = "cancelled: nobody confirmed within 15 minutes"
    SENT_AGAIN = "sent again by"
    LEFT = "left as it is by"
    RESUMED = "resumed by"

    def by(self, name: str) -> str:
        """The decision of this person."""
        return f"{self.value} {name}"


def kind_of(decision: str) -> Decision | None:
    """Which one it is; None where nothing was decided."""
    return next((one for one in Decision if decision.startswith(one.value)), None)


TO_BE_SENT = (Decision.CONFIRMED, Decision.CANCELLED, Decision.NOT_CONFIRMED)
"""What answers the buttons Send now and Cancel."""
MAYBE_SENT = (Decision.SENT_AGAIN, Decision.LEFT, Decision.CANCELLED)
"""What answers the buttons Send again and Leave it."""
