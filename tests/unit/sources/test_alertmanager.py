import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.domain.alerts import Alert, Link, News, Severity
from bridge.sources import NotSuchAPayload
from bridge.sources.alertmanager import read
from tests.unit.sources.recorded import fields, labelled, names, one, recorded
from tests.unit.sources.recorded import read as read_json

FIRING_ONE = Alert(
    source="alertmanager",
    fingerprint="bd4f67cd11744ff8",
    firing=True,
    title="HighLatency on web-1",
    text="p99 is 2.3s (limit 500ms) for 5m",
    severity=Severity.CRITICAL,
    starts_at=datetime(2026, 11, 22, 17, 36, 39, 363623, tzinfo=UTC),
    labels={"alertname": "HighLatency", "cluster": "eu-1", "instance": "web-1", "job": "web", "severity": "critical"},
    links=(
        Link(label="runbook", url="https://wiki.example.org/r/42"),
        Link(label="source", url="http://prometheus.example.org:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1"),
        Link(label="alertmanager", url="http://alertmanager.example.org:9093"),
    ),
)


def news(name: str) -> News:
    return read(recorded(f"alertmanager/{name}"), "application/json")


def test_a_firing_alert_has_all_that_its_rule_says() -> None:
    assert news("01-firing-one.json") == News(alerts=(FIRING_ONE,))


def test_its_end_has_the_same_fingerprint_and_start_and_a_time() -> None:
    (end,) = news("02-resolved-one.json").alerts
    assert (end.fingerprint, end.starts_at) == (FIRING_ONE.fingerprint, FIRING_ONE.starts_at)
    assert (end.firing, end.ends_at) == (False, datetime(2026, 11, 22, 17, 41, 38, 471394, tzinfo=UTC))


def test_each_alert_of_a_group_has_its_own_status() -> None:
    before = news("03-firing-group-of-3.json").alerts
    after = news("04-mixed-group-2-firing-1-resolved.json").alerts
    assert [(one.fingerprint, one.firing) for one in before] == [(one.fingerprint, True) for one in after]
    assert Counter(one.firing for one in after) == {True: 2, False: 1}


@pytest.mark.parametrize(
    ("name", "title", "severity", "truncated"),
    [
        ("05-firing-unicode-rtl-emoji-newline.json", "دما بالا است 🔥", Severity.CRITICAL, 0),
        ("06-firing-minimal-no-annotations.json", "OnlyAName", Severity.CRITICAL, 0),
        ("07-firing-truncated-max-alerts-2-of-7.json", "HostDown on h0", Severity.CRITICAL, 5),
        ("08-firing-group-by-all-labels.json", "GroupByAll on one", Severity.CRITICAL, 0),
        ("10-prometheus-rule-firing.json", "127.0.0.1:18999 of job web is down", Severity.CRITICAL, 0),
        ("12-amtool-alert-add.json", "from amtool", Severity.INFO, 0),
        ("13-vmalert-firing.json", "queue sms is 100", Severity.WARNING, 0),
    ],
)
def test_what_other_programs_send_through_it(name: str, title: str, severity: Severity, truncated: int) -> None:
    found = news(name)
    assert (found.alerts[0].title, found.alerts[0].severity, found.truncated) == (title, severity, truncated)


def test_line_ends_of_a_description_stay() -> None:
    assert news("05-firing-unicode-rtl-emoji-newline.json").alerts[0].text == 'line1\nline2 <b>&"quoted"\\'


def test_a_rule_that_resolves_is_the_same_alert() -> None:
    (fired,), (resolved,) = (news(f"1{n}-prometheus-rule-{w}.json").alerts for n, w in ((0, "firing"), (1, "resolved")))
    assert (fired.fingerprint, fired.starts_at) == (resolved.fingerprint, resolved.starts_at)


def test_a_storm_comes_whole_and_in_order() -> None:
    alerts = news("09-firing-storm-no-grouping-labels-120.json").alerts
    given = fields("alertmanager/09-firing-storm-no-grouping-labels-120.json")["alerts"]
    assert [one.title for one in alerts] == [one["annotations"]["summary"] for one in given]
    assert len({one.fingerprint for one in alerts}) == 120


@pytest.mark.parametrize("name", names("alertmanager"))
def test_a_sample_loses_no_alert_and_no_label(name: str) -> None:
    given = fields(name)["alerts"]
    alerts = read(recorded(name)).alerts
    assert [(one.fingerprint, one.firing) for one in alerts] == [
        (g["fingerprint"], g["status"] == "firing") for g in given
    ]
    assert [one.labels for one in alerts] == [{key: value[:500] for key, value in g["labels"].items()} for g in given]


# titles and texts


@pytest.mark.parametrize(
    ("annotations", "title", "text"),
    [
        ({"summary": "S", "title": "T", "message": "M", "description": "D"}, "S", "D"),
        ({"title": "T", "message": "M"}, "T", "M"),
        ({"message": "M"}, "M", ""),
        ({"description": "D"}, "A (web-1, eu)", "D"),
        ({"summary": " \n\t", "details": "more"}, "A (web-1, eu)", "more"),
        ({"summary": "two\nlines  and\tblanks "}, "two lines and blanks", ""),
        ({"summary": None, "title": ["x"], "message": 5}, "5", ""),
        ({"summary": "S", "description": "S"}, "S", ""),
        ({}, "A (web-1, eu)", ""),
        (None, "A (web-1, eu)", ""),
    ],
)
def test_the_first_annotation_that_says_something_is_the_title(annotations: Any, title: str, text: str) -> None:
    labels = {"alertname": "A", "cluster": "eu", "instance": "web-1", "job": "web", "severity": "page"}
    alert = one("alertmanager", labelled(labels=labels, annotations=annotations))
    assert (alert.title, alert.text) == (title, text)


@pytest.mark.parametrize(
    ("labels", "title"),
    [
        ({"alertname": "A"}, "A"),
        ({"alertname": "A", "severity": "page", "job": "x", "__rule__": "y"}, "A"),
        ({"alertname": "A", "a": "1", "b": "2", "c": "3", "d": "4"}, "A (1, 2, 3)"),
        ({"alertname": "A", "a": "1", "pod": "p", "instance": "i"}, "A (i, p, 1)"),
        ({"alertname": "A", "instance": "i", "host": "i"}, "A (i)"),
        ({"instance": "i"}, "Alert without a name (i)"),
        ({"alertname": " "}, "Alert without a name"),
        ({"alertname": "A" * 301}, "A" * 297 + "..."),
    ],
)
def test_without_annotations_the_name_and_the_place_are_the_title(labels: dict[str, str], title: str) -> None:
    assert one("alertmanager", labelled(labels=labels)).title == title


def test_annotations_may_be_left_out() -> None:
    payload = {"alerts": [{"status": "firing", "labels": {"alertname": "A"}}]}
    assert one("alertmanager", payload).title == "A"


# fingerprints


def test_without_a_fingerprint_the_labels_in_any_order_make_one() -> None:
    here = one("alertmanager", labelled(fingerprint="", labels={"a": "1", "b": "2"}))
    there = one("alertmanager", labelled(fingerprint=None, labels={"b": "2", "a": "1"}, annotations={"summary": "x"}))
    other = one("alertmanager", labelled(fingerprint="", labels={"a": "1", "b": "3"}))
    assert here.fingerprint == there.fingerprint != other.fingerprint


def test_a_fingerprint_of_labels_is_the_same_after_an_upgrade() -> None:
    # sha256 of [["alertname", "A"], ["n", "1"]]
    found = one("alertmanager", labelled(fingerprint="", labels={"alertname": "A", "n": 1}))
    assert found.fingerprint == "f45fb3144bac68ef1009f4ad67eb7291bab13408db415b49bc8b071f45d0ed0c"


def test_the_same_fingerprint_twice_is_two_pieces_of_news_in_their_order() -> None:
    payload = {"alerts": labelled()["alerts"] + labelled(status="resolved")["alerts"]}  # type: ignore[operator]
    assert [alert.firing for alert in read_json("alertmanager", payload)] == [True, False]


# times and counts


def test_a_firing_alert_has_no_end_even_if_the_source_names_one() -> None:
    assert one("alertmanager", labelled(endsAt="2026-11-22T17:41:38Z")).ends_at is None


def test_year_one_is_no_time() -> None:
    alert = one(
        "alertmanager", labelled(status="resolved", startsAt="0001-01-01T00:00:00Z", endsAt="0001-01-01T00:00:00Z")
    )
    assert (alert.starts_at, alert.ends_at) == (None, None)


def test_no_alerts_are_no_news() -> None:
    assert read(b'{"alerts": []}') == News(alerts=())


@pytest.mark.parametrize(("count", "truncated"), [(7, 7), (0, 0), (-1, 0), (None, 0), ("7", 0), (10**12, 2**31 - 1)])
def test_it_is_said_how_many_were_cut_off(count: object, truncated: int) -> None:
    assert read(json.dumps({"alerts": [], "truncatedAlerts": count}).encode()).truncated == truncated


def test_a_missing_severity_is_critical() -> None:
    assert one("alertmanager", labelled()).severity is Severity.CRITICAL


# what is no such payload


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ([], "the body is no object"),
        ({}, "alerts is missing"),
        ({"alerts": None}, "alerts is no list"),
        ({"alerts": {}}, "alerts is no list"),
        ({"alerts": ["secret"]}, "alerts[0] is no object"),
        (labelled(labels="secret"), "alerts[0].labels is no object"),
        (labelled(labels=None), "alerts[0].labels is no object"),
        ({"alerts": [{"status": "firing"}]}, "alerts[0].labels is missing"),
        (labelled(annotations="secret"), "alerts[0].annotations is no object"),
        (labelled(status="secret"), "alerts[0].status is neither firing nor resolved"),
        (labelled(status=["secret"]), "alerts[0].status is neither firing nor resolved"),
        (labelled(labels={}, fingerprint=""), "alerts[0] has neither a fingerprint nor labels"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_without_its_value(payload: object, words: str) -> None:
    with pytest.raises(NotSuchAPayload) as refused:
        read_json("alertmanager", payload)
    assert str(refused.value) == words


def test_the_alert_that_is_wrong_is_counted() -> None:
    payload = fields("alertmanager/09-firing-storm-no-grouping-labels-120.json")
    payload["alerts"][77]["labels"] = 5
    with pytest.raises(NotSuchAPayload, match=r"^alerts\[77\]\.labels is no object$"):
        read_json("alertmanager", payload)
