"""The house rules, read from the sources: who may import whom, who builds things, and documents that tell the truth."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from bridge import settings
from bridge.cli import main
from bridge.telegram.replies import COMMANDS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "bridge"
FILES = sorted(PACKAGE.rglob("*.py"))

LONGEST = 300
"""Lines of a module."""

# Room -> the rooms that it may import, beside itself. A file of the package's top level is a room of its own.
MAY_IMPORT = {
    "__init__": set(),
    "__main__": {"cli"},
    "clock": set(),
    "logs": {"domain"},
    "domain": set(),
    "gateways": {"domain", "toml"},
    "sources": {"domain"},
    "toml": {"domain"},
    "oncall": {"domain", "toml"},
    "store": {"domain", "oncall"},
    "engine": {"domain", "clock"},
    "services": {"domain", "toml", "gateways", "oncall", "store", "engine", "clock"},
    "telegram": {"domain", "gateways", "oncall", "store", "engine", "services", "clock"},
    "web": {"domain", "gateways", "sources", "oncall", "store", "engine", "services", "clock", "__init__"},
    "settings": {"domain"},
    "app": {
        "domain",
        "gateways",
        "sources",
        "oncall",
        "store",
        "engine",
        "services",
        "telegram",
        "web",
        "clock",
        "settings",
        "__init__",
    },
    "sandbox": {"domain"},
}
MAY_IMPORT["commands"] = {*MAY_IMPORT["app"], "app", "logs", "sandbox"}
MAY_IMPORT["cli"] = {"__init__", "commands", "domain", "settings", "logs", "store"}

# The same within the services, by folder.
SERVICES_MAY_IMPORT = {
    "sms": set(),
    "processes": {"sms"},
    "chat": set(),
    "incidents": {"chat"},
    "oncall": {"chat"},
    "heartbeats": {"chat", "incidents"},
}

BUILDERS = {"app", "commands"}

# What the domain may import: nothing of it looks at the time, a file or the network by itself.
PURE = {"bridge", "collections", "dataclasses", "datetime", "enum", "functools", "itertools", "math"} | {
    "phonenumbers",
    "re",
    "types",
    "typing",
    "unicodedata",
}


def room(file: Path) -> str:
    """The folder of the package that a file stands in, or its own name on the top level."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def imports(file: Path) -> Iterator[str]:
    """Every module of bridge that a file imports, wherever in it."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] == "bridge")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            if node.module == "bridge":
                modules = {one.stem for one in PACKAGE.iterdir()}
                yield from (f"bridge.{name.name}" if name.name in modules else "bridge" for name in node.names)
            elif (node.module or "").startswith("bridge."):
                yield str(node.module)


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def test_imports_go_one_way() -> None:
    wrong = {}
    for file in FILES:
        found = {[*module.split("."), "__init__"][1] for module in imports(file)}
        wrong[name(file)] = found - {room(file)} - MAY_IMPORT[room(file)]
    assert not {file: rooms for file, rooms in wrong.items() if rooms}


def test_services_know_each_other_one_way() -> None:
    folders = {file.parent.name for file in (PACKAGE / "services").glob("*/*.py")}
    assert folders == set(SERVICES_MAY_IMPORT), "a folder of services without a line in the table"
    for file in (PACKAGE / "services").glob("*/*.py"):
        found = {module.split(".")[2] for module in imports(file) if module.startswith("bridge.services.")}
        assert not found - {file.parent.name} - SERVICES_MAY_IMPORT[file.parent.name], name(file)


def test_a_gateway_knows_what_all_share_and_no_other_gateway() -> None:
    """One provider is one folder; the port and what carries a call know none of them."""
    room, folders = PACKAGE / "gateways", {one.parent.name for one in (PACKAGE / "gateways").glob("*/*.py")}
    assert {"msmpusher", "textlocal", "described"} <= folders
    for file in room.rglob("*.py"):
        found = {module.split(".")[2] for module in imports(file) if module.startswith("bridge.gateways.")} & folders
        assert not found - {file.parent.name}, name(file)


def test_the_domain_knows_no_framework_and_does_nothing_outside() -> None:
    modules = set()
    for file in FILES:
        for node in ast.walk(tree(file)) if room(file) == "domain" else ():
            if isinstance(node, ast.Import):
                modules |= {one.name.split(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add((node.module or "").split(".")[0])
    assert modules
    assert modules <= PURE


def built_in(file: Path) -> set[str]:
    """Names of what a file calls."""
    calls = [node.func for node in ast.walk(tree(file)) if isinstance(node, ast.Call)]
    return {getattr(one, "id", None) or getattr(one, "attr", "") for one in calls}


def classes_of(file: Path) -> set[str]:
    """Classes that hold what they are handed and do something with it: neither records, nor enums, nor errors."""
    return {
        node.name
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ClassDef)
        and not node.decorator_list
        and any(isinstance(one, ast.FunctionDef) and one.name == "__init__" for one in node.body)
    }


def test_only_the_composition_root_builds_things() -> None:
    """What a service is made of: whoever needs one is handed it."""
    doing = {
        one for file in FILES if room(file) in {"services", "telegram", "web", "store"} for one in classes_of(file)
    }
    root = {one for file in FILES if room(file) == "app" for one in built_in(file) & doing}
    assert len(root) > 20, "the root builds the service"
    wrong = {name(file): built_in(file) & root - classes_of(file) for file in FILES if room(file) not in BUILDERS}
    assert not {file: built for file, built in wrong.items() if built}


IMPORT_EVERYTHING = """
import importlib, logging, os, pkgutil, signal, sys, threading
import bridge

done = []
quiet = {"os.putenv", "os.unsetenv"}
def hook(event, arguments):
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        done.append(("writes", arguments[0]))
    elif event.split(".")[0] in ("socket", "subprocess", "sqlite3", "shutil", "tempfile") and event != "socket.__new__":
        done.append((event, arguments))
    elif event in ("os.mkdir", "os.remove", "os.rename", "os.system", "os.fork", "os.exec", "os.kill", "os.chdir"):
        done.append((event, arguments))
sys.addaudithook(hook)

before = dict(os.environ), signal.getsignal(signal.SIGTERM), logging.getLogger().handlers[:], os.getcwd()
for found in pkgutil.walk_packages(bridge.__path__, "bridge."):
    if found.name not in ("bridge.__main__", "bridge.store.migrations.env"):
        importlib.import_module(found.name)
after = dict(os.environ), signal.getsignal(signal.SIGTERM), logging.getLogger().handlers[:], os.getcwd()
assert before == after, "the process is not as it was"
assert threading.active_count() == 1, threading.enumerate()
print(done)
"""


def test_nothing_happens_at_import() -> None:
    """No file is written, no socket, database, process or thread is opened, no logging or signal is set up."""
    command = [sys.executable, "-B", "-W", "ignore", "-c", IMPORT_EVERYTHING]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", "[]")


def test_a_module_does_nothing_on_its_top_level() -> None:
    loud = []
    for file in FILES:
        if file.name in ("__main__.py", "env.py"):  # these two are run, not imported
            continue
        for node in tree(file).body:
            said = isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
            if said or isinstance(node, ast.For | ast.While | ast.With | ast.Try):
                loud.append(f"{name(file)}:{node.lineno}")
    assert loud == []


def test_a_module_is_short_enough_to_read() -> None:
    lines = {name(file): len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert {file: found for file, found in lines.items() if found > LONGEST} == {}


def test_no_module_is_named_after_nothing() -> None:
    assert not [name(file) for file in FILES if re.search(r"util|helper|(?<!alert)manager|common|misc", file.stem)]


# documents against the program

CHAT = {command for command, _, _ in COMMANDS} | {"start"}
FIELDS = {settings.variable(field) for field in settings.Settings.model_fields}
FROM_FILES = {f"{settings.variable(field)}_FILE" for field in settings.SECRETS}
# A secret BRIDGE_X of the documents; and switches of `make screenshots` and the tests, which are none of the service.
PLACEHOLDERS = {"BRIDGE_X", "BRIDGE_X_FILE", "BRIDGE_SCREENSHOTS", "BRIDGE_TEST_DATABASE_URL"}
DOCUMENTS = [ROOT / ".env.example", *sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
ASSIGNED = re.compile(r"^#?(BRIDGE_[A-Z0-9_]+)=(.*)$", re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_a_document_names_only_settings_that_exist(document: Path) -> None:
    words = set(re.findall(r"\bBRIDGE_[A-Z0-9_]*[A-Z0-9]\b", document.read_text(encoding="utf-8")))
    assert words <= FIELDS | FROM_FILES | PLACEHOLDERS


def test_every_setting_stands_once_in_the_example_and_no_other() -> None:
    assert sorted(found[0] for found in ASSIGNED.findall(EXAMPLE)) == sorted(FIELDS)


def test_the_example_shows_the_defaults() -> None:
    for variable, shown in ASSIGNED.findall(EXAMPLE):
        default = settings.Settings.model_fields[variable.removeprefix("BRIDGE_").lower()].default
        words = ",".join(map(str, default)) if isinstance(default, tuple | frozenset) else default
        assert shown == ("" if words is None else f"{words:g}" if isinstance(words, float | int) else words), variable


def comments_above(variable: str) -> str:
    """The prose above a variable; neighbours without a blank line between them share it."""
    block = next(block for block in EXAMPLE.split("\n\n") if re.search(rf"^#?{variable}=", block, re.MULTILINE))
    return "\n".join(line for line in block.splitlines() if line.startswith("# "))


@pytest.mark.parametrize("variable", sorted(FIELDS))
def test_the_example_says_what_a_setting_is_for_and_its_unit(variable: str) -> None:
    words = comments_above(variable)
    assert len(words) > 20
    if variable.endswith("_S"):
        assert "second" in words
    if variable.removeprefix("BRIDGE_").lower() in settings.SECRETS:
        assert "ecret" in words


def test_the_readme_names_every_command_of_the_program_and_no_other() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert isinstance(main, click.Group)
    section = readme.partition("## Command line")[2].partition("\n## ")[0]
    listed = re.search(r"`bridge ([a-z]+)`((?:, `[a-z]+`)+)", section)
    assert listed is not None
    assert {listed[1], *re.findall(r"`([a-z]+)`", listed[2])} == set(main.commands)
    assert set(re.findall(r"\bbridge (run|[a-z]+) ?(?:--|\"|`)", readme)) <= set(main.commands)


def test_the_readme_names_every_option_that_it_shows_rightly() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    known = {option for command in main.commands.values() for one in command.params for option in one.opts}
    for line in readme.splitlines():
        if match := re.search(r"bridge (?:check|send|demo|run|migrate)\b([^`]*)", line):
            assert set(re.findall(r"--[a-z-]+", match[1])) <= known | {"--help", "--wait"}, line


def test_the_readme_names_every_command_of_the_chat_and_no_other() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## In the chat")[2].partition("\n## ")[0]
    table = "\n".join(line for line in section.splitlines() if line.startswith("| `/"))
    assert set(re.findall(r"`/([a-z]+)", table)) == CHAT
    assert set(re.findall(r"`/([a-z]+)(?![a-z/])", readme)) - CHAT <= {
        "newbot",  # BotFather's
        "healthz",
        "readyz",
        "metrics",
        "openapi",
    }


def test_nothing_leans_on_a_page_that_its_reader_does_not_have() -> None:
    texts = [*DOCUMENTS, *FILES, *sorted((ROOT / "tests").rglob("*.py"))]
    assert not [name(one) for one in texts if re.search(r"\bthe[ _]contr[a]ct", one.read_text(encoding="utf-8"), re.I)]


@pytest.mark.parametrize("document", [one for one in DOCUMENTS if one.suffix == ".md"], ids=name)
def test_what_a_document_links_to_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    assert not [link for link in links if not (document.parent / link).exists()]


def test_every_folder_that_the_architecture_names_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for path in re.findall(r"`((?:bridge|tests)/[\w./]*)`", text):
        assert (ROOT / path).exists(), path
