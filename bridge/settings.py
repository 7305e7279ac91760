"""Every setting of bridge, from the environment or a `.env` file. `.env.example` lists them for people."""

import difflib
import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import httpx
from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bridge.domain.errors import SettingsError
from bridge.domain.phone import is_region

PREFIX = "BRIDGE_"

LATER = {
    "BRIDGE_TELEGRAM_WEBHOOK_SECRET": "the webhook",
    "BRIDGE_PUBLIC_URL": "the webhook and ack links",
    "BRIDGE_MSMPUSHER_RATE": "rate limits",
    "BRIDGE_TEXTLOCAL_URL": "a second gateway",
    "BRIDGE_TEXTLOCAL_API_KEY": "a second gateway",
    "BRIDGE_TEXTLOCAL_SENDER": "a second gateway",
    "BRIDGE_HTTP_GATEWAYS": "a second gateway",
    "BRIDGE_ALERT_TOKENS": "alerts",
    "BRIDGE_GRAFANA_SECRET": "alerts",
    "BRIDGE_ONCALL_FILE": "the on-call file",
    "BRIDGE_PAGE_MAX_AGE_S": "pages",
    "BRIDGE_PAGE_INTERVAL_S": "pages",
    "BRIDGE_RETENTION_DAYS": "retention",
    "BRIDGE_HEARTBEAT_URL": "heartbeats",
}
"""Names that are spoken for: known, and without effect in this version. The value says what they will belong to."""


def _parts(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _region(value: str) -> str:
    if not is_region(value.upper()):
        raise ValueError(f"{value!r} is no ISO country code such as GH")
    return value.upper()


def _sender(value: str) -> str:
    if not 1 <= len(value) <= 11:
        raise ValueError(f"must have 1 to 11 characters, this has {len(value)}")
    return value


def _http_url(value: str) -> str:
    wrong = "must be an address such as https://example.org"
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s]*", value):
        raise ValueError(wrong)
    try:
        # As the clients read it; and as we do for the host's name.
        usable = httpx.URL(value).host and urlsplit(value).hostname and urlsplit(value).port != 0
    except (httpx.InvalidURL, ValueError):
        raise ValueError(wrong) from None
    if not usable:
        raise ValueError(wrong)
    return value.rstrip("/")


def _person(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"\d{1,16}", value):
        raise ValueError(f"{value!r} is no numeric user id (a person learns theirs by /whoami)")
    return value


def _api_token(value: SecretStr) -> SecretStr:
    if not _name_and_secret(value)[1]:
        raise ValueError("a token must be secret or name=secret")
    return value


def _name_and_secret(token: SecretStr) -> tuple[str, str]:
    """(name, secret) of `name=secret` or `secret`. Random secrets in base64 may end in `=`: that is no name."""
    whole = token.get_secret_value()
    named = re.fullmatch(r"([^=]+)=(.*[^=].*)", whole)
    if named:
        return named[1], named[2]
    return UNNAMED, whole if whole.strip("=") else ""


def _chat(value: object) -> object:
    if isinstance(value, str) and value and not re.fullmatch(r"-?\d{1,16}(:\d{1,10})?", value):
        raise ValueError("must be a chat id such as -1001234567890, or with a topic -1001234567890:7")
    return value


UNNAMED = "api"
"""The name of an API token that was given none."""

Ids = Annotated[frozenset[Annotated[int, BeforeValidator(_person)]], NoDecode, BeforeValidator(_parts)]
Url = Annotated[str, AfterValidator(_http_url)]
Region = Annotated[str, AfterValidator(_region)]
ApiToken = Annotated[SecretStr, AfterValidator(_api_token)]


class Settings(BaseSettings):
    """The settings, checked. Build it with `load`, which turns every mistake into one line."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True)

    telegram_token: SecretStr | None = None
    telegram_api_url: Url = "https://api.telegram.org"
    telegram_users: Ids = frozenset()
    telegram_admins: Ids = frozenset()
    telegram_chat: Annotated[str, BeforeValidator(_chat)] = ""
    telegram_receive: Literal["auto", "polling", "webhook"] = "auto"

    gateways: Annotated[tuple[Literal["msmpusher"], ...], NoDecode, BeforeValidator(_parts), Field(min_length=1)] = (
        "msmpusher",
    )
    gateway_timeout_s: float = Field(10, gt=0, le=120)
    gateway_slots: int = Field(16, ge=1, le=256)
    msmpusher_url: Url = "https://api.msmpusher.net/v1/send"
    msmpusher_private_key: SecretStr | None = None
    msmpusher_public_key: SecretStr | None = None
    msmpusher_sender: Annotated[str, AfterValidator(_sender)] | None = None
    msmpusher_method: Literal["json", "form", "get"] = "json"
    msmpusher_batch: int = Field(1, ge=1, le=1000)

    default_region: Region = "GH"
    allowed_countries: Annotated[frozenset[Region], NoDecode, BeforeValidator(_parts)] = frozenset()

    database_url: str = "sqlite:///bridge.db"
    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    api_tokens: Annotated[tuple[ApiToken, ...], NoDecode, BeforeValidator(_parts)] = ()

    retry_for_s: float = Field(120, ge=0, le=86400)
    confirm_above: int = Field(20, ge=0)
    max_segments: int = Field(6, ge=1, le=255)
    command_max_age_s: float = Field(300, gt=0, le=86400)
    daily_limit: int = Field(500, ge=0)
    daily_limit_all: int = Field(2000, ge=0)

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"

    @classmethod
    def settings_customise_sources(cls, *_: Any, init_settings: Any, **__: Any) -> tuple[Any, ...]:
        """Only what `load` gathered: pydantic would read the environment again, with what is empty or not asked for."""
        return (init_settings,)

    @model_validator(mode="after")
    def _check(self) -> Self:
        token = self.telegram_token.get_secret_value() if self.telegram_token else ""
        if token and not re.fullmatch(r"\d+:[A-Za-z0-9_-]+", token):
            raise ValueError("BRIDGE_TELEGRAM_TOKEN: is not of the form 123456:ABC… that BotFather gives")
        if self.telegram_receive == "webhook":
            raise ValueError("BRIDGE_TELEGRAM_RECEIVE: webhook is not there yet; use polling (or auto)")
        return self

    @property
    def people(self) -> frozenset[int]:
        """Everybody who may use it: users and admins."""
        return self.telegram_users | self.telegram_admins

    @property
    def notice_chats(self) -> tuple[tuple[int, int | None], ...]:
        """(chat, topic) for notices: the chat of `BRIDGE_TELEGRAM_CHAT`, else every admin privately."""
        if self.telegram_chat:
            chat, _, topic = self.telegram_chat.partition(":")
            return ((int(chat), int(topic) if topic else None),)
        return tuple((admin, None) for admin in sorted(self.telegram_admins))

    def api_names(self) -> dict[str, str]:
        """SHA-256 of each API token (hex) -> its name; an unnamed one is called `api`."""
        pairs = map(_name_and_secret, self.api_tokens)
        return {hashlib.sha256(secret.encode()).hexdigest(): name for name, secret in pairs}

    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for whoever keeps them out of the logs."""
        single = (self.telegram_token, self.msmpusher_private_key, self.msmpusher_public_key)
        tokens = (_name_and_secret(token)[1] for token in self.api_tokens)
        return (*(one.get_secret_value() for one in single if one), *tokens)


SECRETS = ("telegram_token", "msmpusher_private_key", "msmpusher_public_key", "api_tokens")
TELEGRAM = ("telegram_token",)
GATEWAY = ("msmpusher_private_key", "msmpusher_public_key", "msmpusher_sender")


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def load(
    environment: Mapping[str, str] | None = None, *, need: tuple[str, ...] = (), env_file: Path | None = None
) -> Settings:
    """The settings of `environment` (default: the process's) over those of the `.env` file, checked.

    `need`: fields that must be set. Raises `SettingsError`, one line that names the variable and no secret.
    """
    found = _gather(os.environ if environment is None else environment, env_file or Path(".env"))
    _check_names(found)
    values = {name.removeprefix(PREFIX).lower(): value for name, value in found.items() if value}
    try:
        settings = Settings.model_validate({k: v for k, v in values.items() if k in Settings.model_fields})
    except ValidationError as error:
        raise SettingsError(_first_line(error)) from None
    missing = [variable(field) for field in need if getattr(settings, field) in (None, "")]
    if missing:
        raise SettingsError(f"{missing[0]} is not set" + (f" (nor {', '.join(missing[1:])})" if missing[1:] else ""))
    return settings


def _gather(environment: Mapping[str, str], env_file: Path) -> dict[str, str]:
    """All `BRIDGE_…` values: `BRIDGE_X_FILE` read, `PORT` and `DATABASE_URL` taken where ours is unset."""
    merged = {**_written_in(env_file), **environment}
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
        if not found.get("BRIDGE_HOST"):
            found["BRIDGE_HOST"] = "0.0.0.0"  # noqa: S104 - a host that hands out PORT routes to us from outside
    if merged.get("DATABASE_URL") and not found.get("BRIDGE_DATABASE_URL"):
        found["BRIDGE_DATABASE_URL"] = merged["DATABASE_URL"].strip()
    return found


def _written_in(env_file: Path) -> dict[str, str]:
    try:
        return {name: value or "" for name, value in dotenv_values(env_file).items()} if env_file.is_file() else {}
    except UnicodeDecodeError:
        raise SettingsError(f"{env_file}: cannot be read: it is not UTF-8") from None
    except OSError as error:
        raise SettingsError(f"{env_file}: cannot be read: {error.strerror}") from None


def _check_names(found: Mapping[str, str]) -> None:
    known = {variable(field) for field in Settings.model_fields}
    for name in sorted(found):
        if name in known or name in LATER:
            continue
        near = difflib.get_close_matches(name, [*known, *LATER, *(f"{variable(s)}_FILE" for s in SECRETS)], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise SettingsError(f"{name} is no setting of bridge{hint}")


def _first_line(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    words = str(first["msg"]).removeprefix("Value error, ")
    if not first["loc"]:
        return words
    return f"{variable(str(first['loc'][0]))}: {words[:1].lower()}{words[1:]}"


def warnings(settings: Settings, environment: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """(event name, line) of what works and is not safe, or does nothing: said at start and by `bridge check`."""
    found = os.environ if environment is None else environment
    lines = [("settings.later", line) for line in without_effect(found)]
    if settings.msmpusher_method == "get":
        lines.append(
            (
                "settings.keys_in_urls",
                "BRIDGE_MSMPUSHER_METHOD=get puts both keys into addresses, and so into every proxy's log",
            )
        )
    url = urlsplit(settings.msmpusher_url)
    if url.scheme == "http" and url.hostname not in ("127.0.0.1", "::1", "localhost"):
        lines.append(("settings.in_the_clear", "BRIDGE_MSMPUSHER_URL is http: keys and texts travel in the clear"))
    if found.get("DYNO"):
        lines.append(
            ("settings.disk_is_wiped", "this host wipes its disk at each restart: a SQLite database loses everything")
        )
    if not settings.people:
        lines.append(
            (
                "settings.nobody",
                "nobody may use the bot: set BRIDGE_TELEGRAM_USERS or BRIDGE_TELEGRAM_ADMINS (a person's id: /whoami)",
            )
        )
    return lines


def without_effect(environment: Mapping[str, str] | None = None) -> list[str]:
    """Lines about variables that are set and do nothing in this version."""
    found = os.environ if environment is None else environment
    return [
        f"{name} has no effect yet: it belongs to {LATER[name]}, not in this version"
        for name in sorted(LATER)
        if found.get(name)
    ]
