"""What is set, by the environment, a `.env` file, files of secrets. Nothing is checked but that it can be read."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from bridge.settings.model import SECRETS
from bridge.settings.values import PREFIX, variable


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """`line`: names it. `variable`: the one that is wrong, or that was meant; "" where it may be any."""

    variable: str
    line: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Gathered:
    """What is set. A secret may stand in each of the values.

    `ours`: variable -> value of every `BRIDGE_…`, "" where it is set and empty; `everything`: those of others, too.
    """

    ours: Mapping[str, str] = field(repr=False)
    everything: Mapping[str, str] = field(repr=False)
    mistakes: tuple[Mistake, ...]


def gather(environment: Mapping[str, str] | None = None, env_file: Path | None = None) -> Gathered:
    """Of `environment` (default: the process's) over the `.env` file.

    `BRIDGE_X_FILE` is read, `PORT` and `DATABASE_URL` are taken where ours is unset.
    """
    written, mistakes = _written_in(env_file or Path(".env"))
    merged = {**written, **(os.environ if environment is None else environment)}
    found = {name: value.strip() for name, value in merged.items() if name.startswith(PREFIX)}
    for secret in SECRETS:
        name = variable(secret)
        path = found.pop(f"{name}_FILE", "")
        if path and not found.get(name):
            try:
                found[name] = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a null byte in the path
                line = f"{name}_FILE: cannot read {path}: {getattr(error, 'strerror', error)}"
                mistakes.append(Mistake(variable=name, line=line))
    if merged.get("PORT") and not found.get("BRIDGE_PORT"):
        found["BRIDGE_PORT"] = merged["PORT"].strip()
        if not found["BRIDGE_PORT"].isdecimal():
            del found["BRIDGE_PORT"]
            mistakes.append(Mistake(variable="BRIDGE_PORT", line="PORT: must be a whole number"))
        if not found.get("BRIDGE_HOST"):
            found["BRIDGE_HOST"] = "0.0.0.0"  # noqa: S104 - a host that hands out PORT routes to us from outside
    if merged.get("DATABASE_URL") and not found.get("BRIDGE_DATABASE_URL"):
        found["BRIDGE_DATABASE_URL"] = merged["DATABASE_URL"].strip()
    return Gathered(ours=found, everything=merged, mistakes=tuple(mistakes))


def _written_in(env_file: Path) -> tuple[dict[str, str], list[Mistake]]:
    try:
        if not env_file.is_file():
            return {}, []
        with env_file.open(encoding="utf-8") as lines:
            parsed = list(parse_stream(lines))
    except UnicodeDecodeError:
        return {}, [Mistake(variable="", line=f"{env_file}: cannot be read: it is not UTF-8")]
    except OSError as error:
        return {}, [Mistake(variable="", line=f"{env_file}: cannot be read: {error.strerror}")]
    # dotenv would go on without these lines, and only say so in the log.
    wrong = [
        Mistake(variable="", line=f"{env_file}, line {_line(one)}: is not of the form NAME=value")
        for one in parsed
        if one.error
    ]
    good = StringIO("".join(one.original.string for one in parsed if not one.error))
    wrong += _set_twice(env_file, parsed)
    return {name: value or "" for name, value in dotenv_values(stream=good).items()}, wrong


def _set_twice(env_file: Path, parsed: Iterable[Binding]) -> Iterator[Mistake]:
    """A name with two values: the last one would count, and nobody sees that in the first."""
    before: dict[str, Binding] = {}
    for one in parsed:
        if not one.key or not one.key.startswith(PREFIX):
            continue
        earlier = before.get(one.key)
        if earlier is None or not earlier.value:
            before[one.key] = one
        elif earlier.value != one.value:
            line = f"{env_file}, line {_line(one)}: {one.key} has another value in line {_line(earlier)}"
            yield Mistake(variable=one.key, line=line)


def _line(one: Binding) -> int:
    """Where it stands. dotenv counts from the empty lines before it."""
    text = one.original.string
    return one.original.line + text[: len(text) - len(text.lstrip())].count("\n")
