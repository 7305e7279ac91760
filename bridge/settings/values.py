"""What a single value may be: kinds that several settings share, and what works of them and is not safe."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import AfterValidator

PREFIX = "BRIDGE_"

SHOWN_MOST = 12
"""Characters of a wrong value that an error quotes: no key and no token is so short."""


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


@dataclass(frozen=True, kw_only=True, slots=True)
class Caution:
    """Stands in a field's annotation: what to say, under the name `event`, of a value for which `holds` is true.

    `words` follow the name of the variable.
    """

    holds: Callable[[Any], bool]
    event: str
    words: str


def parts(value: object) -> object:
    """What stands between commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def lower(value: object) -> object:
    """However it was written."""
    return value.lower() if isinstance(value, str) else value


def quoted(value: str) -> str:
    """A short value, to be found by; nothing of one that may be a secret in the wrong place."""
    return f"{value!r} " if len(value) <= SHOWN_MOST else ""


def of_length(least: int, most: int) -> AfterValidator:
    """Text of so many characters."""

    def check(value: str) -> str:
        if not least <= len(value) <= most:
            raise ValueError(f"must have {least} to {most} characters, this has {len(value)}")
        return value

    return AfterValidator(check)
