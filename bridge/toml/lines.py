"""On which line each key of a TOML text stands: tomllib does not tell.

Only for a text that tomllib took: what is not TOML gives no lines or wrong ones, and never an error.
"""

import re

Path = tuple[str | int, ...]

_blank = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_bare_key = re.compile(r"[A-Za-z0-9_-]+")
# The long ones first. In a string of three quotes, two more quotes may stand before the end.
_string = re.compile(
    r'"""(?:[^\\"]|\\.|"(?!""))*"{3,5}' r"|'''(?:[^']|'(?!''))*'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'",
    re.DOTALL,
)
_scalar = re.compile(r"[^,\]}#\n]*")
_escape = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}


def lines(text: str) -> dict[Path, int]:
    """Path of a table, key or element -> its line, from 1. The elements of arrays are numbered from 0."""
    return _Scan(text.replace("\r\n", "\n")).run()


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.counted = 0  # how far the line ends are counted
        self.found: dict[Path, int] = {}
        self.arrays: dict[Path, int] = {}  # array of tables -> index of its last one

    def run(self) -> dict[Path, int]:
        table: Path = ()
        self._skip()
        while self.at < len(self.text):
            before = self.at
            if self._take("[["):
                table = self._header(last=True)
                self._take("]]")
            elif self._take("["):
                table = self._header(last=False)
                self._take("]")
            else:
                self._pair(table)
            self._skip()
            if self.at == before:  # no TOML
                break
        return self.found

    def _skip(self) -> None:
        self._move(_blank)

    def _move(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match[0] if match else ""

    def _take(self, sign: str) -> bool:
        taken = self.text.startswith(sign, self.at)
        self.at += len(sign) if taken else 0
        return taken

    def _note(self, path: Path) -> None:
        self.line += self.text.count("\n", self.counted, self.at)
        self.counted = self.at
        self.found.setdefault(path, self.line)

    def _key(self) -> list[str]:
        parts = []
        while True:
            self._skip()
            quoted = self._move(_string)
            parts.append(_unquoted(quoted) if quoted else self._move(_bare_key))
            self._skip()
            if not self._take("."):
                return parts

    def _header(self, *, last: bool) -> Path:
        """The path of a table; of an array of tables it is the last one so far, or (`last`) one more."""
        path: Path = ()
        parts = self._key()
        for depth, part in enumerate(parts, 1):
            path = (*path, part)
            self._note(path)
            if last and depth == len(parts):
                self.arrays[path] = self.arrays.get(path, -1) + 1
            if path in self.arrays:
                path = (*path, self.arrays[path])
                self._note(path)
        return path

    def _pair(self, table: Path) -> None:
        path = table
        self._skip()
        for part in self._key():
            path = (*path, part)
            self._note(path)
        self._take("=")
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip()
        if self._take("["):
            self._items("]", path)
        elif self._take("{"):
            self._items("}", path)
        elif not self._move(_string):
            self._move(_scalar)

    def _items(self, end: str, path: Path) -> None:
        index = 0
        self._skip()
        while self.at < len(self.text) and not self._take(end):
            before = self.at
            if end == "]":
                self._note((*path, index))
                self._value((*path, index))
            else:
                self._pair(path)
            self._skip()
            self._take(",")
            self._skip()
            if self.at == before:  # no TOML
                break
            index += 1


def _unquoted(quoted: str) -> str:
    inner = quoted[1:-1]
    return inner if quoted[0] == "'" else _escape.sub(_character, inner)


def _character(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    if code is None:
        return _ESCAPES.get(match[3], match[3])
    return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else "\ufffd"
