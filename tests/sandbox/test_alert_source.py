"""What the demo fires, and whom it pages: as the service itself reads it."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bridge.domain.alerts import Severity
from bridge.oncall.file import read
from bridge.oncall.records import DEFAULT_POLICY
from bridge.oncall.who import Roster, people
from bridge.sandbox import on_call
from bridge.sandbox.alert_source import RULE, RULES, payload
from bridge.sources import SOURCES

SINCE = datetime(2026, 11, 22, 17, 36, 39, 363623, tzinfo=UTC)
RECORDED = Path(__file__).parents[1] / "unit/sources/samples/alertmanager/01-firing-one.json"
TODAY = date(2026, 11, 22)


def taken(key: str, ended_at: datetime | None = None):  # type: ignore[no-untyped-def]
    body = json.dumps(payload(RULE[key], SINCE, ended_at, own_url="http://127.0.0.1:8090/")).encode()
    return SOURCES["alertmanager"](body, "application/json").alerts


def test_an_alert_fires_and_is_over_under_one_fingerprint() -> None:
    (firing,), (over,) = taken("disk"), taken("disk", SINCE + timedelta(minutes=5))
    assert (firing.title, firing.severity, firing.firing) == ("Disk full on db1", Severity.CRITICAL, True)
    assert (firing.starts_at, firing.ends_at) == (SINCE, None)
    assert (over.firing, over.ends_at, over.fingerprint) == (False, SINCE + timedelta(minutes=5), firing.fingerprint)


def test_the_surge_is_500_alerts_and_none_is_another_one() -> None:
    alerts = taken("surge")
    assert len(alerts) == len({one.fingerprint for one in alerts}) == 500
    assert alerts[41].title == "web-042 is down"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
def test_a_payload_has_the_fields_of_a_recorded_one(rule) -> None:  # type: ignore[no-untyped-def]
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    made = payload(rule, SINCE)
    assert list(made) == list(recorded)
    assert list(made["alerts"][0]) == list(recorded["alerts"][0])


def test_the_on_call_file_says_what_the_page_tells() -> None:
    found = read(on_call.file(TODAY), region="GH")
    policy = found.policies[DEFAULT_POLICY]
    now = datetime(2026, 11, 22, 9, tzinfo=UTC)
    roster = Roster(oncall=found, calendars={}, overrides=())
    told = [
        {"who": [one.name for one in people(roster, step.targets, now)], "wait_s": step.wait.total_seconds()}
        for step in policy.steps
    ]
    plan = on_call.plan()
    assert told == plan["steps"]
    assert policy.repeat == plan["repeat"]
    routed = {route.match["alertname"]: route.chat.chat_id for route in found.routes if route.chat}
    assert routed == {RULE[key].name: chat for key, chat in plan["chats"].items()}
    assert [{"name": one.name, "number": one.phone} for one in found.people.values()] == plan["people"]
