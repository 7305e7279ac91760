"""What MSMPUSHER's answers mean: the status table and the reading of its replies. Pure.

Source: https://api.msmpusher.net's page (statuses 1000 to 1010, two printed replies, one of them not JSON).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bridge.domain.outcome import Accepted, GatewayWords, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.gateways.printed import Fields, read_fields
from bridge.gateways.words import Fit


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What a status says of each number of the call.

    `said`: the reply names nobody. If `Receiver_numbers` names some of ours: `listed` for those, `left_out` for the
    others. `all_listed`: it names every one of a list.
    """

    said: Outcome
    listed: Outcome
    left_out: Outcome
    all_listed: Outcome


_ACCEPTED = Accepted()
_SCHEDULED = Accepted(reason=Reason.SCHEDULED, scheduled=True)
_NOT_LISTED = Unknown(reason=Reason.NOT_LISTED)
_UNREADABLE = Unknown(reason=Reason.UNREADABLE)


def _took(outcome: Accepted) -> Row:
    return Row(said=outcome, listed=outcome, left_out=_NOT_LISTED, all_listed=outcome)


def _refused(outcome: Rejected | NotSent) -> Row:
    """Nothing was sent, unless the reply names only some: nobody knows what that would mean for those."""
    return Row(said=outcome, listed=_UNREADABLE, left_out=outcome, all_listed=outcome)


_NO_BALANCE = NotSent(reason=Reason.NO_BALANCE, out_of_service=True)
_BAD_NUMBER = Rejected(reason=Reason.BAD_NUMBER)

# The page's status codes, and what each is worth. 1001 that names everybody, and 1005 that names everybody of a list,
# contradict themselves (the reply may echo the request): then nobody knows.
STATUSES: Mapping[int, Row] = {
    1000: _took(_ACCEPTED),
    1001: Row(said=_NOT_LISTED, listed=_ACCEPTED, left_out=_NO_BALANCE, all_listed=_NOT_LISTED),
    1002: _refused(Rejected(reason=Reason.MISSING_PARAMETERS)),
    1003: _refused(_NO_BALANCE),
    1004: _refused(NotSent(reason=Reason.BAD_KEY, out_of_service=True)),
    1005: Row(said=_BAD_NUMBER, listed=_ACCEPTED, left_out=_BAD_NUMBER, all_listed=_UNREADABLE),
    1006: _refused(NotSent(reason=Reason.BAD_SENDER, out_of_service=True)),
    1007: _took(_SCHEDULED),
    1008: _refused(Rejected(reason=Reason.EMPTY_TEXT)),
    1009: _refused(NotSent(reason=Reason.GATEWAY_FAILED)),
}
# 1010 belongs to a report call, and other numbers are not on the page
_NOT_ON_THE_PAGE = Row(said=_UNREADABLE, listed=_UNREADABLE, left_out=_UNREADABLE, all_listed=_UNREADABLE)

TYPES: Mapping[str, int] = {"invalid_phone_number": 1005}  # where there is no status; the page prints this one only
CONTRADICTION = -1  # two statuses in one reply


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """`Receiver_numbers`, digits only. `whole`: every item of it was a number."""

    numbers: frozenset[str]
    whole: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a body says. `status` None: nothing. `listed` None: it names nobody."""

    status: int | None
    listed: Listed | None
    words: GatewayWords


# reading


def read_reply(body: bytes, *, http_status: int, fit: Fit) -> Reply:
    """Any bytes give a reply; what cannot be understood has no status."""
    fields = read_fields(body)
    if fields is None:
        return Reply(status=None, listed=None, words=GatewayWords(http_status=http_status))
    status = _status(fields)
    codes = fields.all("status") + fields.all("code")
    words = GatewayWords(
        code=str(status) if status is not None and status > 0 else fit(codes),
        type=fit(fields.all("type")),
        error=fit(fields.all("error")),
        detail=fit(fields.all("detail")),
        sms_id=fit(fields.all("sms_id")),
        http_status=http_status,
    )
    return Reply(status=status, listed=_listed(fields.all("receiver_numbers")), words=words)


def _status(fields: Fields) -> int | None:
    """`status` or `code`, a number or a string of digits. From 1000 upward it is the gateway's own, below HTTP's."""
    found = {_int(value) for value in fields.all("status") + fields.all("code")}
    own = {number for number in found if number is not None and number >= 1000}
    if not own:
        own = {TYPES[kind] for value in fields.all("type") if (kind := str(value).strip().lower()) in TYPES}
    if len(own) > 1:
        return CONTRADICTION
    return own.pop() if own else None


def _int(value: object) -> int | None:
    if isinstance(value, int | str) and re.fullmatch(r"\s*[0-9]{1,9}\s*", str(value)):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() and 0 <= value < 1e9 else None


def _listed(values: Sequence[object]) -> Listed | None:
    """A comma or semicolon separated string, a JSON list, or one bare number; each with or without `+` or `00`."""
    items: list[str] = []
    for value in values:
        parts = value if isinstance(value, list) else [value]
        items += [item for part in parts for item in re.split(r"[,;\n]", str(part)) if item.strip()]
    found = [re.fullmatch(r"(?:\+|00)?([1-9][0-9]{6,14})", re.sub(r"[\s()-]", "", item)) for item in items]
    numbers = frozenset(match[1] for match in found if match)
    return Listed(numbers=numbers, whole=all(found)) if numbers else None


def outcomes_of(reply: Reply, numbers: Sequence[str], *, wait_s: float | None = None) -> dict[str, Outcome]:
    """What a reply with a status says of each of `numbers` (E.164 with `+`). `wait_s`: its `Retry-After`.

    A reply that names only strangers is somebody else's: an answer that was left over, say. It settles nothing.
    """
    row = STATUSES.get(reply.status or 0, _NOT_ON_THE_PAGE)
    named = reply.listed.numbers if reply.listed else frozenset()
    ours = {number for number in numbers if number.removeprefix("+") in named}
    if not named:
        found = dict.fromkeys(numbers, row.said)
    elif not ours:
        found = dict.fromkeys(numbers, _NOT_LISTED)
    elif len(ours) == len(numbers):
        found = dict.fromkeys(numbers, row.all_listed if len(numbers) > 1 else row.said)
    else:
        # an item that is no number of ours may be one of ours in another form
        certain = reply.listed is not None and reply.listed.whole and len(ours) == len(named)
        left_out = row.left_out if certain else _NOT_LISTED
        found = {number: row.listed if number in ours else left_out for number in numbers}
    return {number: _complete(outcome, reply.words, wait_s, len(numbers)) for number, outcome in found.items()}


def _complete(outcome: Outcome, words: GatewayWords, wait_s: float | None, count: int) -> Outcome:
    if isinstance(outcome, NotSent):
        return replace(outcome, retry_after_s=wait_s, words=words)
    if isinstance(outcome, Rejected) and outcome.reason is Reason.BAD_NUMBER:
        return replace(outcome, split=count > 1, words=words)
    return replace(outcome, words=words)


def is_foreign(reply: Reply, numbers: Sequence[str]) -> bool:
    """Whether it names strangers only."""
    return reply.listed is not None and reply.listed.numbers.isdisjoint(number.removeprefix("+") for number in numbers)
