"""What a stranger's words may be at most, before they reach a card, an SMS or the store. Pure."""

import hashlib
import re
from collections.abc import Iterable

from bridge.domain.alerts import Link
from bridge.sources.payload import Fields

MAX_TITLE = 300
MAX_TEXT = 2000
MAX_LABELS = 100
MAX_LABEL_NAME = 200
MAX_LABEL_VALUE = 500
MAX_FINGERPRINT = 200
MAX_LINKS = 5
MAX_URL = 2048
"""All but the counts of labels and links in characters."""

# PostgreSQL takes no NUL, UTF-8 no lone surrogate, and a chat shows nothing for the rest. Line ends and tabs stay.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WEB = re.compile(r"https?://[^/?#@]+(?:[/?#]|\Z)", re.IGNORECASE)


def scalar(value: object) -> str:
    """A string as it is, a number or truth value as JSON writes it; empty for null, lists and objects."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


def clean(text: str) -> str:
    """Without control characters; a lone surrogate (half of a cut emoji) becomes U+FFFD."""
    if text.isprintable():  # nearly always, and many times faster
        return text
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text))


def _cut(text: str, longest: int) -> str:
    # three dots: the one-character ellipsis would make the whole SMS Unicode, with less than half the room
    return text if len(text) <= longest else f"{text[: longest - 3].rstrip()}..."


def one_line(value: object) -> str:
    """A title: one line, blanks collapsed, cut. Empty if there is nothing in it."""
    return _cut(" ".join(clean(scalar(value)).split()), MAX_TITLE)


def first_line(*values: object) -> str:
    """The first of the values that makes a title, or an empty line."""
    return next((line for value in values if (line := one_line(value))), "")


def prose(value: object) -> str:
    """A text: its lines, cut. Empty if there is nothing in it."""
    return _cut(clean(scalar(value).replace("\r\n", "\n")).strip(), MAX_TEXT)


def labels(fields: Fields) -> dict[str, str]:
    """Scalars by name. An empty value is left out: to Prometheus it is the same as no label."""
    found: dict[str, str] = {}
    for name, value in fields.items():
        bounded = clean(scalar(value))[:MAX_LABEL_VALUE].strip()
        if bounded and (key := clean(name)[:MAX_LABEL_NAME].strip()):
            found[key] = bounded
            if len(found) == MAX_LABELS:
                break
    return found


def fingerprint(given: str) -> str:
    """`given` where it can be kept as it is, else a hash of it: what differs must not become alike by cutting."""
    return given if len(given) <= MAX_FINGERPRINT and given.isprintable() else hashed(given)


def hashed(text: str) -> str:
    """The same text gives the same 64 characters, today and after an upgrade."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def links(candidates: Iterable[tuple[str, object]]) -> tuple[Link, ...]:
    """The first few web addresses among (label, url), each once. What is none, or too long, is left out, never cut."""
    found: dict[str, Link] = {}
    for label, value in candidates:
        if isinstance(value, str) and is_web_address(url := value.strip()) and url not in found:
            found[url] = Link(label=label, url=url)
    return tuple(found.values())[:MAX_LINKS]


def is_web_address(text: str) -> bool:
    """http or https, no blanks, nothing invisible, no user and password before the host (a chat is not their place)."""
    return len(text) <= MAX_URL and text.isprintable() and " " not in text and _WEB.match(text) is not None
