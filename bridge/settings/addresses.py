"""Addresses that settings hold: each gives the value as it is used, or raises ValueError with what it must be. Pure."""

import re
from urllib.parse import urlsplit

import httpx

LOOPBACK = ("127.0.0.1", "::1", "localhost")


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
    if url.startswith("http:") and urlsplit(url).hostname not in LOOPBACK:
        raise ValueError("must begin with https://")
    return url
