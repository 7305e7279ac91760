"""From text to a table and the lines of its keys; what is no TOML is one sentence."""

import re
import tomllib

from bridge.toml.lines import lines
from bridge.toml.sections import Problems, Section
from bridge.toml.words import plain

LONGEST_FILE = 1_000_000  # characters
_SHOWN = 200  # characters of what tomllib says


class NotToml(ValueError):
    """`str()` is one sentence, such as `line 3, column 7: is no TOML: Invalid value`."""


def parse(text: str) -> tuple[Section, Problems]:
    """The whole file as a section, and where its problems are kept. Raises NotToml, and nothing else."""
    if len(text) > LONGEST_FILE:
        raise NotToml(f"line 1: is longer than {LONGEST_FILE} characters")
    try:
        table, problems = tomllib.loads(text), Problems(lines=lines(text))
    except RecursionError:
        raise NotToml("line 1: is nested too deeply") from None
    except ValueError as error:  # of tomllib; or a number of thousands of digits
        raise NotToml(_syntax(str(error), text)) from None
    return Section(table, (), problems), problems


_place = re.compile(r"(.*) \(at line (\d+), column (\d+)\)", re.DOTALL).fullmatch
_end = re.compile(r"(.*) \(at end of document\)", re.DOTALL).fullmatch


def _syntax(words: str, text: str) -> str:
    """tomllib's error with its line in front."""
    if place := _place(words):
        where, words = f"line {place[2]}, column {place[3]}", place[1]
    elif end := _end(words):
        where, words = f"line {max(1, len(text.splitlines()))}, at the end", end[1]
    else:
        where = "line 1 or later"
    shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in plain(words)[:_SHOWN])
    return f"{where}: is no TOML: {shown}"
