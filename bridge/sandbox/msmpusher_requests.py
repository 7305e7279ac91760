"""What stands in a request to MSMPUSHER, read as strictly as its page: nothing is guessed, nothing is forgiven."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from bridge.sandbox.gateway_http import RawRequest

PARAMETERS = frozenset({"privatekey", "publickey", "sender", "numbers", "message"})
LONGEST_SENDER = 11


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """An SMS as a request asks for it, numbers with `+`. All empty where a parameter is missing or cannot be read.

    `refused`: the status code of the first rule of the page that the request breaks; None where it keeps them all.
    """

    numbers: tuple[str, ...] = ()
    text: str = ""
    sender: str = ""
    refused: int | None = None


def submission(request: RawRequest, query: str, *, private_key: str, public_key: str) -> Submission:
    """`query`: what follows the `?` of the request's target. The keys are the account's."""
    found = _parameters(request, query)
    if found is None or PARAMETERS - found.keys():
        return Submission(refused=1002)
    items = found["numbers"].split(",")
    return Submission(
        numbers=tuple("+" + item for item in items),
        text=found["message"],
        sender=found["sender"],
        refused=_broken_rule(found, items, keys=(private_key, public_key)),
    )


def _broken_rule(found: Mapping[str, str], items: Sequence[str], *, keys: tuple[str, str]) -> int | None:
    if (found["privatekey"], found["publickey"]) != keys:
        return 1004
    if not 1 <= len(found["sender"]) <= LONGEST_SENDER:
        return 1006
    if not found["message"].strip():
        return 1008
    if not all(_is_number(item) for item in items):
        return 1005
    return None


def _parameters(request: RawRequest, query: str) -> dict[str, str] | None:
    """None where they cannot be read, or one of them comes twice."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if request.method == "GET":
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
        elif kind == "application/json":
            pairs = json.loads(request.body.decode("utf-8"), object_pairs_hook=tuple)
            if not isinstance(pairs, tuple):
                return None
        elif kind == "application/x-www-form-urlencoded":
            body = request.body.decode("ascii")
            pairs = parse_qsl(body, keep_blank_values=True, strict_parsing=True, errors="strict")
        else:
            return None
        found = dict(pairs)
    except (ValueError, TypeError):
        return None
    if len(found) != len(pairs) or not all(isinstance(value, str) for value in found.values()):
        return None
    return found


def _is_number(item: str) -> bool:
    """Country code first, no `+`, no `00`: as the page says."""
    return item.isascii() and item.isdigit() and 7 <= len(item) <= 15 and not item.startswith("0")
