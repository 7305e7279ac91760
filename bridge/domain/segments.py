"""What a text costs as SMS: its encoding and its segments, and look-alikes that would make it cost more.

The alphabet is that of 3GPP TS 23.038, 6.2.1: one septet for a character of the default table, two for one of the
extension table. A text with any other character goes out as UCS-2, counted in 16-bit units (an emoji is two).
"""

import re
import unicodedata
from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

ESCAPE = "\x1b"  # stands at 0x1B to announce the extension table: no character of its own

# Row by row as in the standard: the character at index n has the code n.
DEFAULT_ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)

# The code that follows ESCAPE.
EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}

_TWO_SEPTETS = frozenset(EXTENSION.values())
_GSM7 = frozenset(DEFAULT_ALPHABET) - {ESCAPE} | _TWO_SEPTETS
_foreign = re.compile(f"[^{re.escape(''.join(sorted(_GSM7)))}]").findall
_CULPRITS_SHOWN = 5


class Encoding(StrEnum):
    GSM7 = "gsm7"
    UCS2 = "ucs2"


# Units that fit: into the only segment, and into one of several, where a header takes 6 octets.
ROOM = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Segments:
    """How a text goes out. Units are septets (GSM7) or 16-bit units (UCS2).

    `parts` join back to the text; an empty text is one empty part. `units_left`: room in the last part as the text is
    split now. `first_non_gsm`: the first few characters that force Unicode, each once; empty with GSM7.
    """

    encoding: Encoding
    parts: tuple[str, ...]
    units_used: int
    units_left: int
    first_non_gsm: str

    @property
    def count(self) -> int:
        """How many SMS are paid for."""
        return len(self.parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Simplified:
    """A text with its look-alikes replaced: `replaced` holds each (from, to) once, in the order of the text.

    `to` is empty where something invisible was left out. With no pair the text is as it was.
    """

    text: str
    replaced: tuple[tuple[str, str], ...] = ()


def split(text: str) -> Segments:
    """How `text` goes out, in the fewest segments. Pairs (extension, surrogate) are never cut.

    A lone surrogate, which no SMS can carry, counts as one unit of UCS-2.
    """
    characters = set(text)
    if characters <= _GSM7:
        encoding, double = Encoding.GSM7, characters & _TWO_SEPTETS
    else:
        encoding, double = Encoding.UCS2, {character for character in characters if character > "\uffff"}
    alone, one_of_many = ROOM[encoding]
    used = len(text) + sum(map(text.count, double))
    parts = [text] if used <= alone else _cut(text, double, one_of_many)
    last = parts[-1]
    return Segments(
        encoding=encoding,
        parts=tuple(parts),
        units_used=used,
        units_left=(alone if len(parts) == 1 else one_of_many) - len(last) - sum(map(last.count, double)),
        first_non_gsm="".join(islice(dict.fromkeys(_foreign(text)), _CULPRITS_SHOWN)),
    )


def _cut(text: str, double: Set[str], room: int) -> list[str]:
    """`text` in as few parts as possible, each filled before the next begins."""
    if not double:
        return [text[start : start + room] for start in range(0, len(text), room)]
    parts = []
    start = used = 0
    for position, character in enumerate(text):
        units = 2 if character in double else 1
        if used + units > room:
            parts.append(text[start:position])
            start, used = position, 0
        used += units
    parts.append(text[start:])
    return parts


def _look_alikes() -> dict[str, str]:
    """Signs that a reader takes for another one of GSM-7. No letter is among them but other code points of the same."""
    rows = {
        "'": "\u2018\u2019\u201a\u201b\u2032\u00b4\u0060",  # quotes, prime, acute and grave
        '"': "\u201c\u201d\u201e\u201f\u2033",
        "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63",  # hyphens, dashes, minus
        "/": "\u2044\u2215",
        ":": "\u2236",
        "~": "\u223c",
        ";": "\u037e",  # Greek question mark: canonically a semicolon
        "Ω": "\u2126",  # ohm
        "Å": "\u212b",  # angstrom
        "K": "\u212a",  # kelvin
        "£": "\uffe1",
        "¥": "\uffe5",
        ".": "\u2024",
        "..": "\u2025",
        "...": "\u2026",
        "!!": "\u203c",
        "??": "\u2047",
        "?!": "\u2048",
        "!?": "\u2049",
        "ff": "\ufb00",
        "fi": "\ufb01",
        "fl": "\ufb02",
        "ffi": "\ufb03",
        "ffl": "\ufb04",
        # tab, no-break and typographic spaces
        " ": "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
        "\n": "\v\u0085\u2028\u2029",  # other line ends
        # Soft hyphen, zero-width characters, byte order mark; marks that say "left to right" to what already runs so.
        # Not the overrides and embeddings: without them a text would show in another order.
        "": "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff",
    }
    table = {like: sign for sign, likes in rows.items() for like in likes}
    # Full width is the same character, drawn wider.
    return table | {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {"\uff40": "'"}


LOOK_ALIKES = _look_alikes()
_ACCENTS = frozenset(map(chr, range(0x0300, 0x0370)))
_replaceable = re.compile(f"[^\u0300-\u036f][\u0300-\u036f]+|[{re.escape(''.join(LOOK_ALIKES))}]")


def simplify(text: str) -> Simplified:
    """`text` with its look-alikes replaced, if that makes all of it GSM-7 and no more segments; else as it was.

    So one curly quote does not triple a text's price, and in a text that must be Unicode anyway nothing changes.
    A letter written as letter and accent becomes the one character that GSM-7 knows.
    """
    foreign = set(text) - _GSM7
    if not foreign or not foreign <= LOOK_ALIKES.keys() | _ACCENTS:
        return Simplified(text=text)
    replaced: dict[str, str] = {}

    def replacement(match: re.Match[str]) -> str:
        found = match[0]
        sign = LOOK_ALIKES.get(found)
        if sign is None:
            sign = unicodedata.normalize("NFC", found)
        replaced[found] = sign
        return sign

    simple = _replaceable.sub(replacement, text)
    if not set(simple) <= _GSM7 or split(simple).count > split(text).count:
        return Simplified(text=text)
    return Simplified(text=simple, replaced=tuple(replaced.items()))
