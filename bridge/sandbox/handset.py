"""How a phone gets an SMS: the alphabet and the parts.

Counted here anew, so that the demo cannot repeat a mistake of the service.
3GPP TS 23.038: 160 septets alone, 153 a part; else UCS-2, 70 UTF-16 units alone, 67 a part.
"""

from dataclasses import dataclass
from enum import StrEnum

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")


class Alphabet(StrEnum):
    GSM = "GSM-7"
    UNICODE = "Unicode"


ALONE = {Alphabet.GSM: 160, Alphabet.UNICODE: 70}
JOINED = {Alphabet.GSM: 153, Alphabet.UNICODE: 67}


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    alphabet: Alphabet
    parts: tuple[str, ...]


def received(text: str) -> Received:
    """The parts as they travel: neither an extended character nor a surrogate pair is ever cut."""
    gsm = all(ch in BASIC or ch in EXTENDED for ch in text)
    alphabet = Alphabet.GSM if gsm else Alphabet.UNICODE
    widths = [_width(ch, alphabet) for ch in text]
    if sum(widths) <= ALONE[alphabet]:
        return Received(alphabet=alphabet, parts=(text,))
    parts, part, used = [], "", 0
    for ch, width in zip(text, widths, strict=True):
        if used + width > JOINED[alphabet]:
            parts.append(part)
            part, used = "", 0
        part += ch
        used += width
    return Received(alphabet=alphabet, parts=(*parts, part))


def _width(ch: str, alphabet: Alphabet) -> int:
    if alphabet is Alphabet.GSM:
        return 2 if ch in EXTENDED else 1
    return 2 if ch > "\uffff" else 1
