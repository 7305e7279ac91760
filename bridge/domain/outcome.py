"""What came of one gateway call for one number: certain or not is a type.

    Outcome
    ├── Accepted   the gateway took it (or took it for later): certain
    ├── Rejected   certainly not sent, and no retry can help
    ├── NotSent    certainly not sent, and may be tried again (here later, or at another gateway)
    └── Unknown    the phone may have buzzed: only a person may decide to send again

Nobody behind the gateways looks at exceptions or HTTP status codes again.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Reason(StrEnum):
    """Why an outcome is what it is. The words for people stand in `domain.wording`."""

    OK = "ok"
    SCHEDULED = "scheduled"
    # the number or the text
    BAD_NUMBER = "bad_number"  # 1005
    EMPTY_TEXT = "empty_text"  # 1008
    REFUSED = "refused"  # for a cause that has no word here: opted out, too long, a word it does not like
    # our request or configuration
    MISSING_PARAMETERS = "missing_parameters"  # 1002
    NO_BALANCE = "no_balance"  # 1003, and those left out by 1001
    BAD_KEY = "bad_key"  # 1004
    BAD_SENDER = "bad_sender"  # 1006
    ACCOUNT = "account"  # suspended, in test mode, or what else keeps it from serving us
    WRONG_ADDRESS = "wrong_address"  # a redirect, or 4xx without a status: not the API we expect
    # nobody was asked
    NO_NUMBER = "no_number"  # of a page: its person has left the on-call file, or has no phone there any more
    # the gateway, for now
    GATEWAY_FAILED = "gateway_failed"  # 1009
    BUSY = "busy"  # 429, or an early 503
    UNREACHABLE = "unreachable"  # refused, DNS, no connection in time
    BAD_TLS = "bad_tls"  # the certificate is not one to trust
    # nobody can say
    NO_ANSWER = "no_answer"  # the request went out, the answer did not come in time
    CUT = "cut"  # the connection broke after the request went out
    UNREADABLE = "unreadable"  # an answer without a status that we know
    TOO_LARGE = "too_large"  # an answer larger than we read
    SERVER_ERROR = "server_error"  # 5xx, 408 or 425 without a status
    NOT_LISTED = "not_listed"  # 1000 or 1001 without this number in its list
    REPEATED_ID = "repeated_id"  # an sms_id that belongs to another call
    INTERRUPTED = "interrupted"  # bridge stopped in the middle of the call


def reason_of(word: str) -> Reason:
    """As the database keeps it. A word of a newer version, or of nobody's, is one that cannot be read."""
    return Reason(word) if word in set(Reason) else Reason.UNREADABLE


WORDS_LIMIT = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class GatewayWords:
    """The gateway's own words, as they came, each cut to 200 characters; empty where it said nothing."""

    code: str = ""  # its status, such as "1005"
    type: str = ""
    error: str = ""
    detail: str = ""
    sms_id: str = ""
    http_status: int | None = None
    balance: float | None = None  # what is left of its credits, where it says so


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """The gateway took it. `scheduled`: it said that it sends later (1007)."""

    reason: Reason = Reason.OK
    scheduled: bool = False
    words: GatewayWords = field(default_factory=GatewayWords)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """Certainly not sent; no retry can help.

    `split`: the gateway refused a *list* for one of its numbers, without saying which: send in halves.
    """

    reason: Reason
    split: bool = False
    words: GatewayWords = field(default_factory=GatewayWords)


@dataclass(frozen=True, kw_only=True, slots=True)
class NotSent:
    """Certainly not sent; may be tried again.

    `retry_after_s`: not before, where the gateway said so. `out_of_service`: trying this gateway again is of no use
    until a person mends it (balance, key, sender, address).
    """

    reason: Reason
    retry_after_s: float | None = None
    out_of_service: bool = False
    words: GatewayWords = field(default_factory=GatewayWords)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """May have been sent: never tried again without saying so."""

    reason: Reason
    words: GatewayWords = field(default_factory=GatewayWords)


Outcome = Accepted | Rejected | NotSent | Unknown
