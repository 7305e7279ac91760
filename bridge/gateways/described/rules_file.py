"""The rules of a described gateway, as its file writes them. Pure; what is wrong is kept with its line."""

import re
from dataclasses import replace
from typing import Any

from bridge.domain.outcome import Reason
from bridge.gateways.described.rules import OUTCOMES, REASONS, Each, Expected, Path, Rule, Shown, as_text
from bridge.toml.patterns import read_pattern
from bridge.toml.sections import Section, meant, shown

_STATUSES = frozenset(range(100, 600))
_family = re.compile(r"([1-5])xx").fullmatch
_path = re.compile(r"[^.\s]+(\.[^.\s]+)*").fullmatch


def read_rules(section: Section, *, whole: bool) -> tuple[Rule, ...]:
    """`whole`: of a whole answer, which has a text."""
    return tuple(_rule(one, whole=whole) for one in section.tables("rules"))


def _rule(section: Section, *, whole: bool) -> Rule:
    rule = Rule(
        statuses=_statuses(section),
        path=_read_path(section, "json"),
        values=_expected(section, "is"),
        text=_expected(section, "text") if whole else (),
        outcome=_outcome(section),
    )
    if section.has("is") and not section.has("json"):
        section.problem("says is without json, the place where to look")
    if not any(section.has(key) for key in ("http", "json", "text")):
        section.problem("lacks a condition: http, json or text")
    section.end()
    return rule


def _outcome(section: Section) -> Any:
    name = section.required("outcome", section.text)
    if name and name not in OUTCOMES:
        section.problem(f'is "{shown(name)}": must be one of {", ".join(OUTCOMES)}{meant(name, OUTCOMES)}', "outcome")
    outcome = OUTCOMES.get(name, OUTCOMES["unknown"])
    reason = section.text("reason")
    if not reason:
        return outcome
    known = [one.value for one in REASONS.get(name, ())]
    if reason not in known:
        allowed = f"must be one of {', '.join(known)}{meant(reason, known)}" if known else "has no place here"
        section.problem(f'is "{shown(reason)}": {allowed}', "reason")
        return outcome
    return replace(outcome, reason=Reason(reason))


def _statuses(section: Section) -> frozenset[int]:
    """`200`, `"4xx"`, or a list of such."""
    value = section.raw("http")
    found: set[int] = set()
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, int) and one in _STATUSES:
            found.add(one)
        elif isinstance(one, str) and (family := _family(one.lower())):
            found |= set(range(int(family[1]) * 100, int(family[1]) * 100 + 100))
        elif value is not None:
            section.problem('must be a status such as 200 or "4xx", or a list of them', "http")
    return frozenset(found)


def _expected(section: Section, key: str) -> tuple[Expected, ...]:
    """A value or a list of values; a text that begins with `~` is a pattern."""
    value = section.raw(key)
    if value is None:
        return ()
    found: list[Expected] = []
    texts: set[str] = set()
    for one in value if isinstance(value, list) else [value]:
        text = as_text(one)
        if text is None:
            section.problem("must be a value, or a list of values", key)
        elif isinstance(one, str) and text.startswith("~"):
            pattern = read_pattern(text[1:])
            if isinstance(pattern, str):
                section.problem(pattern, key)
            else:
                found.append(pattern)
        else:
            texts.add(text)
    if value == []:
        section.problem("is empty", key)
    return (*found, frozenset(texts))


def read_shown(section: Section) -> Shown:
    """Where the gateway's own words stand."""
    found = {key: _read_path(section, key) for key in ("id", "code", "error", "detail", "balance")}
    section.end()
    return Shown(**found)


def read_each(section: Section) -> Each:
    """What the answer says of each number."""
    rules = read_rules(section, whole=False)
    if not rules:
        section.problem("lacks rules: nothing would ever be known of a number")
    left_out = section.open("left_out")
    each = Each(
        path=section.required("list", lambda key: _read_path(section, key) or ()),
        number=section.required("number", lambda key: _read_path(section, key) or ()),
        rules=rules,
        shown=read_shown(section.open("answer")),
        **({"left_out": _outcome(left_out)} if section.has("left_out") else {}),
    )
    left_out.end()
    section.end()
    return each


def _read_path(section: Section, key: str) -> Path | None:
    """`messages.0.status`: names, positions from 0, `*` for all."""
    text = section.text(key)
    if not text:
        return None
    if not _path(text):
        section.problem("must be names with points between, such as messages.0.status", key)
    return tuple(text.split("."))
