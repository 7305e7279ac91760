"""From the environment and a `.env` file to checked settings; every mistake is one line, and all are told at once."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bridge.domain.errors import SettingsError
from bridge.settings.gateways import NEEDED_BY
from bridge.settings.gather import Mistake, gather
from bridge.settings.http_file import read_http_file
from bridge.settings.model import SECRETS, Settings
from bridge.settings.values import PREFIX, variable


def load(
    environment: Mapping[str, str] | None = None, *, need: tuple[str, ...] = (), env_file: Path | None = None
) -> Settings:
    """The settings of `environment` (default: the process's) over those of the `.env` file, checked.

    `need`: fields that must be set; with the gateways, what each of them needs, and their file is read. Raises
    `SettingsError` with a line for each mistake, that names the variable and no secret.
    """
    found = gather(environment, env_file)
    settings, wrong = _checked(found.ours)
    mistakes = [*found.mistakes, *_strange(found.ours), *wrong]
    mistakes += _missing(settings, need, {one.variable for one in mistakes})
    lines = [one.line for one in mistakes]
    if "gateways" in need and settings.http_gateways:
        try:
            settings = settings.with_http_file(read_http_file(settings.http_gateways, found.everything))
        except SettingsError as error:
            lines += error.lines
    if lines:
        raise SettingsError(*dict.fromkeys(lines))
    return settings


TOGETHER = {"BRIDGE_TELEGRAM_RECEIVE": ("BRIDGE_PUBLIC_URL", "BRIDGE_TELEGRAM_API_URL")}
"""What is looked at together: of the first nothing is said where one of the others is wrong."""


def _checked(found: Mapping[str, str]) -> tuple[Settings, list[Mistake]]:
    """The settings, and what is wrong with them: those have their defaults."""
    fields = {name.removeprefix(PREFIX).lower(): value for name, value in found.items() if value}
    values = {field: value for field, value in fields.items() if field in Settings.model_fields}
    mistakes: list[Mistake] = []
    while True:  # with what is right, what holds of several together is looked at
        try:
            return Settings.model_validate(values), mistakes
        except ValidationError as error:
            now = [_mistake(one) for one in error.errors(include_input=False, include_url=False)]
        wrong = {one.variable for one in mistakes}
        mistakes += [one for one in now if wrong.isdisjoint(TOGETHER.get(one.variable, ()))]
        for field in {one.variable.removeprefix(PREFIX).lower() for one in now}:
            del values[field]  # a default is right: what is wrong was given


def _missing(settings: Settings, need: tuple[str, ...], told: set[str]) -> Iterator[Mistake]:
    """What is needed and not set; not what is `told` to be wrong, or would be needed by that."""
    if "" in told:  # in lines that could not be read anything may stand
        return
    for one in need:
        if variable(one) in told:
            continue
        for field in [one] if one != "gateways" else _of_gateways(settings):
            if getattr(settings, field) in (None, "") and variable(field) not in told:
                yield Mistake(variable=variable(field), line=f"{variable(field)} is not set")


def _of_gateways(settings: Settings) -> list[str]:
    """The fields that the gateways need."""
    return [field for name in settings.gateways for field in NEEDED_BY.get(name, ("http_gateways",))]


def _strange(found: Mapping[str, str]) -> Iterator[Mistake]:
    """Names that nothing has."""
    known = {variable(field) for field in Settings.model_fields}
    all_names = [*known, *(f"{variable(field)}_FILE" for field in SECRETS)]
    for name in sorted(found.keys() - known):
        # Without the prefix: that every name has it makes none of them alike.
        near = difflib.get_close_matches(
            name.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in all_names], n=1, cutoff=0.75
        )
        meant = f"{PREFIX}{near[0]}" if near else ""
        hint = f"; did you mean {meant}?" if meant else ""
        yield Mistake(variable=meant.removesuffix("_FILE") or name, line=f"{name} is no setting of bridge{hint}")


_MUST = {
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be {le:g} or less",
    "literal_error": "must be {expected}",
    "too_short": "must not be empty",
}
"""Pydantic's type of a mistake -> what to say of it, with the fields of its context."""


def _mistake(error: Any) -> Mistake:
    """Of one that pydantic found. What holds of several fields names its variable itself."""
    words = _MUST.get(error["type"], str(error["msg"]).removeprefix("Value error, ")).format_map(error.get("ctx", {}))
    if not error["loc"]:
        return Mistake(variable=words.partition(":")[0], line=words)
    name = variable(str(error["loc"][0]))
    return Mistake(variable=name, line=f"{name}: {words}")
