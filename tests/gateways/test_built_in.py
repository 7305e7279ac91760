"""A built-in gateway is its folder, its settings, and one entry of `BUILT_IN`: all else follows from these."""

import ast
import re
from pathlib import Path

import pytest

from bridge import settings
from bridge.app import configured_gateways
from bridge.app.built_in_gateways import BUILT_IN, built_in
from bridge.app.gateways import largest_batch
from bridge.domain.errors import SettingsError
from bridge.settings.gateways import FIELDS, NEEDED_BY
from tests.support.manual_clock import ManualClock

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "bridge"
each = pytest.mark.parametrize("name", BUILT_IN)


def needed(name: str) -> dict[str, str]:
    """The variables that it cannot do without."""
    return {settings.variable(field): f"own-{index}" for index, field in enumerate(NEEDED_BY[name])}


def load(tmp_path: Path, name: str, *, need: tuple[str, ...] = settings.GATEWAY, **more: str) -> settings.Settings:
    return settings.load({"BRIDGE_GATEWAYS": name, **more}, need=need, env_file=tmp_path / "none")


def test_what_has_settings_has_an_entry_and_the_other_way_round() -> None:
    assert list(BUILT_IN) == list(FIELDS)


@each
def test_its_fields_begin_with_its_name_and_say_where_it_is_called(name: str) -> None:
    fields = FIELDS[name].model_fields
    assert [field for field in fields if not field.startswith(f"{name}_")] == []
    assert f"{name}_url" in fields


@each
async def test_with_what_it_needs_it_can_be_built(name: str, tmp_path: Path) -> None:
    found = load(tmp_path, name, BRIDGE_GATEWAY_SLOTS="2", **needed(name))
    (one,) = configured_gateways(found)
    assert (one.name, one.url_setting) == (name, settings.variable(f"{name}_url"))
    assert one.url.startswith("https://")
    slots = one.slots(found, ManualClock())
    assert [slot.name for slot in slots] == [name, name]
    for slot in slots:
        assert not [value for value in needed(name).values() if value in repr((one, slot))]
        await slot.aclose()


@each
def test_its_batch_is_known_without_its_keys(name: str, tmp_path: Path) -> None:
    found = load(tmp_path, name, need=())
    assert largest_batch(found) == built_in(name, found).batch == 1
    if f"{name}_batch" in FIELDS[name].model_fields:
        found = load(tmp_path, name, need=(), **{settings.variable(f"{name}_batch"): "7"})
        assert largest_batch(found) == built_in(name, found).batch == 7


@each
def test_only_one_with_a_mark_tells_a_balance(name: str, tmp_path: Path) -> None:
    mark = built_in(name, load(tmp_path, name, need=())).low_mark
    assert (mark is not None) == (f"{name}_low_balance" in FIELDS[name].model_fields)
    assert mark is None or mark.setting == settings.variable(f"{name}_low_balance")


@each
def test_no_gateway_of_the_file_can_have_its_name(name: str, tmp_path: Path) -> None:
    file = tmp_path / "gateways.toml"
    file.write_text(f"[gateways.{name}]\n")
    with pytest.raises(SettingsError, match=f"gateways.{name} cannot have this name"):
        configured_gateways(load(tmp_path, name, BRIDGE_HTTP_GATEWAYS=str(file), **needed(name)))


@each
def test_that_it_is_called_in_the_clear_is_said(name: str, tmp_path: Path) -> None:
    variable = settings.variable(f"{name}_url")
    found = load(tmp_path, name, need=(), BRIDGE_TELEGRAM_ADMINS="7", **{variable: "http://sms.example.org/"})
    lines = settings.cautions(found, {})
    assert lines == [("settings.in_the_clear", f"{variable} is http: keys and texts travel in the clear")]


@each
def test_it_has_a_folder_tests_of_its_own_and_a_line_in_the_page(name: str) -> None:
    assert (ROOT / "bridge" / "gateways" / name).is_dir()
    assert (ROOT / "tests" / "gateways" / f"test_{name}.py").exists()
    row = next(
        line for line in (ROOT / "docs/gateways.md").read_text("utf-8").splitlines() if line.startswith(f"| `{name}`")
    )
    assert [variable for variable in needed(name) if f"`{variable}`" not in row] == []


PLACES = {"settings/gateways.py", "app/built_in_gateways.py"}
"""Where a gateway is named, beside its own folder."""

STAND_INS = {"sandbox", "commands/demo.py"}
DEFAULT = ("settings/model.py", "msmpusher")
"""The gateway that messages go by where `BRIDGE_GATEWAYS` says nothing."""


def test_nothing_else_in_the_program_names_one() -> None:
    found = set()
    for file in PACKAGE.rglob("*.py"):
        place = file.relative_to(PACKAGE).as_posix()
        if place in PLACES or place.split("/")[0] in STAND_INS or place in STAND_INS:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            word = node.value if isinstance(node, ast.Constant) else getattr(node, "attr", getattr(node, "id", None))
            named = {name for name in BUILT_IN if isinstance(word, str) and re.fullmatch(rf"{name}(_\w+)?", word)}
            found |= {(place, name) for name in named if f"gateways/{name}/" not in place}
    assert found == {DEFAULT}


def test_every_secret_is_kept_out_of_sight(tmp_path: Path) -> None:
    """Of every gateway and of all else: whatever is of the type."""
    fields = {name for name, field in settings.Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert fields | {"database_url"} == set(settings.SECRETS)
    assert fields >= {"telegram_token", "msmpusher_public_key", "textlocal_api_key", "api_tokens", "grafana_secret"}
    values = {settings.variable(field): f"12345:secret-of-{field}" for field in fields}
    values["BRIDGE_TELEGRAM_WEBHOOK_SECRET"] = "secret-of-the-webhook"  # in which no colon may stand
    found = load(tmp_path, "msmpusher", need=(), **values)
    assert set(values.values()) <= set(found.secrets())
    assert not [value for value in values.values() if value in f"{found!r} {found}"]
