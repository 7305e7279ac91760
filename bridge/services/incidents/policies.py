"""What a policy does at a position of an escalation. Pure."""

from dataclasses import dataclass, replace
from datetime import timedelta

from bridge.oncall.naming import targets_named
from bridge.oncall.records import DEFAULT_POLICY, NO_POLICY, Policy, Step
from bridge.oncall.who import Roster

FALLBACK_EVERY = timedelta(minutes=30)
"""How often the fallback is paged once all steps have run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What an escalation does at a position. `last_resort`: it is the fallback, which comes again and again."""

    step: Step
    last_resort: bool


def turn_at(policy: Policy, position: int) -> Turn | None:
    """The step at that position (steps that were run, over all rounds); None when none is left and no fallback."""
    if position < steps_of(policy):
        return Turn(step=policy.steps[position % len(policy.steps)], last_resort=False)
    if not policy.fallback:
        return None
    return Turn(step=Step(targets=policy.fallback, wait=FALLBACK_EVERY), last_resort=True)


def steps_of(policy: Policy) -> int:
    """Steps of a policy over all of its rounds."""
    return len(policy.steps) * (1 + policy.repeat)


ASKED_FOR = "@"
"""A policy of this beginning was asked for by `/page @WHO`: first they, then the policy `default`."""

WHO_WAITS = timedelta(minutes=5)


def policy_of(roster: Roster, key: str) -> Policy | None:
    """The policy of an incident; None for a card only, and when the on-call file has neither it nor a default."""
    if key == NO_POLICY:
        return None
    if not key.startswith(ASKED_FOR):
        # One that a newer file has no more goes on by the default: somebody must hear of it.
        return roster.oncall.policies.get(key) or roster.oncall.policies.get(DEFAULT_POLICY)
    targets = targets_named(roster.oncall, key.removeprefix(ASKED_FOR))
    default = roster.oncall.policies.get(DEFAULT_POLICY, Policy(key=DEFAULT_POLICY, steps=()))
    if targets is None:
        return default if default.steps else None
    first = Step(targets=targets, wait=WHO_WAITS)
    return replace(default, key=key, steps=(first, *default.steps), fallback=default.fallback or targets)
