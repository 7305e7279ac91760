"""What Textlocal's answers mean: the table of its codes and the reading of its replies. Pure.

Sources: https://api.txtlocal.com/docs/sendsms (the shape, 3 to 51), public clients of api.textlocal.in (191, 192).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bridge.domain.outcome import Accepted, GatewayWords, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.gateways.printed import Fields, read_fields
from bridge.gateways.words import Fit

SUCCESS, FAILURE = "success", "failure"

CODES: Mapping[int, Rejected | NotSent] = {
    3: NotSent(reason=Reason.BAD_KEY, out_of_service=True),
    7: NotSent(reason=Reason.NO_BALANCE, out_of_service=True),
    43: NotSent(reason=Reason.BAD_SENDER, out_of_service=True),
    44: NotSent(reason=Reason.BAD_SENDER, out_of_service=True),
    191: NotSent(reason=Reason.GATEWAY_FAILED),  # not at this time of day
    192: NotSent(reason=Reason.GATEWAY_FAILED),
    32: Rejected(reason=Reason.BAD_NUMBER),
    51: Rejected(reason=Reason.BAD_NUMBER),
    33: Rejected(reason=Reason.REFUSED),  # too many numbers
    6: Rejected(reason=Reason.REFUSED),  # too long
    5: Rejected(reason=Reason.EMPTY_TEXT),
    4: Rejected(reason=Reason.MISSING_PARAMETERS),
}
"""Of a failure, by which nothing was sent. Of several the first one counts that stands here."""

OF_A_LIST = frozenset({32, 33, 51})
"""Codes that a shorter list may not meet."""

_UNREADABLE = Unknown(reason=Reason.UNREADABLE)
_NOT_LISTED = Unknown(reason=Reason.NOT_LISTED)
_TEST_MODE = NotSent(reason=Reason.ACCOUNT, out_of_service=True)
_LEFT_OUT = Rejected(reason=Reason.BAD_NUMBER)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a body says. `status` None: nothing that counts.

    `codes`: of its errors, None for one that is no number. `listed`: id by number (digits) of those that were taken;
    None where there is no list. `strange`: the list holds what cannot be read. `batch_id`: its name for this call.
    """

    status: str | None
    codes: tuple[int | None, ...] = ()
    listed: Mapping[str, str] | None = None
    strange: bool = False
    warned: bool = False
    test: bool = False
    batch_id: str = ""
    words: GatewayWords


def read_reply(body: bytes, *, http_status: int, fit: Fit) -> Reply:
    """Any bytes give a reply."""
    fields = read_fields(body)
    if fields is None:
        return Reply(status=None, words=GatewayWords(http_status=http_status))
    said = {str(value).strip().lower() for value in fields.all("status")}
    errors, warnings, messages = (_entries(fields.all(name)) for name in ("errors", "warnings", "messages"))
    listed = [(_number(one), fit(one.all("id"))) for one in messages or () if isinstance(one, Fields)]
    codes = tuple(_int(one.all("code")) if isinstance(one, Fields) else None for one in errors or ())
    batch_id = fit(fields.all("batch_id"))
    words = GatewayWords(
        code=",".join(str(code) for code in codes if code is not None),
        type=fit(sorted(said)),
        error=fit(_sentences(errors)),
        detail=fit(_sentences(warnings)),
        sms_id=batch_id,
        http_status=http_status,
        balance=_balance(fields.all("balance"), fit),
    )
    return Reply(
        status=said.pop() if len(said) == 1 and said <= {SUCCESS, FAILURE} else None,
        codes=codes,
        listed=None if messages is None else {number: sms_id for number, sms_id in listed if number},
        strange=len([number for number, _ in listed if number]) != len(messages or ()),
        warned=bool(warnings),
        test=True in fields.all("test_mode"),
        batch_id=batch_id,
        words=words,
    )


def _entries(values: Sequence[object]) -> list[object] | None:
    """The elements of a list; None where there is none. What is no list stands for itself."""
    return [one for value in values for one in (value if isinstance(value, list) else [value])] if values else None


def _sentences(entries: Sequence[object] | None) -> list[object]:
    return [one.all("message") if isinstance(one, Fields) else one for one in entries or ()]


def _number(entry: Fields) -> str:
    """A recipient's digits; a number or a string, with `+` or without; empty where it is none."""
    found = [re.fullmatch(r"\+?([1-9][0-9]{6,14})", str(value).strip()) for value in entry.all("recipient")]
    return found[0][1] if len(found) == 1 and found[0] else ""


def _int(values: Sequence[object]) -> int | None:
    if len(values) == 1 and not isinstance(values[0], bool) and re.fullmatch(r"\s*[0-9]{1,6}\s*", str(values[0])):
        return int(str(values[0]))
    return None


def _balance(values: Sequence[object], fit: Fit) -> float | None:
    """Credits that are left. People read it: a key of digits that stands in its place is none."""
    words = fit(str(values[0])) if len(values) == 1 else ""
    return float(words) if re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,6})?", words) else None


def outcomes_of(reply: Reply, numbers: Sequence[str], *, wait_s: float | None = None) -> dict[str, Outcome]:
    """What a reply says of each of `numbers` (E.164 with `+`). `wait_s`: its `Retry-After`."""
    if reply.status == FAILURE:
        outcome = _failure(reply, len(numbers))
        if isinstance(outcome, NotSent):
            outcome = replace(outcome, retry_after_s=wait_s)
        return dict.fromkeys(numbers, replace(outcome, words=reply.words))
    found = _taken(reply, numbers)
    ids = reply.listed or {}
    return {
        number: replace(
            outcome, words=replace(reply.words, sms_id=ids.get(number.removeprefix("+"), "") or reply.words.sms_id)
        )
        for number, outcome in found.items()
    }


def _failure(reply: Reply, count: int) -> Outcome:
    """The same for each number. A code that is not in the table may mean anything; a list of what was taken, too."""
    if not reply.codes or reply.listed or not set(reply.codes) <= CODES.keys():
        return _UNREADABLE
    code = next(code for code in CODES if code in reply.codes)
    outcome = CODES[code]
    return replace(outcome, split=count > 1) if isinstance(outcome, Rejected) and code in OF_A_LIST else outcome


def _taken(reply: Reply, numbers: Sequence[str]) -> dict[str, Outcome]:
    """Of a success. Whom it leaves out of its list it did not take, as long as the rest of the list is ours."""
    if reply.status != SUCCESS or reply.codes:
        return dict.fromkeys(numbers, _UNREADABLE)
    if reply.test:
        return dict.fromkeys(numbers, _TEST_MODE)
    if reply.listed is None:  # a warning may be about any of them
        return dict.fromkeys(numbers, Accepted() if len(numbers) == 1 and not reply.warned else _NOT_LISTED)
    ours = {number for number in numbers if number.removeprefix("+") in reply.listed}
    certain = ours and not reply.strange and len(ours) == len(reply.listed)
    left_out = _LEFT_OUT if certain else _NOT_LISTED
    return {number: Accepted() if number in ours else left_out for number in numbers}


def is_foreign(reply: Reply, numbers: Sequence[str]) -> bool:
    """Whether it names strangers only."""
    return bool(reply.listed) and not any(number.removeprefix("+") in (reply.listed or ()) for number in numbers)
