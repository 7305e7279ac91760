"""Reading the tables of a file: every problem is kept with its line, and reading goes on."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from bridge.domain.durations import read_duration
from bridge.domain.phone import mask
from bridge.toml.lines import Path

SHOWN = 40  # characters of what was written
LONGEST_TEXT = 200  # characters: a name goes into pages, an address is no longer

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Problems:
    """What is wrong so far: (line, sentence). `lines`: where each path of the text stands."""

    lines: Mapping[Path, int]
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, path: Path, words: str) -> None:
        """Keeps a problem of the thing at `path`: `line 12: people.ama.phone …`."""
        self.found.append((self.lines.get(path, 1), f"{dotted(path)} {words}".lstrip()))

    @property
    def sentences(self) -> tuple[str, ...]:
        """In the order of the file, none twice."""
        return tuple(
            dict.fromkeys(f"line {line}: {words}" for line, words in sorted(self.found, key=lambda one: one[0]))
        )


def dotted(path: Path) -> str:
    """`people.ama.phone`, `routes[1].policy`; indexes from 1, as people count."""
    words = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{shown(part)}" for part in path)
    return words.removeprefix(".")


_number = re.compile(r"\+?[0-9]{9,}")


def shown(text: str) -> str:
    """What was written, cut to 40 characters, and nothing in it that would break a line or cannot be encoded.

    It ends up in logs: a whole number in the wrong place is masked.
    """
    hidden = _number.sub(lambda found: mask(found[0]), text)
    cut = hidden if len(hidden) <= SHOWN else hidden[: SHOWN - 1] + "…"
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in cut)


def meant(word: str, known: Iterable[str]) -> str:
    """`; is primary meant?` if a known name is close, else nothing."""
    close = difflib.get_close_matches(word[:SHOWN], known, n=1)
    return f"; is {close[0]} meant?" if close else ""


class Section:
    """One table. Each getter gives the value or what stands for it, and keeps what is wrong; `end` finds what is left.

    For what is missing and for what is wrong, a getter gives None, or the empty value of its kind.
    """

    def __init__(self, table: Mapping[str, Any], path: Path, problems: Problems) -> None:
        self._table = table
        self._path = path
        self._problems = problems
        self._known: list[str] = []

    def problem(self, words: str, key: str | None = None, index: int | None = None) -> None:
        """Keeps what is wrong with the table, a key of it, or an element of that."""
        path = self._path if key is None else (*self._path, key)
        self._problems.add(path if index is None else (*path, index), words)

    @property
    def path(self) -> Path:
        return self._path

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self._table)

    def has(self, key: str) -> bool:
        return key in self._table

    def end(self) -> None:
        """Keeps a problem for each key that nobody asked for."""
        for key in self._table:
            if key not in self._known:
                self.problem(f"is not known here{meant(key, self._known)}", key)

    def required(self, key: str, get: Callable[[str], T]) -> T:
        """What `get` gives; a key that is not there is a problem."""
        if not self.has(key):
            self.problem(f"lacks {key}")
        return get(key)

    def text(self, key: str) -> str:
        """A line of text, without the blanks around it."""
        value: str | None = self._value(key, str, "must be text in quotes")
        if value is None:
            return ""
        if not value.strip():
            self.problem("is empty", key)
        if len(value) > LONGEST_TEXT or any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") for sign in value.strip()):
            self.problem(f"must be one line of text, of at most {LONGEST_TEXT} characters", key)
        return value.strip()

    def label(self, key: str) -> str:
        """Text as it is, which may be empty."""
        return str(self._value(key, str, "must be text in quotes") or "")

    def text_or_integer(self, key: str) -> str:
        """Text, or the digits of a whole number (of one that no machine word holds: nothing)."""
        value = self._value(key, (str, int), "must be text in quotes")
        if isinstance(value, int):
            return str(value) if abs(value) < 2**63 else ""
        return (value or "").strip()

    def integer(self, key: str) -> int | None:
        value: int | None = self._value(key, int, "must be a whole number")
        return value

    def boolean(self, key: str, default: bool) -> bool:
        value = self.raw(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.problem("must be true or false", key)
        return default

    def raw(self, key: str) -> Any:
        """Whatever stands there."""
        self._known.append(key)
        return self._table.get(key)

    def duration(self, key: str) -> timedelta | None:
        value = self._value(key, str, 'must be a duration such as "30s", "5m", "12h", "1d", "1w"')
        if value is None:
            return None
        span = read_duration(value)
        if span is None:
            self.problem(f'is "{shown(value)}": a duration is a number and s, m, h, d or w, at most 366 days', key)
        return span

    def zone(self, key: str, default: ZoneInfo) -> ZoneInfo:
        """The time zone; `default` where none is given, or none of that name exists."""
        name = self.text(key)
        if not name:
            return default
        try:
            return ZoneInfo(name)
        except (LookupError, ValueError, OSError):  # unknown; no name at all; a folder of zones
            self.problem(f'is "{shown(name)}": there is no such time zone', key)
            return default

    def local_time(self, key: str, zone: ZoneInfo) -> datetime | None:
        """A date and time without an offset; one with an offset is taken to the clocks of `zone`. Whole seconds."""
        value: datetime | None = self._value(key, datetime, "must be a date and time such as 2026-01-05T09:00:00")
        if value is None:
            return None
        if not 1970 < value.year < 2200:
            self.problem("must lie between 1971 and 2199", key)
            return None
        if value.tzinfo is not None:
            value = value.astimezone(zone)
        return value.replace(tzinfo=None, fold=0, microsecond=0)

    def texts(self, key: str) -> list[tuple[int, str]]:
        """(index, text) of a list of texts."""
        value = self._value(key, list, "must be a list of names in quotes") or []
        for index, one in enumerate(value):
            if not isinstance(one, str):
                self.problem("must be text in quotes", key, index)
        return [(index, one.strip()) for index, one in enumerate(value) if isinstance(one, str)]

    def tables(self, key: str) -> "list[Section]":
        """The tables of a list."""
        value = self._value(key, list, "must be a list of tables") or []
        for index, one in enumerate(value):
            if not isinstance(one, dict):
                self.problem("must be a table", key, index)
        return [self._inner(one, key, index) for index, one in enumerate(value) if isinstance(one, dict)]

    def open(self, key: str) -> "Section":
        """The table of that name; an empty one if there is none."""
        return self._inner(self._value(key, dict, "must be a table") or {}, key)

    def table(self, key: str) -> "dict[str, Section]":
        """The tables in a table, by their names."""
        outer = self.open(key)
        for name, one in outer._table.items():
            if not isinstance(one, dict):
                outer.problem("must be a table", name)
        return {name: outer._inner(one, name) for name, one in outer._table.items() if isinstance(one, dict)}

    def _inner(self, table: Mapping[str, Any], *keys: str | int) -> "Section":
        return Section(table, (*self._path, *keys), self._problems)

    def _value(self, key: str, kind: type | tuple[type, ...], words: str) -> Any:
        """The value if it is of that kind. Python's True is an int; TOML's is none."""
        self._known.append(key)
        value = self._table.get(key)
        if value is None or (isinstance(value, kind) and not isinstance(value, bool)):
            return value
        self.problem(words, key)
        return None
