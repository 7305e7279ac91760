"""What a single value may be: kinds that several settings share, and what works of them and is not safe."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator

PREFIX = "BRIDGE_"

LOOPBACK = ("127.0.0.1", "::1", "localhost")

SHOWN_MOST = 12
"""Characters of a wrong value that an error quotes: no key and no token is so short."""


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


@dataclass(frozen=True, kw_only=True, slots=True)
class Caution:
    """Stands in a field's annotation: what to say, under the name `event`, of a value for which `holds` is true.

    `words` follow the name of the variable.
    """

    holds: Callable[[Any], bool]
    event: str
    words: str


def in_the_clear(url: str) -> bool:
    """Whether what goes to this address can be read on its way."""
    target = urlsplit(url)
    return target.scheme == "http" and target.hostname not in LOOPBACK


IN_THE_CLEAR = Caution(
    holds=in_the_clear, event="settings.in_the_clear", words="is http: keys and texts travel in the clear"
)


def parts(value: object) -> object:
    """What stands between commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def lower(value: object) -> object:
    """However it was written."""
    return value.lower() if isinstance(value, str) else value


def quoted(value: str) -> str:
    """A short value, to be found by; nothing of one that may be a secret in the wrong place."""
    return f"{value!r} " if len(value) <= SHOWN_MOST else ""


def of_length(least: int, most: int) -> AfterValidator:
    """Text of so many characters."""

    def check(value: str) -> str:
        if not least <= len(value) <= most:
            raise ValueError(f"must have {least} to {most} characters, this has {len(value)}")
        return value

    return AfterValidator(check)


def exact_url(value: str) -> str:
    """As it is: `/send/` and `/send` may be two addresses."""
    wrong = "must be an address such as https://example.org"
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s]*", value):
        raise ValueError(wrong)
    try:
        # As the clients read it; and as we do for the host's name.
        usable = httpx.URL(value).host and urlsplit(value).hostname and urlsplit(value).port != 0
    except (httpx.InvalidURL, ValueError):
        raise ValueError(wrong) from None
    if not usable:
        raise ValueError(wrong)
    return value


def http_url(value: str) -> str:
    """An address to which a path is appended."""
    return exact_url(value).rstrip("/")


Url = Annotated[str, AfterValidator(http_url)]
ExactUrl = Annotated[str, AfterValidator(exact_url)]
