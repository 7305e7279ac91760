"""The on-call file, read whole: all of it is right, or every problem is named with its line."""

import re
import tomllib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bridge.domain.errors import OperatorError
from bridge.oncall import toml_lines, toml_words
from bridge.oncall.people_tables import check_namespace, read_groups, read_people, read_schedules
from bridge.oncall.policy_tables import read_heartbeats, read_policies, read_routes
from bridge.oncall.records import UTC, Kind, OnCall
from bridge.oncall.sections import Problems, Section
from bridge.oncall.toml_lines import Path

LONGEST_FILE = 1_000_000  # characters
_SHOWN = 200  # characters of what tomllib says


class OnCallFileError(OperatorError):
    """The on-call file cannot be taken. `problems`: a sentence each, such as `line 12: people.ama.quiet is …`."""

    def __init__(self, *problems: str) -> None:
        super().__init__("the on-call file: " + "; ".join(problems))
        self.problems = problems


def read(text: str, *, region: str) -> OnCall:
    """What the file says. Raises OnCallFileError, and nothing else, whatever the text.

    `region` reads national numbers, as in `BRIDGE_DEFAULT_REGION`. Calendars are named here, and read elsewhere.
    """
    table, lines = _toml(text)
    problems = Problems(lines=lines)
    oncall = _oncall(Section(table, (), problems), problems, region)
    if problems.found:
        raise OnCallFileError(*problems.sentences)
    return oncall


def _toml(text: str) -> tuple[dict[str, Any], Mapping[Path, int]]:
    """What stands in the text, and where."""
    if len(text) > LONGEST_FILE:
        raise OnCallFileError(f"line 1: is longer than {LONGEST_FILE} characters")
    try:
        return tomllib.loads(text), toml_lines.lines(text)
    except RecursionError:
        raise OnCallFileError("line 1: is nested too deeply") from None
    except ValueError as error:  # of tomllib; or a number of thousands of digits
        raise OnCallFileError(_syntax(str(error), text)) from None


_place = re.compile(r"(.*) \(at line (\d+), column (\d+)\)", re.DOTALL).fullmatch
_end = re.compile(r"(.*) \(at end of document\)", re.DOTALL).fullmatch


def _syntax(words: str, text: str) -> str:
    """tomllib's error with its line in front."""
    if place := _place(words):
        where, words = f"line {place[2]}, column {place[3]}", place[1]
    elif end := _end(words):
        where, words = f"line {max(1, len(text.splitlines()))}, at the end", end[1]
    else:
        where = "line 1 or later"
    plain = "".join(sign if sign.isprintable() else "\ufffd" for sign in toml_words.plain(words)[:_SHOWN])
    return f"{where}: is no TOML: {plain}"


def _oncall(file: Section, problems: Problems, region: str) -> OnCall:
    zone = file.zone("timezone", UTC)
    people = read_people(file, region=region, zone=zone)
    groups = read_groups(file, people)
    schedules = read_schedules(file, people, zone=zone)
    check_namespace(file)
    policies = read_policies(file, {Kind.PERSON: people, Kind.GROUP: groups, Kind.SCHEDULE: schedules})
    routes = read_routes(file, policies)
    heartbeats = read_heartbeats(file, policies)
    file.end()
    return OnCall(
        timezone=zone,
        people=MappingProxyType(people),
        groups=MappingProxyType(groups),
        schedules=MappingProxyType(schedules),
        policies=MappingProxyType(policies),
        routes=routes,
        heartbeats=MappingProxyType(heartbeats),
        lines=MappingProxyType(
            {".".join(map(str, path)): line for path, line in problems.lines.items() if len(path) == 2}
        ),
    )
