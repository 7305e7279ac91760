"""A gateway's own words, made fit to be stored and shown: one line, 200 characters, none of our keys."""

import html
import json
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus

from bridge.domain.outcome import WORDS_LIMIT
from bridge.gateways.printed import Fields

HIDDEN = "[key]"

Fit = Callable[[object], str]


def words_without(secrets: Iterable[str]) -> Fit:
    """A function that makes any value of a reply into words, with `secrets` hidden however they were written.

    A gateway may echo the request, or the address of a `get`: keys come back plain, URL-encoded or escaped.
    """
    forms = {form for secret in secrets if secret for form in _written(secret)}
    pattern = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))) or r"(?!)", re.IGNORECASE)

    def fit(value: object) -> str:
        line = " ".join("".join(ch if ch.isprintable() else " " for ch in _text(value)).split())
        return pattern.sub(HIDDEN, line)[:WORDS_LIMIT]  # hidden before cut: half a key is a key too

    return fit


def _written(secret: str) -> set[str]:
    return {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        quote(secret),
        html.escape(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
    }


def _text(value: object, depth: int = 4) -> str:
    """Errors come as a sentence, or as objects and lists of sentences; deeper ones are left out."""
    if value is None or not depth:
        return ""
    if isinstance(value, Fields):
        return "; ".join(f"{key}: {_text(inner, depth - 1)}" for key, inner in value)
    if isinstance(value, list):
        return ", ".join(_text(inner, depth - 1) for inner in value)
    return str(value)
