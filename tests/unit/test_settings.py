import hashlib
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import settings
from bridge.domain.errors import SettingsError

TOKEN = "123456:AAF-secret_token"
FULL = {
    "BRIDGE_TELEGRAM_TOKEN": TOKEN,
    "BRIDGE_MSMPUSHER_PRIVATE_KEY": "private-secret",
    "BRIDGE_MSMPUSHER_PUBLIC_KEY": "public-secret",
    "BRIDGE_MSMPUSHER_SENDER": "ACME",
}
ALL = settings.TELEGRAM + settings.GATEWAY


def load(tmp_path: Path, need: tuple[str, ...] = (), **variables: str) -> settings.Settings:
    """The settings of exactly these variables: neither this process's environment nor a `.env` file beside it."""
    return settings.load(variables, need=need, env_file=tmp_path / "none")


def refused(tmp_path: Path, need: tuple[str, ...] = (), **variables: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, need, **variables)
    line = str(caught.value)
    assert "\n" not in line
    assert caught.value.__cause__ is None or "secret" not in str(caught.value.__cause__)
    return line


def test_the_defaults_are_as_promised(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert found.model_dump() == {
        "telegram_token": None,
        "telegram_api_url": "https://api.telegram.org",
        "telegram_users": frozenset(),
        "telegram_admins": frozenset(),
        "telegram_chat": "",
        "public_url": "",
        "telegram_receive": "auto",
        "telegram_webhook_secret": None,
        "gateways": ("msmpusher",),
        "gateway_timeout_s": 10,
        "gateway_slots": 16,
        "msmpusher_url": "https://api.msmpusher.net/v1/send",
        "msmpusher_private_key": None,
        "msmpusher_public_key": None,
        "msmpusher_sender": None,
        "msmpusher_method": "json",
        "msmpusher_batch": 1,
        "msmpusher_rate": 0,
        "textlocal_url": "https://api.textlocal.in/send/",
        "textlocal_api_key": None,
        "textlocal_sender": None,
        "textlocal_low_balance": 100,
        "textlocal_rate": 0,
        "http_gateways": "",
        "default_region": "GH",
        "allowed_countries": frozenset(),
        "database_url": "sqlite:///bridge.db",
        "host": "127.0.0.1",
        "port": 8080,
        "api_tokens": (),
        "alert_tokens": (),
        "grafana_secret": None,
        "oncall_file": "",
        "heartbeat_url": "",
        "retry_for_s": 120,
        "confirm_above": 20,
        "max_segments": 6,
        "command_max_age_s": 300,
        "daily_limit": 500,
        "daily_limit_all": 2000,
        "retention_days": 90,
        "page_max_age_s": 86400,
        "page_interval_s": 60,
        "log_level": "INFO",
        "log_format": "text",
    }


GOOD = [
    ("BRIDGE_TELEGRAM_API_URL", "http://127.0.0.1:8081/", "http://127.0.0.1:8081"),
    ("BRIDGE_TELEGRAM_USERS", " 1, 22 ,,333", frozenset({1, 22, 333})),
    ("BRIDGE_TELEGRAM_ADMINS", "111111111", frozenset({111111111})),
    ("BRIDGE_TELEGRAM_CHAT", "-1001234567890:7", "-1001234567890:7"),
    ("BRIDGE_TELEGRAM_RECEIVE", "polling", "polling"),
    ("BRIDGE_GATEWAYS", "msmpusher", ("msmpusher",)),
    ("BRIDGE_GATEWAY_TIMEOUT_S", "2.5", 2.5),
    ("BRIDGE_GATEWAY_SLOTS", "1", 1),
    ("BRIDGE_MSMPUSHER_URL", "https://example.org/v1/send", "https://example.org/v1/send"),
    ("BRIDGE_MSMPUSHER_SENDER", "ELEVEN CHAR", "ELEVEN CHAR"),
    ("BRIDGE_MSMPUSHER_METHOD", "FORM", "form"),
    ("BRIDGE_MSMPUSHER_BATCH", "100", 100),
    ("BRIDGE_MSMPUSHER_RATE", "7.5", 7.5),
    ("BRIDGE_TEXTLOCAL_RATE", "1000", 1000),
    ("BRIDGE_TEXTLOCAL_URL", "https://api.txtlocal.com/send/", "https://api.txtlocal.com/send/"),
    ("BRIDGE_TEXTLOCAL_SENDER", "OPS", "OPS"),
    ("BRIDGE_TEXTLOCAL_LOW_BALANCE", "0", 0),
    ("BRIDGE_HTTP_GATEWAYS", "/etc/bridge/gateways.toml", "/etc/bridge/gateways.toml"),
    ("BRIDGE_DEFAULT_REGION", "de", "DE"),
    ("BRIDGE_ALLOWED_COUNTRIES", "gh, NG", frozenset({"GH", "NG"})),
    ("BRIDGE_DATABASE_URL", "sqlite:////var/lib/bridge.db", "sqlite:////var/lib/bridge.db"),
    ("BRIDGE_HOST", "::1", "::1"),
    ("BRIDGE_PORT", "0", 0),
    ("BRIDGE_RETRY_FOR_S", "0", 0),
    ("BRIDGE_CONFIRM_ABOVE", "0", 0),
    ("BRIDGE_MAX_SEGMENTS", "1", 1),
    ("BRIDGE_COMMAND_MAX_AGE_S", "60", 60),
    ("BRIDGE_DAILY_LIMIT", "0", 0),
    ("BRIDGE_DAILY_LIMIT_ALL", "7", 7),
    ("BRIDGE_RETENTION_DAYS", "1", 1),
    ("BRIDGE_PUBLIC_URL", "https://pager.example.org/", "https://pager.example.org"),
    ("BRIDGE_ONCALL_FILE", "/etc/bridge/oncall.toml", "/etc/bridge/oncall.toml"),
    ("BRIDGE_HEARTBEAT_URL", "https://hc.example.org/ping/1", "https://hc.example.org/ping/1"),
    ("BRIDGE_PAGE_MAX_AGE_S", "3600", 3600),
    ("BRIDGE_PAGE_INTERVAL_S", "0", 0),
    ("BRIDGE_LOG_LEVEL", "debug", "DEBUG"),
    ("BRIDGE_LOG_FORMAT", "json", "json"),
]


@pytest.mark.parametrize(("name", "value", "expected"), GOOD, ids=[name for name, _, _ in GOOD])
def test_a_good_value_is_taken(tmp_path: Path, name: str, value: str, expected: object) -> None:
    assert getattr(load(tmp_path, **{name: value}), name.removeprefix("BRIDGE_").lower()) == expected


def test_every_setting_has_a_case_above_or_is_a_secret() -> None:
    cases = {name.removeprefix("BRIDGE_").lower() for name, _, _ in GOOD}
    assert cases | set(settings.SECRETS) == set(settings.Settings.model_fields)


BAD = [
    ("BRIDGE_TELEGRAM_TOKEN", "secret without colon", "123456:ABC"),
    ("BRIDGE_TELEGRAM_API_URL", "api.telegram.org", "address"),
    ("BRIDGE_TELEGRAM_API_URL", "ftp://api.telegram.org", "address"),
    ("BRIDGE_TELEGRAM_USERS", "111111111,@ama", "'@ama' is no numeric user id"),
    ("BRIDGE_TELEGRAM_USERS", "-5", "no numeric user id"),
    ("BRIDGE_TELEGRAM_ADMINS", "ama", "no numeric user id"),
    ("BRIDGE_TELEGRAM_ADMINS", "1.5", "no numeric user id"),
    ("BRIDGE_TELEGRAM_CHAT", "@ops", "chat id"),
    ("BRIDGE_TELEGRAM_CHAT", "-100:", "chat id"),
    ("BRIDGE_TELEGRAM_WEBHOOK_SECRET", "two words", "must have 1 to 256 characters, of which Telegram takes letters"),
    ("BRIDGE_TELEGRAM_WEBHOOK_SECRET", "x" * 257, "must have 1 to 256 characters"),
    ("BRIDGE_TELEGRAM_RECEIVE", "push", "must be 'auto', 'polling' or 'webhook'"),
    ("BRIDGE_GATEWAYS", "msmpusher,twilio", "'twilio' is neither msmpusher nor textlocal, and BRIDGE_HTTP_GATEWAYS"),
    ("BRIDGE_GATEWAYS", "msmpusher,two words", "'two words' is no gateway's name"),
    ("BRIDGE_GATEWAYS", "msmpusher,MSMPUSHER", "'msmpusher' stands there twice"),
    ("BRIDGE_GATEWAYS", ",", "must not be empty"),
    ("BRIDGE_GATEWAY_TIMEOUT_S", "0", "must be more than 0"),
    ("BRIDGE_GATEWAY_TIMEOUT_S", "121", "must be 120 or less"),
    ("BRIDGE_GATEWAY_TIMEOUT_S", "ten", "must be a number"),
    ("BRIDGE_GATEWAY_TIMEOUT_S", "nan", "must be a number"),
    ("BRIDGE_GATEWAY_SLOTS", "0", "must be 1 or more"),
    ("BRIDGE_GATEWAY_SLOTS", "257", "must be 256 or less"),
    ("BRIDGE_MSMPUSHER_URL", "https://", "address"),
    ("BRIDGE_MSMPUSHER_SENDER", "TWELVE CHARS", "1 to 11 characters, this has 12"),
    ("BRIDGE_MSMPUSHER_METHOD", "soap", "'json', 'form' or 'get'"),
    ("BRIDGE_MSMPUSHER_BATCH", "0", "must be 1 or more"),
    ("BRIDGE_MSMPUSHER_BATCH", "2.5", "must be a whole number"),
    ("BRIDGE_TEXTLOCAL_URL", "api.textlocal.in/send/", "address"),
    ("BRIDGE_TEXTLOCAL_SENDER", "OP", "3 to 11 characters, this has 2"),
    ("BRIDGE_TEXTLOCAL_SENDER", "TWELVE CHARS", "3 to 11 characters, this has 12"),
    ("BRIDGE_TEXTLOCAL_LOW_BALANCE", "-1", "must be 0 or more"),
    ("BRIDGE_TEXTLOCAL_LOW_BALANCE", "few", "must be a number"),
    ("BRIDGE_DEFAULT_REGION", "Ghana", "no ISO country code"),
    ("BRIDGE_ALLOWED_COUNTRIES", "GH,XX", "no ISO country code"),
    ("BRIDGE_PORT", "65536", "must be 65535 or less"),
    ("BRIDGE_PORT", "-1", "must be 0 or more"),
    ("BRIDGE_PORT", "http", "must be a whole number"),
    ("BRIDGE_RETRY_FOR_S", "-1", "must be 0 or more"),
    ("BRIDGE_RETRY_FOR_S", "86401", "must be 86400 or less"),
    ("BRIDGE_RETRY_FOR_S", "inf", "must be"),
    ("BRIDGE_CONFIRM_ABOVE", "many", "must be a whole number"),
    ("BRIDGE_MAX_SEGMENTS", "0", "must be 1 or more"),
    ("BRIDGE_RETENTION_DAYS", "0", "must be 1 or more"),
    ("BRIDGE_COMMAND_MAX_AGE_S", "0", "must be more than 0"),
    ("BRIDGE_COMMAND_MAX_AGE_S", "inf", "must be"),
    ("BRIDGE_COMMAND_MAX_AGE_S", "nan", "must be a number"),
    ("BRIDGE_DAILY_LIMIT", "-1", "must be 0 or more"),
    ("BRIDGE_DAILY_LIMIT_ALL", "1e3", "must be a whole number"),
    ("BRIDGE_PUBLIC_URL", "http://pager.example.org", "must begin with https://"),
    ("BRIDGE_PUBLIC_URL", "pager.example.org", "must be an address"),
    ("BRIDGE_HEARTBEAT_URL", "ping", "must be an address"),
    ("BRIDGE_PAGE_MAX_AGE_S", "5", "must be 60 or more"),
    ("BRIDGE_PAGE_INTERVAL_S", "-1", "must be 0 or more"),
    ("BRIDGE_LOG_LEVEL", "LOUD", "'DEBUG', 'INFO'"),
    ("BRIDGE_LOG_FORMAT", "xml", "'text' or 'json'"),
    ("BRIDGE_API_TOKENS", "ci=secret,=", "secret or name=secret"),
    ("BRIDGE_ALERT_TOKENS", "ci=secret,prometheus=", "secret or name=secret"),
    ("BRIDGE_COMMAND_MAX_AGE_S", "86401", "must be 86400 or less"),
]


@pytest.mark.parametrize(("name", "value", "words"), BAD, ids=[f"{name}={value}" for name, value, _ in BAD])
def test_a_bad_value_is_one_line_that_names_the_variable(tmp_path: Path, name: str, value: str, words: str) -> None:
    line = refused(tmp_path, **{name: value})
    assert line.startswith(f"{name}: ")
    assert words in line
    assert "secret without" not in line
    assert "ci=" not in line


def lines_of(tmp_path: Path, **variables: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, ALL, **variables)
    return sorted(caught.value.lines)


ONE_EACH = sorted({name: value for name, value, _ in BAD}.items())


@given(wrong=st.lists(st.sampled_from(ONE_EACH), min_size=1, unique=True), missing=st.sets(st.sampled_from(list(FULL))))
def test_each_mistake_has_its_line_whatever_else_is_wrong(wrong: list[tuple[str, str]], missing: set[str]) -> None:
    folder = Path("none")
    good = FULL | {"BRIDGE_GATEWAYS": "msmpusher"}
    alone = [line for name, value in wrong for line in lines_of(folder, **(good | {name: value}))]
    # What the gateways need is not said where they are wrong themselves.
    gateways = {"BRIDGE_MSMPUSHER_PRIVATE_KEY", "BRIDGE_MSMPUSHER_PUBLIC_KEY", "BRIDGE_MSMPUSHER_SENDER"}
    left_out = gateways if "BRIDGE_GATEWAYS" in dict(wrong) else set()
    needed = [f"{name} is not set" for name in missing - dict(wrong).keys() - left_out]
    given_ = {name: value for name, value in good.items() if name not in missing} | dict(wrong)
    assert lines_of(folder, **given_) == sorted([*alone, *needed])


def test_of_what_could_not_be_read_or_was_misspelt_it_is_not_said_that_it_is_not_set(tmp_path: Path) -> None:
    assert lines_of(tmp_path, BRIDGE_TELEGRAM_TOKN="x", BRIDGE_MSMPUSHER_PRIVATE_KEY_FILE="/none") == [
        "BRIDGE_MSMPUSHER_PRIVATE_KEY_FILE: cannot read /none: No such file or directory",
        "BRIDGE_MSMPUSHER_PUBLIC_KEY is not set",
        "BRIDGE_MSMPUSHER_SENDER is not set",
        "BRIDGE_TELEGRAM_TOKN is no setting of bridge; did you mean BRIDGE_TELEGRAM_TOKEN?",
    ]


def test_every_line_of_an_env_file_that_is_none_is_named_and_what_the_others_say_is_looked_at(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("BRIDGE_PORT=http\n=secret\nBRIDGE_HOST=::1\n'secret\nPORT=x\n")
    with pytest.raises(SettingsError) as caught:
        settings.load({}, need=ALL, env_file=file)
    assert caught.value.lines == (
        f"{file}, line 2: is not of the form NAME=value",
        f"{file}, line 4: is not of the form NAME=value",
        "BRIDGE_PORT: must be a whole number",
    )


def test_the_file_of_gateways_is_looked_at_whatever_else_is_wrong(tmp_path: Path) -> None:
    assert lines_of(tmp_path, **FULL | {"BRIDGE_HTTP_GATEWAYS": "/none", "BRIDGE_PORT": "x"}) == [
        "BRIDGE_HTTP_GATEWAYS: cannot read /none: No such file or directory",
        "BRIDGE_PORT: must be a whole number",
    ]


@pytest.mark.parametrize("missing", list(FULL))
def test_what_is_needed_and_not_set_is_named(tmp_path: Path, missing: str) -> None:
    given = {name: value for name, value in FULL.items() if name != missing}
    line = refused(tmp_path, ALL, **given)
    assert line == f"{missing} is not set"
    assert refused(tmp_path, ALL, **given, **{missing: "  "}) == line


TEXTLOCAL = {"BRIDGE_TEXTLOCAL_API_KEY": "textlocal-secret", "BRIDGE_TEXTLOCAL_SENDER": "OPS"}


@pytest.mark.parametrize("missing", list(TEXTLOCAL))
def test_what_is_needed_goes_by_the_gateways_that_are_used(tmp_path: Path, missing: str) -> None:
    given = {name: value for name, value in TEXTLOCAL.items() if name != missing}
    assert load(tmp_path, settings.GATEWAY, BRIDGE_GATEWAYS="textlocal", **TEXTLOCAL).gateways == ("textlocal",)
    assert refused(tmp_path, settings.GATEWAY, BRIDGE_GATEWAYS="textlocal", **given) == f"{missing} is not set"
    both = FULL | {"BRIDGE_GATEWAYS": "msmpusher, textlocal"}
    assert refused(tmp_path, settings.GATEWAY, **both, **given) == f"{missing} is not set"
    assert load(tmp_path, settings.GATEWAY, **both, **TEXTLOCAL).gateways == ("msmpusher", "textlocal")


def http_file(tmp_path: Path, text: str | bytes) -> Path:
    file = tmp_path / "gateways.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_the_file_of_gateways_comes_with_the_values_that_it_names(tmp_path: Path) -> None:
    file = http_file(tmp_path, 'a = "${SID}:${TOKEN}"  # ${NOT_SET} ${EMPTY} $OTHER {text}')
    secret = tmp_path / "token"
    secret.write_text(" from-a-file\n")
    variables = {"SID": "sid-secret", "TOKEN_FILE": str(secret), "EMPTY": " ", "OTHER": "x"}
    found = load(tmp_path, settings.GATEWAY, BRIDGE_GATEWAYS="twilio", BRIDGE_HTTP_GATEWAYS=str(file), **variables)
    assert found.http_file is not None
    assert found.http_file.values == {"SID": "sid-secret", "TOKEN": "from-a-file"}
    assert {"sid-secret", "from-a-file"} <= set(found.secrets())
    assert not [secret for secret in found.secrets() if secret in f"{found!r} {found} {found.http_file!r}"]


def test_the_values_may_stand_in_the_env_file(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    file = http_file(tmp_path, "${SID}")
    env.write_text(f"SID=sid-secret\nBRIDGE_GATEWAYS=twilio\nBRIDGE_HTTP_GATEWAYS={file}\n")
    found = settings.load({}, need=settings.GATEWAY, env_file=env)
    assert found.http_file is not None
    assert found.http_file.values == {"SID": "sid-secret"}


def test_the_file_of_gateways_is_read_only_where_gateways_are_needed(tmp_path: Path) -> None:
    assert load(tmp_path, BRIDGE_HTTP_GATEWAYS=str(tmp_path / "not there")).http_file is None


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"caf\xe9", "it is not UTF-8"), (b"#" * 1_000_001, "larger than 1000000 bytes")],
)
def test_a_file_of_gateways_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "gateways.toml" if content is None else http_file(tmp_path, content)
    line = refused(tmp_path, settings.GATEWAY, BRIDGE_GATEWAYS="twilio", BRIDGE_HTTP_GATEWAYS=str(file))
    assert line.startswith("BRIDGE_HTTP_GATEWAYS: ")
    assert str(file) in line
    assert words in line


def test_a_file_of_a_value_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = http_file(tmp_path, "${SID}")
    given = {"BRIDGE_GATEWAYS": "twilio", "BRIDGE_HTTP_GATEWAYS": str(file), "SID_FILE": str(tmp_path / "none")}
    assert refused(tmp_path, settings.GATEWAY, **given).startswith("SID_FILE: cannot read")


def test_what_a_command_does_not_need_may_be_missing(tmp_path: Path) -> None:
    assert load(tmp_path).telegram_token is None
    assert load(tmp_path, settings.TELEGRAM, BRIDGE_TELEGRAM_TOKEN=TOKEN).msmpusher_sender is None


@pytest.mark.parametrize(
    ("misspelt", "near"),
    [
        ("BRIDGE_TELEGRAM_TOKN", "BRIDGE_TELEGRAM_TOKEN"),
        ("BRIDGE_TELEGRAM_USER", "BRIDGE_TELEGRAM_USERS"),
        ("BRIDGE_MSMPUSHER_PRIVATEKEY", "BRIDGE_MSMPUSHER_PRIVATE_KEY"),
        ("BRIDGE_RETRY_FOR", "BRIDGE_RETRY_FOR_S"),
        ("BRIDGE_TELEGRAM_TOKEN_FLIE", "BRIDGE_TELEGRAM_TOKEN_FILE"),
        ("BRIDGE_TEXTLOCAL_APIKEY", "BRIDGE_TEXTLOCAL_API_KEY"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_nearest_right_one(tmp_path: Path, misspelt: str, near: str) -> None:
    assert refused(tmp_path, **{misspelt: "secret"}) == f"{misspelt} is no setting of bridge; did you mean {near}?"


def test_a_name_that_is_near_to_nothing_is_refused_without_a_guess(tmp_path: Path) -> None:
    assert refused(tmp_path, BRIDGE_QQQQQQQQ="1") == "BRIDGE_QQQQQQQQ is no setting of bridge"
    assert refused(tmp_path, BRIDGE_TIMEZONE="1") == "BRIDGE_TIMEZONE is no setting of bridge"


def test_only_secrets_come_from_files(tmp_path: Path) -> None:
    assert "BRIDGE_PORT_FILE is no setting" in refused(tmp_path, BRIDGE_PORT_FILE="x")


def test_variables_of_others_are_not_looked_at(tmp_path: Path) -> None:
    assert load(tmp_path, BRIDGES="x", TELEGRAM_TOKEN="x", bridge_port="1").port == 8080


@pytest.mark.parametrize("field", settings.SECRETS)
def test_a_secret_can_come_from_a_file(tmp_path: Path, field: str) -> None:
    name = settings.variable(field)
    file = tmp_path / "secret"
    value = TOKEN if field == "telegram_token" else TOKEN.replace(":", "-")
    file.write_text(f" {value}\n")
    found = getattr(load(tmp_path, **{f"{name}_FILE": str(file)}), field)
    secret = found[0] if isinstance(found, tuple) else found
    assert (secret if isinstance(secret, str) else secret.get_secret_value()) == value


def test_the_variable_itself_wins_over_its_file(tmp_path: Path) -> None:
    found = load(tmp_path, BRIDGE_TELEGRAM_TOKEN=TOKEN, BRIDGE_TELEGRAM_TOKEN_FILE=str(tmp_path / "not there"))
    assert found.telegram_token is not None
    assert found.telegram_token.get_secret_value() == TOKEN


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b""])
def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    line = refused(tmp_path, settings.TELEGRAM, BRIDGE_TELEGRAM_TOKEN_FILE=str(file))
    assert "BRIDGE_TELEGRAM_TOKEN" in line


def test_port_is_taken_where_ours_is_not_set_and_opens_the_host(tmp_path: Path) -> None:
    found = load(tmp_path, PORT="5000")
    assert (found.host, found.port) == ("0.0.0.0", 5000)
    found = load(tmp_path, PORT="5000", BRIDGE_HOST="127.0.0.1")
    assert (found.host, found.port) == ("127.0.0.1", 5000)
    found = load(tmp_path, PORT="5000", BRIDGE_PORT="6000")
    assert (found.host, found.port) == ("127.0.0.1", 6000)
    assert refused(tmp_path, PORT="http") == "PORT: must be a whole number"


def test_database_url_is_taken_where_ours_is_not_set(tmp_path: Path) -> None:
    assert load(tmp_path, DATABASE_URL="sqlite:///a.db").database_url == "sqlite:///a.db"
    both = load(tmp_path, DATABASE_URL="postgres://x", BRIDGE_DATABASE_URL="sqlite:///b.db")
    assert both.database_url == "sqlite:///b.db"


def test_a_name_that_the_env_file_gives_two_values_is_named_with_both_lines(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("BRIDGE_PORT=\nBRIDGE_PORT=7000\nOTHER=1\nOTHER=2\n\nBRIDGE_PORT=7000\n")
    assert settings.load({}, env_file=file).port == 7000
    file.write_text("BRIDGE_PORT=7000\n# 2\n\nBRIDGE_PORT=8000\n")
    with pytest.raises(SettingsError) as caught:
        settings.load({}, env_file=file)
    assert caught.value.lines == (f"{file}, line 4: BRIDGE_PORT has another value in line 1",)


@pytest.mark.parametrize(
    "url", ["postgres://bridge:s%2Fecret@db/bridge", "postgresql://db/bridge?user=bridge&password=s%2Fecret"]
)
def test_the_password_of_a_database_is_a_secret(tmp_path: Path, url: str) -> None:
    found = load(tmp_path, BRIDGE_DATABASE_URL=url)
    assert {url, "s/ecret"} <= set(found.secrets())
    assert "s%2Fecret" not in repr(found)


def test_the_env_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# a comment\nBRIDGE_PORT=7000\nexport BRIDGE_LOG_LEVEL='ERROR'\nOTHER=1\nBRIDGE_MAX_SEGMENTS=\n")
    found = settings.load({"BRIDGE_PORT": "7001"}, env_file=file)
    assert (found.port, found.log_level, found.max_segments) == (7001, "ERROR", 6)


def test_a_misspelt_name_in_the_env_file_is_found(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("BRIDGE_PROT=7000\n")
    with pytest.raises(SettingsError, match="did you mean BRIDGE_PORT"):
        settings.load({}, env_file=file)


def test_a_line_of_the_env_file_that_is_none_is_named_and_not_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / ".env"
    file.write_text("# a comment\nBRIDGE_PORT=7000\nBRIDGE_TELEGRAM_TOKEN 123:hidden\n")
    with pytest.raises(SettingsError) as caught:
        settings.load({}, env_file=file)
    assert str(caught.value) == f"{file}, line 3: is not of the form NAME=value"
    assert caplog.records == []


def test_the_example_file_is_loaded_without_complaint(tmp_path: Path) -> None:
    found = settings.load({}, env_file=Path(__file__).parents[2] / ".env.example")
    assert found == load(tmp_path)


def test_admins_are_users(tmp_path: Path) -> None:
    assert load(tmp_path, BRIDGE_TELEGRAM_USERS="1,2", BRIDGE_TELEGRAM_ADMINS="2,3").people == {1, 2, 3}


@pytest.mark.parametrize(
    ("chat", "places"),
    [("", ((7, None), (9, None))), ("-100123", ((-100123, None),)), ("-100123:7", ((-100123, 7),))],
)
def test_notices_go_to_the_chat_or_else_to_every_admin(
    tmp_path: Path, chat: str, places: tuple[tuple[int, int | None], ...]
) -> None:
    assert load(tmp_path, BRIDGE_TELEGRAM_ADMINS="9,7", BRIDGE_TELEGRAM_CHAT=chat).notice_chats == places


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ("ci=s3cret-one, s3cret-two", {"s3cret-one": "ci", "s3cret-two": "api"}),
        ("ci=with=equals", {"with=equals": "ci"}),
        # What `openssl rand -base64 16` prints is one secret, not a name with the secret "=".
        ("bm90LWEtbmFtZS1hdC1hbGw==", {"bm90LWEtbmFtZS1hdC1hbGw==": "api"}),
        ("bm90LWEtbmFtZS1hdC1hbGw=", {"bm90LWEtbmFtZS1hdC1hbGw=": "api"}),
        ("ci=bm90LWEtbmFtZQ==", {"bm90LWEtbmFtZQ==": "ci"}),
    ],
)
def test_an_api_token_is_a_secret_with_or_without_a_name(tmp_path: Path, tokens: str, expected: dict[str, str]) -> None:
    found = load(tmp_path, BRIDGE_API_TOKENS=tokens)
    assert found.api_names() == {digest(token): name for token, name in expected.items()}
    assert set(found.secrets()) == set(expected)


def test_an_api_token_with_a_name_and_no_secret_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, BRIDGE_API_TOKENS="=").startswith("BRIDGE_API_TOKENS: ")


def test_every_secret_is_handed_to_whoever_keeps_them_out_of_the_logs(tmp_path: Path) -> None:
    found = load(tmp_path, **FULL, **TEXTLOCAL, BRIDGE_API_TOKENS="ci=s3cret-one,s3cret-two")
    assert set(found.secrets()) == {
        TOKEN,
        "private-secret",
        "public-secret",
        "textlocal-secret",
        "s3cret-one",
        "s3cret-two",
        found.webhook_secret,
    }


def test_no_secret_shows_in_the_settings_own_words(tmp_path: Path) -> None:
    found = load(tmp_path, **FULL, BRIDGE_API_TOKENS="ci=s3cret-one")
    shown = f"{found!r} {found} {found.model_dump_json()}"
    assert not [secret for secret in found.secrets() if secret in shown]


HERE = "https://pager.example.org"
NO_WEBHOOK = "BRIDGE_TELEGRAM_RECEIVE: no webhook is possible: "


@pytest.mark.parametrize(
    ("variables", "by_webhook"),
    [
        ({}, False),
        ({"BRIDGE_PUBLIC_URL": HERE}, True),
        ({"BRIDGE_PUBLIC_URL": f"{HERE}:8443/pager"}, True),
        ({"BRIDGE_PUBLIC_URL": f"{HERE}:9000"}, False),
        ({"BRIDGE_PUBLIC_URL": "https://192.168.1.5"}, False),
        ({"BRIDGE_PUBLIC_URL": "http://127.0.0.1:8080"}, False),
        ({"BRIDGE_PUBLIC_URL": "http://127.0.0.1:8080", "BRIDGE_TELEGRAM_API_URL": "http://127.0.0.1:8081"}, True),
        ({"BRIDGE_PUBLIC_URL": HERE, "BRIDGE_TELEGRAM_RECEIVE": "Polling"}, False),
        ({"BRIDGE_PUBLIC_URL": HERE, "BRIDGE_TELEGRAM_RECEIVE": "Webhook"}, True),
    ],
)
def test_auto_is_the_webhook_where_telegram_can_deliver(
    tmp_path: Path, variables: dict[str, str], by_webhook: bool
) -> None:
    assert load(tmp_path, **variables).by_webhook is by_webhook


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "BRIDGE_PUBLIC_URL is not set"),
        (f"{HERE}:9000", "Telegram delivers to the ports 443, 80, 88, 8443 only, not to BRIDGE_PUBLIC_URL's"),
        ("https://pager.lan", "a name that only a local network knows, which Telegram does not reach"),
    ],
)
def test_a_webhook_that_cannot_work_is_refused(tmp_path: Path, url: str, words: str) -> None:
    line = refused(tmp_path, BRIDGE_TELEGRAM_RECEIVE="webhook", BRIDGE_PUBLIC_URL=url)
    assert line.startswith(NO_WEBHOOK)
    assert line.endswith(words)


@pytest.mark.parametrize("url", [f"{HERE}/?x=1", f"{HERE}/#top", "https://user:word@pager.example.org"])
def test_an_address_that_no_path_can_be_put_behind_or_with_a_password_is_refused(tmp_path: Path, url: str) -> None:
    line = refused(tmp_path, BRIDGE_PUBLIC_URL=url)
    assert line.startswith("BRIDGE_PUBLIC_URL: must be an address without a password, ? and #")
    assert "word@" not in line


def test_the_address_of_a_dead_mans_switch_is_called_as_it_is(tmp_path: Path) -> None:
    assert load(tmp_path, BRIDGE_HEARTBEAT_URL="https://hc.example.org/ping/").heartbeat_url.endswith("/ping/")


def test_of_a_webhook_nothing_is_said_where_its_address_is_wrong(tmp_path: Path) -> None:
    line = refused(tmp_path, BRIDGE_TELEGRAM_RECEIVE="webhook", BRIDGE_PUBLIC_URL="http://pager.example.org")
    assert line == "BRIDGE_PUBLIC_URL: must begin with https://"


def test_the_secret_of_the_webhook_is_made_of_the_token_unless_it_is_set(tmp_path: Path) -> None:
    made = [load(tmp_path, BRIDGE_TELEGRAM_TOKEN=f"1:{secret}") for secret in "ab"]
    assert re.fullmatch("[0-9a-f]{64}", made[0].webhook_secret)
    assert made[0].webhook_secret != made[1].webhook_secret
    assert made[0].webhook_secret in made[0].secrets()
    own = load(tmp_path, BRIDGE_TELEGRAM_TOKEN="1:a", BRIDGE_TELEGRAM_WEBHOOK_SECRET="Only-for_this-one-0")
    assert own.webhook_secret == "Only-for_this-one-0"
    assert load(tmp_path).webhook_secret == ""


@pytest.mark.parametrize(
    ("variables", "environment", "events"),
    [
        ({}, {}, ["settings.nobody", "settings.told_to_nobody"]),
        ({"BRIDGE_TELEGRAM_USERS": "7"}, {}, ["settings.told_to_nobody"]),
        ({"BRIDGE_TELEGRAM_USERS": "7", "BRIDGE_TELEGRAM_CHAT": "-100"}, {}, []),
        ({"BRIDGE_TELEGRAM_ADMINS": "7"}, {}, []),
        ({"BRIDGE_TELEGRAM_ADMINS": "7"}, {"DYNO": "web.1"}, ["settings.disk_is_wiped"]),
        ({"BRIDGE_TELEGRAM_ADMINS": "7", "DATABASE_URL": "postgres://db/bridge"}, {"DYNO": "web.1"}, []),
        ({"BRIDGE_TELEGRAM_ADMINS": "7", "BRIDGE_TELEGRAM_WEBHOOK_SECRET": "x" * 15}, {}, ["settings.short_token"]),
        ({"BRIDGE_TELEGRAM_ADMINS": "7", "BRIDGE_TELEGRAM_WEBHOOK_SECRET": "x" * 16}, {}, []),
        ({"BRIDGE_TELEGRAM_ADMINS": "7", "BRIDGE_MSMPUSHER_METHOD": "get"}, {}, ["settings.keys_in_urls"]),
        ({"BRIDGE_TELEGRAM_ADMINS": "7", "BRIDGE_MSMPUSHER_URL": "http://x.org/"}, {}, ["settings.in_the_clear"]),
        ({"BRIDGE_TELEGRAM_ADMINS": "7", "BRIDGE_TEXTLOCAL_URL": "http://x.org/"}, {}, ["settings.in_the_clear"]),
        ({"BRIDGE_TELEGRAM_ADMINS": "7", "BRIDGE_MSMPUSHER_URL": "http://127.0.0.1:9/"}, {}, []),
        ({"BRIDGE_TELEGRAM_ADMINS": "7", "BRIDGE_PUBLIC_URL": "http://localhost"}, {}, ["settings.links_lead_nowhere"]),
    ],
)
def test_what_works_and_is_not_safe_is_said(
    tmp_path: Path, variables: dict[str, str], environment: dict[str, str], events: list[str]
) -> None:
    found = settings.cautions(load(tmp_path, **variables), environment)
    assert [event for event, _ in found] == events
    assert all(line for _, line in found)


@pytest.mark.parametrize("name", ["BRIDGE_API_TOKENS", "BRIDGE_ALERT_TOKENS"])
def test_each_token_that_could_be_guessed_is_told_of_by_its_name(tmp_path: Path, name: str) -> None:
    tokens = f"short-one,ci=hunter2-hunter2,am={'x' * 15},long={'x' * 16},{'x' * 32},{'x' * 14}=="
    found = settings.cautions(load(tmp_path, **{name: tokens, "BRIDGE_TELEGRAM_ADMINS": "7"}), {})
    assert {event for event, _ in found} == {"settings.short_token"}
    assert [line.partition(" has fewer than 16 characters")[0] for _, line in found] == [
        f"{name}: the token {which}" for which in ("without a name", "ci", "am")
    ]
    assert not [line for _, line in found if "hunter" in line or "short-one" in line or "xx" in line]


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("http://127.0.0.1:8080", "this machine's own"),
        ("http://[::1]:8080", "this machine's own"),
        ("https://127.9.9.9", "this machine's own"),
        ("https://0.0.0.0", "this machine's own"),
        ("https://pager.localhost", "this machine's own"),
        ("https://192.168.1.5", "an address of a private network"),
        ("https://10.0.0.7:8443/bridge", "an address of a private network"),
        ("https://100.64.0.1", "an address of a private network"),
        ("https://[fd00::7]", "an address of a private network"),
        ("https://pager", "a name that only a local network knows"),
        ("https://pager.lan", "a name that only a local network knows"),
        ("https://PAGER.local.", "a name that only a local network knows"),
        ("https://pager.example.org", ""),
        ("https://local.example.org", ""),
        ("https://93.184.216.34", ""),
        ("https://[2606:2800:220:1::1]", ""),
        ("", ""),
    ],
)
def test_a_public_address_that_no_phone_can_open_is_told_of(tmp_path: Path, url: str, where: str) -> None:
    found = settings.cautions(load(tmp_path, BRIDGE_PUBLIC_URL=url, BRIDGE_TELEGRAM_USERS="7"), {})
    lines = [line for event, line in found if event == "settings.links_lead_nowhere"]
    assert [line.partition(":")[0] for line in lines] == ([f"BRIDGE_PUBLIC_URL is {where}"] if where else [])


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://host:abc/x", "http://host:99999/", "http://host:0/", "http://:80/", "http://[x]/"]
)
def test_an_address_that_no_client_could_use_is_refused(tmp_path: Path, url: str) -> None:
    line = refused(tmp_path, BRIDGE_MSMPUSHER_URL=url)
    assert line == "BRIDGE_MSMPUSHER_URL: must be an address such as https://example.org"


def test_a_file_of_settings_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"BRIDGE_MSMPUSHER_SENDER=caf\xe9")
    with pytest.raises(SettingsError) as caught:
        settings.load({}, env_file=file)
    assert str(caught.value) == f"{file}: cannot be read: it is not UTF-8"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read any file")
def test_a_file_of_settings_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.touch(mode=0o000)
    with pytest.raises(SettingsError) as caught:
        settings.load({}, env_file=file)
    assert str(caught.value) == f"{file}: cannot be read: Permission denied"
