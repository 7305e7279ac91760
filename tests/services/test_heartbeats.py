"""Which heartbeats are new, gone, changed or late: by times alone."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bridge.oncall.records import HeartbeatRule
from bridge.services.heartbeats.incoming import Plan, allowed, plan
from bridge.store.heartbeats import Heartbeat
from tests.support.manual_clock import MONDAY_MORNING as NOW

NOTHING = Plan(new=(), changed=(), gone=(), late=())


def rule(name: str = "backup", minutes: int = 60) -> HeartbeatRule:
    return HeartbeatRule(name=name, every=timedelta(minutes=minutes), grace=timedelta(minutes=5), policy="default")


def armed(given_rule: HeartbeatRule, silent_minutes: float = 0) -> Heartbeat:
    since = NOW - timedelta(minutes=silent_minutes)
    return Heartbeat(
        name=given_rule.name,
        armed_at=since,
        seen_at=since,
        silent_since=since,
        allowed=allowed(given_rule),
        due_at=since + allowed(given_rule),
        pings=1,
    )


def test_what_is_as_in_the_file_and_not_silent_for_too_long_needs_nothing() -> None:
    found = plan({"backup": armed(rule(), silent_minutes=64.9)}, {"backup": rule()}, NOW)
    assert found == NOTHING
    assert not found


def test_it_is_late_from_every_and_grace_on() -> None:
    found = plan({"backup": armed(rule(), silent_minutes=65)}, {"backup": rule()}, NOW)
    assert found == Plan(new=(), changed=(), gone=(), late=(rule(),))
    assert found


def test_what_the_file_has_anew_is_armed_and_what_it_has_no_more_is_disarmed_even_if_it_is_late() -> None:
    found = plan({"old": armed(rule("old"), silent_minutes=999)}, {"new": rule("new")}, NOW)
    assert found == Plan(new=(rule("new"),), changed=(), gone=("old",), late=())


def test_what_the_file_allows_otherwise_is_changed() -> None:
    found = plan({"backup": armed(rule())}, {"backup": rule(minutes=90)}, NOW)
    assert found == Plan(new=(), changed=(rule(minutes=90),), gone=(), late=())


NAMES = st.sampled_from("abcd")


@given(
    here=st.dictionaries(NAMES, st.tuples(st.integers(1, 100), st.integers(0, 200))),
    there=st.dictionaries(NAMES, st.integers(1, 100)),
)
def test_every_heartbeat_is_seen_to_once(here: dict[str, tuple[int, int]], there: dict[str, int]) -> None:
    known = {name: armed(rule(name, minutes), silent) for name, (minutes, silent) in here.items()}
    found = plan(known, {name: rule(name, minutes) for name, minutes in there.items()}, NOW)
    assert {one.name for one in found.new} == there.keys() - here.keys()
    assert set(found.gone) == here.keys() - there.keys()
    assert {one.name for one in found.changed} == {n for n in here.keys() & there.keys() if here[n][0] != there[n]}
    assert {one.name for one in found.late} == {n for n in here.keys() & there.keys() if here[n][1] >= here[n][0] + 5}
