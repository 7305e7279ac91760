"""What happened, in words for people. The one place for them, whichever door they leave by."""

from bridge.domain.balance import Level
from bridge.domain.delivery import State
from bridge.domain.outcome import Reason, reason_of

REASONS: dict[Reason, str] = {
    Reason.OK: "",
    Reason.SCHEDULED: "the gateway sends it later",
    Reason.BAD_NUMBER: "the gateway says that this is no valid phone number",
    Reason.EMPTY_TEXT: "the gateway says that the text is empty",
    Reason.REFUSED: "the gateway refuses this message",
    Reason.MISSING_PARAMETERS: "the gateway misses a parameter: our fault, tell an admin",
    Reason.NO_BALANCE: "the gateway's balance is used up",
    Reason.BAD_KEY: "the gateway does not accept our keys",
    Reason.BAD_SENDER: "the gateway does not accept our sender name",
    Reason.ACCOUNT: "the gateway does not serve our account",
    Reason.WRONG_ADDRESS: "what answers there is not the gateway: wrong address or account",
    Reason.NO_NUMBER: "could not be attempted, as the on-call file has no phone for them any more",
    Reason.GATEWAY_FAILED: "the gateway could not send it",
    Reason.BUSY: "the gateway is busy",
    Reason.UNREACHABLE: "the gateway cannot be reached",
    Reason.BAD_TLS: "the gateway's certificate is not to be trusted",
    Reason.NO_ANSWER: "the gateway got it and did not answer in time",
    Reason.CUT: "the connection broke after the gateway got it",
    Reason.UNREADABLE: "the gateway's answer makes no sense",
    Reason.TOO_LARGE: "the gateway's answer is larger than any answer should be",
    Reason.SERVER_ERROR: "the gateway met an error of its own after it got it",
    Reason.NOT_LISTED: "the gateway does not say whether this number was among those sent",
    Reason.REPEATED_ID: "the gateway answered with the id of another message",
    Reason.INTERRUPTED: "bridge was stopped in the middle of the call",
}

ICONS: dict[State, str] = {
    State.HELD: "🕒",
    State.QUEUED: "🕒",
    State.SENDING: "🕒",
    State.ACCEPTED: "✅",
    State.SCHEDULED: "✅",
    State.REJECTED: "❌",
    State.FAILED: "❌",
    State.UNKNOWN: "❓",
    State.CANCELLED: "🚫",
}

ALARMS: dict[Reason, str] = {
    Reason.MISSING_PARAMETERS: "it misses a parameter. Please report this as a bug.",
    Reason.NO_BALANCE: "its balance is used up. Top it up; what it refuses until then it does not send.",
    Reason.BAD_KEY: "it does not accept our keys. Check its keys in the settings.",
    Reason.BAD_SENDER: "it does not accept our sender. Check its sender in the settings.",
    Reason.WRONG_ADDRESS: "what answers there is not the gateway. Check its address in the settings.",
    Reason.ACCOUNT: "it does not serve our account. /history shows its own words.",
}
"""What an admin must mend: nothing of it passes by itself."""

ALL_CLEAR = "works again: it accepted a message."
REFUSED_BEFORE = (
    " What could not be sent meanwhile is not sent by itself: /history shows it, and /resend with its number sends it."
)

# {left}, {mark}: amounts in the gateway's own units. {setting}: where the mark stands.
BALANCES: dict[Level, str] = {
    Level.ENOUGH: "✅ Gateway {gateway}: its balance is above the mark again, {left} is left (the mark: {mark}).",
    Level.LOW: (
        "⚠️ Gateway {gateway}: its balance is low, {left} is left. Top it up: without a balance it sends nothing. "
        "This is said at {mark} ({setting}), and once more at a tenth of that."
    ),
    Level.ALMOST_GONE: (
        "⚠️ Gateway {gateway}: its balance is almost gone, {left} is left. Top it up now: without a balance it sends "
        "nothing. This is less than a tenth of {mark} ({setting})."
    ),
}
"""What admins hear of a gateway's balance."""


def reason(code: str) -> str:
    """The words for a reason as the database keeps it; empty for none."""
    return REASONS[reason_of(code)] if code else ""


def age(seconds: float) -> str:
    """`7 minutes`; below one in seconds, from two hours on in hours."""
    minutes = int(seconds) // 60
    if not minutes:
        return count(int(seconds), "second")
    return count(minutes, "minute") if minutes < 120 else count(minutes // 60, "hour")


def count(number: int, one: str, many: str = "") -> str:
    """`1 recipient`, `2 recipients`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
