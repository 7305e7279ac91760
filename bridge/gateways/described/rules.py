"""What an answer means by the rules that describe a gateway. Pure: any answer gives each number an outcome or nothing.

The first rule that holds counts. Values are compared as text, so `0`, `"0"` and `0.0` are one. Where an answer says a
thing twice in different ways, no rule about it holds: a contradiction settles nothing.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bridge.domain.outcome import Accepted, GatewayWords, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.gateways.printed import Fields, decoded
from bridge.gateways.words import Fit
from bridge.toml.patterns import fits

OUTCOMES: Mapping[str, Outcome] = {
    "accepted": Accepted(),
    "scheduled": Accepted(reason=Reason.SCHEDULED, scheduled=True),
    "rejected": Rejected(reason=Reason.REFUSED),
    "not_sent": NotSent(reason=Reason.GATEWAY_FAILED),
    "out_of_service": NotSent(reason=Reason.ACCOUNT, out_of_service=True),
    "unknown": Unknown(reason=Reason.UNREADABLE),
}
"""What a rule may say."""

REASONS: Mapping[str, Sequence[Reason]] = {
    "rejected": (Reason.REFUSED, Reason.BAD_NUMBER, Reason.EMPTY_TEXT, Reason.MISSING_PARAMETERS),
    "not_sent": (Reason.GATEWAY_FAILED, Reason.BUSY),
    "out_of_service": (Reason.ACCOUNT, Reason.NO_BALANCE, Reason.BAD_KEY, Reason.BAD_SENDER, Reason.WRONG_ADDRESS),
}
"""And why; the first one where it does not say."""

OF_A_LIST = frozenset({Reason.BAD_NUMBER, Reason.REFUSED})
"""Reasons for which one number may have spoilt a list."""

Path = tuple[str, ...]
"""Of a value in JSON: names, positions from 0, or `*` for every element or field."""

Expected = frozenset[str] | re.Pattern[str]
"""One of these texts, or what fits a pattern as a whole."""

_UNREADABLE = Unknown(reason=Reason.UNREADABLE)
_NOT_LISTED = Unknown(reason=Reason.NOT_LISTED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """All that is given must hold. `path` without `values`: there is something. `text`: of the whole body."""

    statuses: frozenset[int] = frozenset()
    path: Path | None = None
    values: tuple[Expected, ...] = ()
    text: tuple[Expected, ...] = ()
    outcome: Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """Where the gateway's own words stand, for people to read."""

    id: Path | None = None
    code: Path | None = None
    error: Path | None = None
    detail: Path | None = None
    balance: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Each:
    """Where the answer tells of each number: a list at `path`, of things with a number and what came of it."""

    path: Path
    number: Path
    shown: Shown
    rules: tuple[Rule, ...]
    left_out: Outcome = _NOT_LISTED


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """An answer, or an element of one, as rules look at it. `json`: None where it is none."""

    status: int
    json: object = None
    text: str = ""


def see(body: bytes, status: int) -> Seen:
    """Any bytes can be looked at."""
    text = decoded(body).strip()
    try:
        found = json.loads(text, object_pairs_hook=Fields)
    except (ValueError, RecursionError):
        found = None
    return Seen(status=status, json=found, text=text)


def values_at(thing: object, path: Path) -> list[object]:
    """Every value there, but null. An object that has a name twice has two values there."""
    found = [thing]
    for step in path:
        found = [value for one in found for value in _inside(one, step)]
    return [value for value in found if value is not None]


def _inside(thing: object, step: str) -> list[object]:
    if isinstance(thing, Fields):
        return [value for key, value in thing if step in ("*", key)]
    if isinstance(thing, list):
        if step == "*":
            return thing
        return thing[int(step) : int(step) + 1] if step.isascii() and step.isdecimal() and len(step) < 6 else []
    return []


def as_text(value: object) -> str | None:
    """As it is compared; None for what is no single value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() if isinstance(value, str | int | float) else None


def judge(rules: Sequence[Rule], seen: Seen) -> Outcome | None:
    """What the first rule says that holds; None where none does."""
    return next((rule.outcome for rule in rules if _holds(rule, seen)), None)


def _holds(rule: Rule, seen: Seen) -> bool:
    if rule.statuses and seen.status not in rule.statuses:
        return False
    if rule.text and not _is_one_of(seen.text, rule.text):
        return False
    if rule.path is None:
        return True
    found = [as_text(value) for value in values_at(seen.json, rule.path)]
    if not rule.values:
        return bool(found)
    return bool(found) and all(one is not None and _is_one_of(one, rule.values) for one in found)


def _is_one_of(value: str, expected: Sequence[Expected]) -> bool:
    return any(fits(one, value) if isinstance(one, re.Pattern) else value in one for one in expected)


def words_of(seen: Seen, shown: Shown, fit: Fit, *, http_status: int) -> GatewayWords:
    """The gateway's own words."""

    def at(path: Path | None) -> str:
        found = values_at(seen.json, path) if path is not None else []
        return fit(found[0] if len(found) == 1 else found)

    balance = at(shown.balance)
    return GatewayWords(
        code=at(shown.code),
        error=at(shown.error),
        detail=at(shown.detail),
        sms_id=at(shown.id),
        http_status=http_status,
        balance=float(balance) if re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,12})?", balance) else None,
    )


def of_all(outcome: Outcome, words: GatewayWords, numbers: Sequence[str], wait_s: float | None) -> dict[str, Outcome]:
    """The same for each number. A list that was refused for its numbers is to be split."""
    if isinstance(outcome, Rejected) and outcome.reason in OF_A_LIST:
        outcome = replace(outcome, split=len(numbers) > 1)
    return dict.fromkeys(numbers, _complete(outcome, words, wait_s))


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """An element of the list: `number` in digits, empty where there is none that can be read."""

    number: str
    outcome: Outcome


def listed(seen: Seen, each: Each, words: GatewayWords, fit: Fit, wait_s: float | None) -> list[Listed]:
    """The elements of the answer's list; none where it has none."""
    found = []
    for value in values_at(seen.json, each.path):
        for one in value if isinstance(value, list) else [value]:
            part = Seen(status=seen.status, json=one)
            own = words_of(part, each.shown, fit, http_status=seen.status)
            merged = GatewayWords(
                code=own.code or words.code,
                error=own.error or words.error,
                detail=own.detail or words.detail,
                sms_id=own.sms_id or words.sms_id,
                http_status=seen.status,
                balance=words.balance if own.balance is None else own.balance,
            )
            outcome = judge(each.rules, part) or _UNREADABLE
            found.append(Listed(number=_digits(one, each.number), outcome=_complete(outcome, merged, wait_s)))
    return found


def of_each(found: Sequence[Listed], each: Each, words: GatewayWords, numbers: Sequence[str]) -> dict[str, Outcome]:
    """Each number by what the list says of it. Whom it leaves out is certain only where all the rest of it is ours."""
    ours = {number.removeprefix("+"): number for number in numbers}
    certain = all(one.number in ours for one in found)
    left_out = replace(each.left_out if certain else _NOT_LISTED, words=words)
    return {
        number: _agreed([one.outcome for one in found if one.number == digits]) or left_out
        for digits, number in ours.items()
    }


def _agreed(outcomes: Sequence[Outcome]) -> Outcome | None:
    """Of several about one number (the parts of a long text, say); None of none. They must say the same."""
    kinds = {(type(one), one.reason) for one in outcomes}
    if len(kinds) > 1:
        return replace(_UNREADABLE, words=outcomes[0].words)
    return outcomes[0] if outcomes else None


def _digits(thing: object, path: Path) -> str:
    texts = [as_text(value) for value in values_at(thing, path)]
    match = re.fullmatch(r"(?:\+|00)?([1-9][0-9]{6,14})", texts[0] or "") if len(texts) == 1 else None
    return match[1] if match else ""


def _complete(outcome: Outcome, words: GatewayWords, wait_s: float | None) -> Outcome:
    if isinstance(outcome, NotSent):
        return replace(outcome, retry_after_s=wait_s, words=words)
    return replace(outcome, words=words)
