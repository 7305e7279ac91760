"""Reads what a gateway prints where JSON should be. Pure: any bytes give fields or None, in linear time.

A printed reply is read only where it is one flat object from its first `{` to its last `}` and every piece of it is
understood. A page of HTML, a cut body, an object with something before or behind it: None. A status that is merely
*seen* somewhere in a text would turn an uncertain outcome into a certain one.
"""

import codecs
import json
import re
from collections.abc import Callable


class Fields(tuple[tuple[str, object], ...]):
    """An object's fields in their order, with doubles. Values are what `json` gives; objects are Fields again."""

    __slots__ = ()

    def all(self, name: str) -> list[object]:
        """Every value of that name (lower case here, any case there), but null."""
        return [value for key, value in self if value is not None and key.lower() == name]


def read_fields(body: bytes) -> Fields | None:
    """The fields of the one object that `body` is, or None."""
    text = decoded(body).strip()
    if not (text.startswith("{") and text.endswith("}")):
        return None
    try:
        fields: Fields = json.loads(text, object_pairs_hook=Fields)
    except (ValueError, RecursionError):
        return _printed(text[1:-1].strip())
    return fields


# a byte order mark says what follows; nothing else is guessed
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decoded(body: bytes) -> str:
    """Keys, statuses and numbers are ASCII: a wrong character elsewhere does no harm."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    return body.decode("utf-8", "replace")


def _string(inside: str) -> str:
    try:
        return str(json.loads(f'"{inside}"', strict=False))
    except ValueError:
        return inside


def _list(inside: str) -> list[object]:
    return [item.strip().strip('"') for item in inside.split(",")]


def _sentence(words: str) -> str | None:
    found = words.strip().rstrip(",").rstrip()
    return None if found.lower() in ("", "null", "none", "nil", "undefined") else found


_GAP = re.compile(r"[\s,]*")
_KEY = re.compile(r'"([^"\\\n]{1,64})"\s*:\s*')
# the first one that matches; an unquoted sentence ends with its line, or where the next key follows a comma
_VALUES: tuple[tuple[re.Pattern[str], Callable[[str], object]], ...] = (
    (re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"\s*(?=,|\Z)', re.DOTALL), _string),
    (re.compile(r"\[([^\[\]{}]*)\]\s*(?=,|\Z)"), _list),
    (re.compile(r'((?:[^"\[{}\n][^{}\n]*?)?)(?=\n|,\s*"[^"\\\n]{1,64}"\s*:|\Z)'), _sentence),
)


def _printed(text: str) -> Fields | None:
    fields: list[tuple[str, object]] = []
    gap = _GAP.match(text)
    while gap is not None and gap.end() < len(text):
        key = _KEY.match(text, gap.end())
        if key is None:
            return None
        matches = ((pattern.match(text, key.end()), read) for pattern, read in _VALUES)
        value, read = next(((match, read) for match, read in matches if match), (None, _string))
        if value is None:
            return None
        fields.append((key[1], read(value[1])))
        gap = _GAP.match(text, value.end())
    return Fields(fields)
