"""What the link of a page ends in: whoever has it may acknowledge the page. The database keeps its hash alone."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime

MakeToken = Callable[[int, datetime], str]
"""Message id of a page, when it was made -> its token: the same each time, and nobody else's."""

_FORM = re.compile(r"[A-Za-z0-9_-]{11,100}")


def token_maker(secret: str) -> MakeToken:
    """80 bits that nobody can guess who does not know the secret.

    With the time, because another database counts from one again: a link of an earlier one must not open its pages.
    Base 32, because some phones leave a dash at its end out of the link.
    """
    key = hashlib.sha256(b"ack links\0" + secret.encode()).digest()

    def make(message_id: int, made_at: datetime) -> str:
        digest = hmac.digest(key, f"{message_id} {made_at.astimezone(UTC).isoformat()}".encode(), "sha256")
        return base64.b32encode(digest[:10]).decode().lower()

    return make


def can_be_one(text: str) -> bool:
    """Whether it is worth a look into the database."""
    return _FORM.fullmatch(text) is not None


def hash_of(token: str) -> str:
    """As the database keeps it: SHA-256, hex."""
    return hashlib.sha256(token.encode()).hexdigest()
