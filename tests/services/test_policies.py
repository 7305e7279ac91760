"""Which policy an incident goes by when the on-call file has changed since."""

from datetime import timedelta

from bridge.oncall.records import DEFAULT_POLICY, NO_POLICY, Kind, OnCall, Person, Policy, Step, Target
from bridge.oncall.who import Roster
from bridge.services.incidents.policies import policy_of

AMA = Target(kind=Kind.PERSON, key="ama")
STEP = Step(targets=(AMA,), wait=timedelta(minutes=5))
DEFAULT = Policy(key=DEFAULT_POLICY, steps=(STEP,), ack_timeout=timedelta(hours=1))
ROSTER = Roster(
    oncall=OnCall(people={"ama": Person(key="ama", name="Ama", phone="+1")}, policies={DEFAULT_POLICY: DEFAULT})
)


def test_a_card_only_goes_by_no_policy_so_that_nothing_of_it_ever_pages() -> None:
    assert policy_of(ROSTER, NO_POLICY) is None


def test_a_policy_that_the_file_has_no_more_is_the_default_if_there_is_one() -> None:
    assert policy_of(ROSTER, "gone") == DEFAULT
    assert policy_of(Roster(oncall=OnCall()), "gone") is None


def test_who_was_asked_for_comes_first_and_then_the_default() -> None:
    found = policy_of(ROSTER, "@ama")
    assert found is not None
    assert [step.targets for step in found.steps] == [(AMA,), (AMA,)]
    assert found.fallback == (AMA,)
    assert policy_of(ROSTER, "@nobody") == DEFAULT
    assert policy_of(Roster(oncall=OnCall()), "@nobody") is None
