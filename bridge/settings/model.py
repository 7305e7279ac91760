"""The fields: what each setting may be, and what is read from it."""

import hashlib
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bridge.domain.phone import is_region
from bridge.settings.addresses import exact_url, http_url, https_url
from bridge.settings.http_file import HttpFile

PREFIX = "BRIDGE_"

SHOWN_MOST = 12
"""Characters of a wrong value that an error quotes: no key and no token is so short."""


def _parts(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _quoted(value: str) -> str:
    """A short value, to be found by; nothing of one that may be a secret in the wrong place."""
    return f"{value!r} " if len(value) <= SHOWN_MOST else ""


def _region(value: str) -> str:
    if not is_region(value.upper()):
        raise ValueError(f"{_quoted(value)}is no ISO country code such as GH")
    return value.upper()


def _sender(value: str) -> str:
    if not 1 <= len(value) <= 11:
        raise ValueError(f"must have 1 to 11 characters, this has {len(value)}")
    return value


def _textlocal_sender(value: str) -> str:
    if not 3 <= len(value) <= 11:
        raise ValueError(f"must have 3 to 11 characters, this has {len(value)}")
    return value


def _gateway_name(value: str) -> str:
    if not re.fullmatch(GATEWAY_NAME, value):
        raise ValueError(f"{_quoted(value)}is no gateway's name: small letters, digits, - and _, at most 32")
    return value


def _no_doubles(value: tuple[str, ...]) -> tuple[str, ...]:
    if double := next((name for name in value if value.count(name) > 1), ""):
        raise ValueError(f"{double!r} stands there twice")
    return value


def _person(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"\d{1,16}", value):
        raise ValueError(f"{_quoted(value)}is no numeric user id (a person learns theirs by /whoami)")
    return value


def _bot_token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"\d+:[A-Za-z0-9_-]+", value.get_secret_value()):
        raise ValueError("is not of the form 123456:ABC… that BotFather gives")
    return value


def _receive(value: str) -> str:
    if value == "webhook":
        raise ValueError("webhook is not there yet; use polling (or auto)")
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


GATEWAY_NAME = r"[a-z][a-z0-9_-]{0,31}"

NEEDED_BY = {
    "msmpusher": ("msmpusher_private_key", "msmpusher_public_key", "msmpusher_sender"),
    "textlocal": ("textlocal_api_key", "textlocal_sender"),
}
"""Gateway with settings of its own -> which of them it cannot do without."""

TOKEN_LONG_ENOUGH = 16
"""Characters of a token of ours. Nothing slows down who tries many of them."""

UNNAMED = "api"
"""The name of an API token that was given none."""

Ids = Annotated[frozenset[Annotated[int, BeforeValidator(_person)]], NoDecode, BeforeValidator(_parts)]
Url = Annotated[str, AfterValidator(http_url)]
Region = Annotated[str, AfterValidator(_region)]
ApiToken = Annotated[SecretStr, AfterValidator(_api_token)]


class Settings(BaseSettings):
    """The settings, checked. Build it with `load`, which turns every mistake into one line."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True, allow_inf_nan=False
    )

    telegram_token: Annotated[SecretStr, AfterValidator(_bot_token)] | None = None
    telegram_api_url: Url = "https://api.telegram.org"
    telegram_users: Ids = frozenset()
    telegram_admins: Ids = frozenset()
    telegram_chat: Annotated[str, BeforeValidator(_chat)] = ""
    public_url: Annotated[str, AfterValidator(https_url)] = ""
    telegram_receive: Annotated[
        Literal["auto", "polling", "webhook"], BeforeValidator(_lower), AfterValidator(_receive)
    ] = "auto"

    gateways: Annotated[
        tuple[Annotated[str, BeforeValidator(_lower), AfterValidator(_gateway_name)], ...],
        NoDecode,
        BeforeValidator(_parts),
        Field(min_length=1),
        AfterValidator(_no_doubles),
    ] = ("msmpusher",)
    gateway_timeout_s: float = Field(10, gt=0, le=120)
    gateway_slots: int = Field(16, ge=1, le=256)
    msmpusher_url: Url = "https://api.msmpusher.net/v1/send"
    msmpusher_private_key: SecretStr | None = None
    msmpusher_public_key: SecretStr | None = None
    msmpusher_sender: Annotated[str, AfterValidator(_sender)] | None = None
    msmpusher_method: Annotated[Literal["json", "form", "get"], BeforeValidator(_lower)] = "json"
    msmpusher_batch: int = Field(1, ge=1, le=1000)
    textlocal_url: Annotated[str, AfterValidator(exact_url)] = "https://api.textlocal.in/send/"
    textlocal_api_key: SecretStr | None = None
    textlocal_sender: Annotated[str, AfterValidator(_textlocal_sender)] | None = None
    http_gateways: str = ""

    default_region: Region = "GH"
    allowed_countries: Annotated[frozenset[Region], NoDecode, BeforeValidator(_parts)] = frozenset()

    database_url: str = "sqlite:///bridge.db"
    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    api_tokens: Annotated[tuple[ApiToken, ...], NoDecode, BeforeValidator(_parts)] = ()
    alert_tokens: Annotated[tuple[ApiToken, ...], NoDecode, BeforeValidator(_parts)] = ()
    grafana_secret: SecretStr | None = None
    oncall_file: str = ""
    heartbeat_url: Annotated[str, AfterValidator(lambda value: http_url(value) if value else "")] = ""

    retry_for_s: float = Field(120, ge=0, le=86400)
    confirm_above: int = Field(20, ge=0)
    max_segments: int = Field(6, ge=1, le=255)
    command_max_age_s: float = Field(300, gt=0, le=86400)
    daily_limit: int = Field(500, ge=0)
    daily_limit_all: int = Field(2000, ge=0)
    retention_days: int = Field(90, ge=1, le=36500)
    page_max_age_s: float = Field(86400, ge=60, le=604800)
    page_interval_s: float = Field(60, ge=0, le=3600)

    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = "INFO"
    log_format: Annotated[Literal["text", "json"], BeforeValidator(_lower)] = "text"

    _http_file: HttpFile | None = PrivateAttr(None)

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: Any, init_settings: Any, env_settings: Any, dotenv_settings: Any, file_secret_settings: Any
    ) -> tuple[Any, ...]:
        """Only what `load` gathered: pydantic would read the environment again, with what is empty or not asked for."""
        return (init_settings,)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.http_gateways and (others := [name for name in self.gateways if name not in NEEDED_BY]):
            known = " nor ".join(NEEDED_BY)
            raise ValueError(
                f"BRIDGE_GATEWAYS: {_quoted(others[0]) or 'one '}is neither {known}, "
                "and BRIDGE_HTTP_GATEWAYS, the file of all others, is not set"
            )
        return self

    @property
    def http_file(self) -> HttpFile | None:
        """What stands in the file of `BRIDGE_HTTP_GATEWAYS`; None if none is set, or gateways were not asked for."""
        return self._http_file

    def with_http_file(self, file: HttpFile) -> Self:
        """The same, and the file."""
        found = self.model_copy()
        found._http_file = file
        return found

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

    def alert_names(self) -> dict[str, str]:
        """SHA-256 of each token that may post alerts and pings (hex) -> its name: those of `/v1/sms` may, too."""
        pairs = map(_name_and_secret, self.alert_tokens)
        return {hashlib.sha256(secret.encode()).hexdigest(): name for name, secret in pairs} | self.api_names()

    def short_tokens(self) -> tuple[tuple[str, str], ...]:
        """(variable, name) of each token of HTTP that is short enough to be guessed."""
        fields = (("api_tokens", self.api_tokens), ("alert_tokens", self.alert_tokens))
        pairs = [(variable(field), *_name_and_secret(token)) for field, tokens in fields for token in tokens]
        return tuple((variable_, name) for variable_, name, secret in pairs if len(secret) < TOKEN_LONG_ENOUGH)

    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for whoever keeps them out of the logs."""
        single = (
            self.telegram_token,
            self.msmpusher_private_key,
            self.msmpusher_public_key,
            self.textlocal_api_key,
            self.grafana_secret,
        )
        tokens = (_name_and_secret(token)[1] for token in (*self.api_tokens, *self.alert_tokens))
        # The address of a heartbeat is its token.
        others = [self.heartbeat_url, *(self._http_file.values.values() if self._http_file else ())]
        return (*(one.get_secret_value() for one in single if one), *tokens, *filter(None, others))


SECRETS = (
    "telegram_token",
    "msmpusher_private_key",
    "msmpusher_public_key",
    "textlocal_api_key",
    "api_tokens",
    "alert_tokens",
    "grafana_secret",
)
TELEGRAM = ("telegram_token",)
GATEWAY = ("gateways",)
"""Needed with it: whatever each of the gateways needs."""


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()
