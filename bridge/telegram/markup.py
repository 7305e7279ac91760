"""Telegram HTML that we wrote ourselves without its markup, and texts of the length that Telegram takes."""

import re
from html import unescape

TEXT_LIMIT = 4096
"""UTF-16 units of a message, counted without markup."""

_tag = re.compile(r"</?(?:b|i|code|pre|a)(?: [^>]*)?>")


def plain(html: str) -> str:
    """The text without tags and entities, as much of it as fits into a message."""
    return cut(unescape(_tag.sub("", html)), TEXT_LIMIT)


def cut(text: str, limit: int) -> str:
    """As much of a text as `limit` UTF-16 units hold: so Telegram counts, and an emoji is two."""
    return text.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", errors="ignore")
