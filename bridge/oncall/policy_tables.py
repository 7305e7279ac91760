"""The tables of policies, routes and heartbeats: who is paged about what. What is wrong is kept."""

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from types import MappingProxyType

from bridge.domain.alerts import Severity
from bridge.oncall.people_tables import check_name
from bridge.oncall.records import (
    DEFAULT_POLICY,
    NO_POLICY,
    Chat,
    HeartbeatRule,
    Kind,
    Policy,
    Route,
    Step,
    Target,
)
from bridge.toml.patterns import read_pattern
from bridge.toml.sections import Section, meant, shown

MOST_REPEATS = 100
DEFAULT_WAIT = timedelta(minutes=5)
DEFAULT_GRACE = timedelta(minutes=5)

Known = Mapping[Kind, Collection[str]]
"""What can be paged."""

_chat = re.compile(r"(-?[1-9][0-9]{0,15})(?::([1-9][0-9]{0,9}))?").fullmatch


def read_policies(file: Section, known: Known) -> dict[str, Policy]:
    return {key: _policy(key, one, known) for key, one in file.table("policies").items()}


def read_routes(file: Section, policies: Mapping[str, Policy]) -> tuple[Route, ...]:
    return tuple(_route(one, policies) for one in file.tables("routes"))


def read_heartbeats(file: Section, policies: Mapping[str, Policy]) -> dict[str, HeartbeatRule]:
    return {key: _heartbeat(key, one, policies) for key, one in file.table("heartbeats").items()}


def _policy(key: str, section: Section, known: Known) -> Policy:
    check_name(key, section)
    if key.casefold() == NO_POLICY:
        section.problem("cannot have this name: the policy none pages nobody")
    sections = section.required("steps", section.tables)
    if section.has("steps") and not sections:
        section.problem("is empty: somebody must be paged", "steps")
    repeat = section.integer("repeat") or 0
    if not 0 <= repeat <= MOST_REPEATS:
        section.problem(f"must be from 0 to {MOST_REPEATS}", "repeat")
    policy = Policy(
        key=key,
        steps=tuple(_step(one, known) for one in sections),
        repeat=repeat,
        fallback=_targets(section, "fallback", known),
        ack_timeout=section.duration("ack_timeout"),
    )
    section.end()
    return policy


def _step(section: Section, known: Known) -> Step:
    targets = section.required("page", lambda key: _targets(section, key, known))
    if section.has("page") and not targets:
        section.problem("pages nobody", "page")
    step = Step(targets=targets, wait=section.duration("wait") or DEFAULT_WAIT)
    section.end()
    return step


def _targets(section: Section, key: str, known: Known) -> tuple[Target, ...]:
    found = []
    for index, written in section.texts(key):
        kind, _, name = written.partition(":")
        spellings = [f"{one}:{other}" for one, names in known.items() for other in names]
        if kind not in list(Kind) or name not in known[Kind(kind)]:
            form = "" if kind in list(Kind) else " (person:NAME, group:NAME or schedule:NAME)"
            close = meant(written, spellings)
            section.problem(f'is "{shown(written)}": there is no such thing to page{form}{close}', key, index)
        else:
            found.append(Target(kind=Kind(kind), key=name))
    return tuple(dict.fromkeys(found))


def _known_policy(section: Section, policies: Mapping[str, Policy]) -> str:
    """The policy that is named; without a name `default`. `none` is one."""
    policy = section.text("policy")
    if not section.has("policy") and DEFAULT_POLICY not in policies:
        section.problem("lacks policy")
    elif policy and policy != NO_POLICY and policy not in policies:
        section.problem(
            f'is "{shown(policy)}": there is no such policy{meant(policy, [*policies, NO_POLICY])}', "policy"
        )
    return policy or DEFAULT_POLICY


def _route(section: Section, policies: Mapping[str, Policy]) -> Route:
    route = Route(match=_match(section), policy=_known_policy(section, policies), chat=_read_chat(section))
    section.end()
    return route


def _match(section: Section) -> Mapping[str, str | re.Pattern[str]]:
    match: dict[str, str | re.Pattern[str]] = {}
    conditions = section.open("match")
    for label in conditions.keys:
        value = conditions.label(label)
        if value.startswith("~"):
            pattern = read_pattern(value[1:])
            if isinstance(pattern, str):
                conditions.problem(pattern, label)
            else:
                match[label] = pattern
            continue
        if label == "severity" and value not in list(Severity):
            conditions.problem(f'is "{shown(value)}": a severity is {", ".join(Severity)}', label)
        match[label] = value
    return MappingProxyType(match)


def _read_chat(section: Section) -> Chat | None:
    """A chat id, as text or number, or with a topic `-1001234567890:7`."""
    if not section.has("chat"):
        return None
    found = _chat(section.text_or_integer("chat"))
    if found is None:
        section.problem('must be a chat id such as "-1001234567890", or with a topic "-1001234567890:7"', "chat")
        return None
    return Chat(chat_id=int(found[1]), topic=int(found[2]) if found[2] else None)


def _heartbeat(name: str, section: Section, policies: Mapping[str, Policy]) -> HeartbeatRule:
    check_name(name, section)
    rule = HeartbeatRule(
        name=name,
        every=section.required("every", section.duration) or timedelta(days=1),
        grace=section.duration("grace") or DEFAULT_GRACE,
        policy=_known_policy(section, policies),
        token=section.text("token"),
    )
    section.end()
    return rule
