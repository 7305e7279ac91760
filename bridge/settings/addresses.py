"""Addresses that settings hold: each gives the value as it is used, or raises ValueError with what it must be. Pure."""

import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator

from bridge.settings.values import Caution

LOOPBACK = ("127.0.0.1", "::1", "localhost")

TELEGRAM_ITSELF = "api.telegram.org"
WEBHOOK_PORTS = (443, 80, 88, 8443)
"""Those that Telegram delivers to (Bot API, setWebhook)."""


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
    target = urlsplit(url)
    if "@" in target.netloc or target.query or target.fragment:
        raise ValueError("must be an address without a password, ? and #: it is sent by SMS, with a path behind it")
    return url


_HOME_DOMAINS = ("local", "localhost", "lan", "internal", "home.arpa", "intranet", "test", "invalid")


def nearer_than_the_internet(host: str) -> str:
    """Why nobody far away can open an address of this host, as far as its name tells; "" where they may."""
    if host in LOOPBACK or host.endswith(".localhost"):
        return "this machine's own"
    try:
        address = ip_address(host)
    except ValueError:
        name = host.rstrip(".")
        private = "." not in name or name.endswith(tuple(f".{domain}" for domain in _HOME_DOMAINS))
        return "a name that only a local network knows" if name and private else ""
    if address.is_loopback or address.is_unspecified:
        return "this machine's own"
    return "" if address.is_global else "an address of a private network"


def webhook_trouble(public_url: str, api_url: str) -> str:
    """Why Telegram could not deliver to this address, as far as it tells by itself; "" where it could."""
    if not public_url:
        return "BRIDGE_PUBLIC_URL is not set"
    if urlsplit(api_url).hostname != TELEGRAM_ITSELF:
        return ""  # a Bot API server of one's own reaches what its network reaches
    target = urlsplit(public_url)
    if where := nearer_than_the_internet(target.hostname or ""):
        return f"BRIDGE_PUBLIC_URL is {where}, which Telegram does not reach"
    if target.port not in (None, *WEBHOOK_PORTS):
        return f"Telegram delivers to the ports {', '.join(map(str, WEBHOOK_PORTS))} only, not to BRIDGE_PUBLIC_URL's"
    return ""


Url = Annotated[str, AfterValidator(http_url)]
ExactUrl = Annotated[str, AfterValidator(exact_url)]
