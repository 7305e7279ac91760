"""Who calls: `Authorization: Bearer TOKEN`, or Basic with the token as password."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from starlette.requests import Request


def token_of(request: Request) -> str | None:
    """The token that the request carries; None when it carries none that can be read."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        return pair.partition(":")[2] or None
    return None


def name_of(request: Request, names: Mapping[str, str]) -> str | None:
    """The name of the token (`names`: SHA-256 hex -> name), None for a wrong or missing one.

    Compares digests in constant time, and with every token, so that time tells nothing.
    """
    token = token_of(request)
    if token is None:
        return None
    digest = hashlib.sha256(token.encode()).hexdigest()
    found = [name for known, name in names.items() if hmac.compare_digest(known, digest)]
    return found[0] if found else None


def is_loopback(request: Request) -> bool:
    """Whether the caller is on this machine and no proxy speaks for somebody else."""
    host = request.client.host if request.client else ""
    return host in ("127.0.0.1", "::1") and not any(header in request.headers for header in _OF_PROXIES)


_OF_PROXIES = ("x-forwarded-for", "forwarded", "x-real-ip", "via")
