"""From the environment and a `.env` file to checked settings; every mistake is one line."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import ValidationError

from bridge.domain.errors import SettingsError
from bridge.settings.gateways import NEEDED_BY
from bridge.settings.http_file import read_http_file
from bridge.settings.model import SECRETS, Settings
from bridge.settings.values import PREFIX, variable

LATER = {
    "BRIDGE_TELEGRAM_WEBHOOK_SECRET": "the webhook",
    "BRIDGE_MSMPUSHER_RATE": "rate limits",
}
"""Names that are spoken for: known, and without effect in this version. The value says what they will belong to."""


def load(
    environment: Mapping[str, str] | None = None, *, need: tuple[str, ...] = (), env_file: Path | None = None
) -> Settings:
    """The settings of `environment` (default: the process's) over those of the `.env` file, checked.

    `need`: fields that must be set; with the gateways, what each of them needs, and their file is read. Raises
    `SettingsError`, one line that names the variable and no secret.
    """
    found = gather(environment, env_file)
    _check_names(found)
    values = {name.removeprefix(PREFIX).lower(): value for name, value in found.items() if value}
    try:
        settings = Settings.model_validate({k: v for k, v in values.items() if k in Settings.model_fields})
    except ValidationError as error:
        raise SettingsError(_first_line(error)) from None
    wanted = [field for one in need for field in ([one] if one != "gateways" else _of_gateways(settings))]
    missing = [variable(field) for field in wanted if getattr(settings, field) in (None, "")]
    if missing:
        raise SettingsError(f"{missing[0]} is not set" + (f" (nor {', '.join(missing[1:])})" if missing[1:] else ""))
    if "gateways" in need and settings.http_gateways:
        return settings.with_http_file(read_http_file(settings.http_gateways, _merged(environment, env_file)))
    return settings


def _of_gateways(settings: Settings) -> list[str]:
    """The fields that the gateways need."""
    return [field for name in settings.gateways for field in NEEDED_BY.get(name, ("http_gateways",))]


def gather(environment: Mapping[str, str] | None = None, env_file: Path | None = None) -> dict[str, str]:
    """Variable -> value of every `BRIDGE_…`, unchecked; `""` where it is set and empty.

    `BRIDGE_X_FILE` is read, `PORT` and `DATABASE_URL` are taken where ours is unset. Raises `SettingsError` for a file
    that cannot be read.
    """
    merged = _merged(environment, env_file)
    found = {name: value.strip() for name, value in merged.items() if name.startswith(PREFIX)}
    for field in SECRETS:
        name = variable(field)
        path = found.pop(f"{name}_FILE", "")
        if path and not found.get(name):
            try:
                found[name] = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a null byte in the path
                raise SettingsError(f"{name}_FILE: cannot read {path}: {getattr(error, 'strerror', error)}") from None
    if merged.get("PORT") and not found.get("BRIDGE_PORT"):
        found["BRIDGE_PORT"] = merged["PORT"].strip()
        if not found["BRIDGE_PORT"].isdecimal():
            raise SettingsError("PORT: must be a whole number")
        if not found.get("BRIDGE_HOST"):
            found["BRIDGE_HOST"] = "0.0.0.0"  # noqa: S104 - a host that hands out PORT routes to us from outside
    if merged.get("DATABASE_URL") and not found.get("BRIDGE_DATABASE_URL"):
        found["BRIDGE_DATABASE_URL"] = merged["DATABASE_URL"].strip()
    return found


def _merged(environment: Mapping[str, str] | None, env_file: Path | None) -> dict[str, str]:
    return {**_written_in(env_file or Path(".env")), **(os.environ if environment is None else environment)}


def _written_in(env_file: Path) -> dict[str, str]:
    try:
        if not env_file.is_file():
            return {}
        with env_file.open(encoding="utf-8") as lines:
            wrong = next((found.original.line for found in parse_stream(lines) if found.error), None)
        if wrong is not None:  # dotenv would go on without it, and only say so in the log
            raise SettingsError(f"{env_file}, line {wrong}: is not of the form NAME=value")
        return {name: value or "" for name, value in dotenv_values(env_file).items()}
    except UnicodeDecodeError:
        raise SettingsError(f"{env_file}: cannot be read: it is not UTF-8") from None
    except OSError as error:
        raise SettingsError(f"{env_file}: cannot be read: {error.strerror}") from None


def _check_names(found: Mapping[str, str]) -> None:
    known = {variable(field) for field in Settings.model_fields}
    for name in sorted(found):
        if name in known or name in LATER:
            continue
        all_names = [*known, *LATER, *(f"{variable(field)}_FILE" for field in SECRETS)]
        # Without the prefix: that every name has it makes none of them alike.
        near = difflib.get_close_matches(
            name.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in all_names], n=1, cutoff=0.75
        )
        hint = f"; did you mean {PREFIX}{near[0]}?" if near else ""
        raise SettingsError(f"{name} is no setting of bridge{hint}")


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


def _first_line(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    words = _MUST.get(first["type"], str(first["msg"]).removeprefix("Value error, ")).format_map(first.get("ctx", {}))
    return f"{variable(str(first['loc'][0]))}: {words}" if first["loc"] else words
