"""Telegram HTML that we wrote ourselves, without its markup."""

import re
from html import unescape

_tag = re.compile(r"</?(?:b|i|code|pre|a)(?: [^>]*)?>")


def plain(html: str) -> str:
    """The text without tags and entities, at most 4096 characters."""
    return unescape(_tag.sub("", html))[:4096]
