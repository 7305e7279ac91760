"""Addresses that settings hold: each gives the value as it is used, or raises ValueError with what it must be. Pure."""

import re
from typing import Annotated
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator

from bridge.settings.values import Caution

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def in_the_clear(url: str) -> bool:
    """Whether what goes to this address can be read on its way."""
    target = urlsplit(url)
    return target.scheme == "http" and target.hostname not in LOOPBACK


IN_THE_CLEAR = Caution(
    holds=in_the_clear, event="settings.in_the_clear", words="is http: keys and texts travel in the clear"
)


def http_url(value: str) -> str:
    """Without a slash at its end."""
    return exact_url(value).rstrip("/")


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


def https_url(value: str) -> str:
    """Of an ack link. It carries a token, so it must not travel in the clear but on this machine."""
    if not value:
        return ""
    url = http_url(value)
    if in_the_clear(url):
        raise ValueError("must begin with https://")
    return url


Url = Annotated[str, AfterValidator(http_url)]
ExactUrl = Annotated[str, AfterValidator(exact_url)]
