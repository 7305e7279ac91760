"""Regular expressions in files: those that could keep the program busy for minutes are refused.

What they are held against comes from outside, and Python's `re` may try every way to split a value among the repeats
and choices of a pattern. So the value is cut, and the ways are counted before the pattern is taken.
"""

import re
import warnings

LONGEST_PATTERN = 200  # characters
LONGEST_VALUE = 256  # characters of a value that are looked at
MOST_WAYS = (LONGEST_VALUE + 1) ** 3  # three of `.*` one after the other: some 30 ms in the worst case

_token = re.compile(
    r"""(?P<flags>\(\?[aimsu]+\))
      | (?P<open>\((?:\?(?:P<\w+>|<?[=!]|[:>]|[aimsu-]+:)|(?!\?)))
      | (?P<refused>\\[1-9]|\(\?)
      | (?P<close>\))
      | (?P<either>\|)
      | (?P<repeat>[*+?]|\{(?P<least>\d*)(?P<comma>,?)(?P<most>\d*)\})
      | (?P<one>\\. | \[\^?\]?(?:\\.|[^\]\\])*\] | .)""",
    re.DOTALL | re.VERBOSE,
)


def read_pattern(text: str) -> re.Pattern[str] | str:
    """The pattern, which a whole value must fit (as in Prometheus), or what is wrong with it in a few words."""
    if len(text) > LONGEST_PATTERN:
        return f"is longer than {LONGEST_PATTERN} characters"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python will read otherwise one day is wrong today
            pattern = re.compile(text)
    except (re.error, Warning, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    return _too_slow(text) or pattern


def fits(pattern: re.Pattern[str], value: str) -> bool:
    """Whether the whole value fits; of a longer one than 256 characters, its beginning."""
    return pattern.fullmatch(value[:LONGEST_VALUE]) is not None


class _Group:
    """The ways to read what stands in one group: of the choices before, of this one, of the last thing in it."""

    def __init__(self) -> None:
        self.before = 0
        self.this = 1
        self.last = 1

    def put(self, ways: int) -> None:
        self.this = min(self.this * self.last, MOST_WAYS + 1)
        self.last = ways

    def choose(self) -> None:
        self.before, self.this, self.last = self.ways, 1, 1

    @property
    def ways(self) -> int:
        return min(self.before + self.this * self.last, MOST_WAYS + 1)


def _too_slow(text: str) -> str:
    """Why a pattern (that compiles) may take for ever, or ""."""
    groups = [_Group()]
    repeated = -1  # where the last repeat ended: a sign right behind it makes it lazy or possessive
    for token in _token.finditer(text):
        if token["refused"]:
            return "uses \\1, (?x) or another form that is not taken here"
        if token["open"]:
            groups.append(_Group())
        elif token["close"]:
            ways = groups.pop().ways
            groups[-1].put(ways)
        elif token["either"]:
            groups[-1].choose()
        elif token["one"]:
            groups[-1].put(1)
        elif token["repeat"] and token.start() != repeated:
            repeated = token.end()
            ways = _repeated(groups[-1].last, *_times(token))
            if not ways:
                return "repeats a group that itself repeats or chooses"
            groups[-1].last = ways
    if groups[0].ways > MOST_WAYS:
        return "can be read in too many ways: at most three of *, + and the like, one after the other"
    return ""


def _times(repeat: re.Match[str]) -> tuple[int, int]:
    """How often at least and at most, up to the length of a value."""
    sign = repeat["repeat"]
    if sign in "*+?":
        return int(sign == "+"), 1 if sign == "?" else LONGEST_VALUE
    least = int(repeat["least"] or 0)
    most = int(repeat["most"] or LONGEST_VALUE) if repeat["comma"] else least
    return min(least, LONGEST_VALUE), min(most, LONGEST_VALUE)


def _repeated(ways: int, least: int, most: int) -> int:
    """The ways to read a thing of that many ways so often; 0: as many as there are stars."""
    if most <= 1:
        return ways + (1 - least)
    if ways > 1:
        return 0
    return most - least + 1
