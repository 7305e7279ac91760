import pytest

from bridge.domain.alerts import Alert, Severity
from bridge.oncall.records import Chat
from bridge.oncall.routes import Routed, labels_of, way
from tests.unit.oncall.team import oncall

ROUTES = """
[policies.default]
steps = [{ page = ["person:ama"] }]
[policies.db]
steps = [{ page = ["person:kofi"] }]
[[routes]]
match = { severity = "critical", team = "~db.*" }
policy = "db"
chat = "-100:7"
[[routes]]
match = { severity = "~info|warning", source = "generic" }
policy = "none"
[[routes]]
match = { alertname = "Disk full" }
policy = "db"
[[routes]]
match = { stage = "", team = "web" }
policy = "db"
chat = -5
"""


def alert(*, severity: str = "critical", source: str = "alertmanager", title: str = "T", **labels: str) -> Alert:
    return Alert(source=source, fingerprint="f", firing=True, title=title, severity=Severity(severity), labels=labels)


@pytest.mark.parametrize(
    ("news", "expected"),
    [
        (alert(team="db"), Routed(policy="db", chat=Chat(chat_id=-100, topic=7), route=0)),
        (alert(team="db-eu"), Routed(policy="db", chat=Chat(chat_id=-100, topic=7), route=0)),
        (alert(team="my-db"), Routed(policy="default")),  # a pattern must fit the whole value
        (alert(team="db", severity="error"), Routed(policy="default")),
        (alert(severity="info", source="generic"), Routed(policy="none", route=1)),
        (alert(severity="info"), Routed(policy="default")),
        (alert(title="Disk full"), Routed(policy="db", route=2)),
        (alert(title="Disk full on x", alertname="Disk full"), Routed(policy="db", route=2)),
        (alert(title="Disk full", alertname="Other"), Routed(policy="default")),
        (alert(team="web"), Routed(policy="db", chat=Chat(chat_id=-5), route=3)),  # no label: as if it were empty
        (alert(team="web", stage="prod"), Routed(policy="default")),
        (alert(team="db", alertname="Disk full"), Routed(policy="db", chat=Chat(chat_id=-100, topic=7), route=0)),
    ],
)
def test_the_first_route_whose_conditions_all_hold_decides(news: Alert, expected: Routed) -> None:
    assert way(oncall(ROUTES), news) == expected


def test_without_a_policy_default_what_no_route_matches_is_a_card_only() -> None:
    assert way(oncall(), alert()) == Routed(policy="none")


def test_a_route_without_conditions_matches_everything() -> None:
    assert way(oncall('[[routes]]\npolicy = "none"'), alert()) == Routed(policy="none", route=0)


def test_our_severity_and_source_win_over_labels_of_these_names() -> None:
    labels = {"severity": "page", "source": "label", "x": "y"}
    news = Alert(source="grafana", fingerprint="f", firing=True, title="T", severity=Severity.ERROR, labels=labels)
    assert labels_of(news) == {"alertname": "T", "severity": "error", "source": "grafana", "x": "y"}
