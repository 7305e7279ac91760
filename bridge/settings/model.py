"""The fields: what each setting may be, and what is read from it."""

import hashlib
import re
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bridge.domain.phone import is_region
from bridge.settings.addresses import Url, exact_url, https_url, webhook_trouble
from bridge.settings.database_url import secrets_of
from bridge.settings.gateways import NEEDED_BY, BuiltIn
from bridge.settings.http_file import HttpFile
from bridge.settings.values import PREFIX, Caution, lower, parts, quoted, variable


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _region(value: str) -> str:
    if not is_region(value.upper()):
        raise ValueError(f"{quoted(value)}is no ISO country code such as GH")
    return value.upper()


def _gateway_name(value: str) -> str:
    if not re.fullmatch(GATEWAY_NAME, value):
        raise ValueError(f"{quoted(value)}is no gateway's name: small letters, digits, - and _, at most 32")
    return value


def _no_doubles(value: tuple[str, ...]) -> tuple[str, ...]:
    if double := next((name for name in value if value.count(name) > 1), ""):
        raise ValueError(f"{double!r} stands there twice")
    return value


def _person(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"\d{1,16}", value):
        raise ValueError(f"{quoted(value)}is no numeric user id (a person learns theirs by /whoami)")
    return value


def _bot_token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"\d+:[A-Za-z0-9_-]+", value.get_secret_value()):
        raise ValueError("is not of the form 123456:ABC… that BotFather gives")
    return value


def _webhook_secret(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", value.get_secret_value()):
        raise ValueError("must have 1 to 256 characters, of which Telegram takes letters, digits, - and _ only")
    return value


def _is_short(value: SecretStr | None) -> bool:
    return value is not None and len(value.get_secret_value()) < TOKEN_LONG_ENOUGH


def _api_token(value: SecretStr) -> SecretStr:
    if not _name_and_secret(value)[1]:
        raise ValueError("a token must be secret or name=secret")
    if len(_name_and_secret(value)[0]) > LONGEST_TOKEN_NAME:
        raise ValueError(f"a token's name has at most {LONGEST_TOKEN_NAME} characters")
    return value


def _name_and_secret(token: SecretStr) -> tuple[str, str]:
    """(name, secret) of `name=secret` or `secret`. Random secrets in base64 may end in `=`: that is no name."""
    whole = token.get_secret_value()
    named = re.fullmatch(r"([^=]+)=(.*[^=].*)", whole)
    if named:
        return named[1], named[2]
    if not whole.strip("=") or (whole.endswith("=") and len(whole) < TOKEN_LONG_ENOUGH):
        return UNNAMED, ""  # `name=`, and the secret was forgotten
    return UNNAMED, whole


def _chat(value: object) -> object:
    if isinstance(value, str) and value and not re.fullmatch(r"-?\d{1,16}(:\d{1,10})?", value):
        raise ValueError("must be a chat id such as -1001234567890, or with a topic -1001234567890:7")
    return value


GATEWAY_NAME = r"[a-z][a-z0-9_-]{0,31}"

TOKEN_LONG_ENOUGH = 16
"""Characters of a token of ours. Nothing slows down who tries many of them."""

LONGEST_TOKEN_NAME = 64
UNNAMED = "api"
"""The name of an API token that was given none."""

SHORT_SECRET = Caution(
    holds=_is_short,
    event="settings.short_token",
    words=f"has fewer than {TOKEN_LONG_ENOUGH} characters and could be guessed: leave it out, and it is made for you",
)

Ids = Annotated[frozenset[Annotated[int, BeforeValidator(_person)]], NoDecode, BeforeValidator(parts)]
Region = Annotated[str, AfterValidator(_region)]
ApiToken = Annotated[SecretStr, AfterValidator(_api_token)]


class Settings(BuiltIn, BaseSettings):
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
    telegram_receive: Annotated[Literal["auto", "polling", "webhook"], BeforeValidator(lower)] = "auto"
    telegram_webhook_secret: Annotated[Annotated[SecretStr, AfterValidator(_webhook_secret)] | None, SHORT_SECRET] = (
        None
    )

    gateways: Annotated[
        tuple[Annotated[str, BeforeValidator(lower), AfterValidator(_gateway_name)], ...],
        NoDecode,
        BeforeValidator(parts),
        Field(min_length=1),
        AfterValidator(_no_doubles),
    ] = ("msmpusher",)
    gateway_timeout_s: float = Field(10, gt=0, le=120)
    gateway_slots: int = Field(16, ge=1, le=256)
    http_gateways: str = ""

    default_region: Region = "GH"
    allowed_countries: Annotated[frozenset[Region], NoDecode, BeforeValidator(parts)] = frozenset()

    database_url: Annotated[str, Field(repr=False)] = "sqlite:///bridge.db"
    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    api_tokens: Annotated[tuple[ApiToken, ...], NoDecode, BeforeValidator(parts)] = ()
    alert_tokens: Annotated[tuple[ApiToken, ...], NoDecode, BeforeValidator(parts)] = ()
    grafana_secret: SecretStr | None = None
    oncall_file: str = ""
    heartbeat_url: Annotated[str, AfterValidator(lambda value: exact_url(value) if value else "")] = ""

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
    log_format: Annotated[Literal["text", "json"], BeforeValidator(lower)] = "text"

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
                f"BRIDGE_GATEWAYS: {quoted(others[0]) or 'one '}is neither {known}, "
                "and BRIDGE_HTTP_GATEWAYS, the file of all others, is not set"
            )
        if self.telegram_receive == "webhook" and self.webhook_trouble:
            raise ValueError(f"BRIDGE_TELEGRAM_RECEIVE: no webhook is possible: {self.webhook_trouble}")
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

    @property
    def webhook_trouble(self) -> str:
        """Why Telegram could not bring updates to us, as far as the settings tell; "" where it could."""
        return webhook_trouble(self.public_url, self.telegram_api_url)

    @property
    def by_webhook(self) -> bool:
        """Whether Telegram brings updates to us; else it is asked for them."""
        return self.telegram_receive == "webhook" or (self.telegram_receive == "auto" and not self.webhook_trouble)

    @property
    def receiving(self) -> str:
        """How updates come, for people; with why, where one might think otherwise."""
        if self.by_webhook:
            return "by webhook"
        return (
            f"by polling ({self.webhook_trouble})"
            if self.telegram_receive == "auto" and self.public_url
            else "by polling"
        )

    @property
    def webhook_secret(self) -> str:
        """What Telegram shows us with each update: as set, else made of the bot's token; "" where that is not set."""
        if self.telegram_webhook_secret is not None:
            return self.telegram_webhook_secret.get_secret_value()
        token = self.telegram_token
        return hashlib.sha256(b"webhook\0" + token.get_secret_value().encode()).hexdigest() if token else ""

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
        found: list[str] = []
        for value in (getattr(self, field) for field in SECRETS):
            if isinstance(value, SecretStr):
                found.append(value.get_secret_value())
            elif isinstance(value, tuple):
                found += [_name_and_secret(token)[1] for token in value]
        # The address of a heartbeat is its token.
        others = [self.heartbeat_url, *(self._http_file.values.values() if self._http_file else ())]
        others += [*secrets_of(self.database_url), self.webhook_secret]
        return (*found, *filter(None, others))


def _holds_a_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(map(_holds_a_secret, get_args(annotation)))


SECRETS = (
    *(name for name, field in Settings.model_fields.items() if _holds_a_secret(field.annotation)),
    "database_url",  # a password may stand in it
)
"""Fields of which nobody may read the value; it may come from a file."""

TELEGRAM = ("telegram_token",)
GATEWAY = ("gateways",)
"""Needed with it: whatever each of the gateways needs."""
