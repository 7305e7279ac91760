import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.alerts import Severity
from bridge.sources import NotSuchAPayload
from bridge.sources.grafana import read, signed
from tests.unit.sources.recorded import labelled, one, recorded


def test_each_alert_has_title_values_and_links_of_its_own() -> None:
    first, second = read(recorded("grafana/firing-written-by-hand.json")).alerts
    assert (first.source, first.fingerprint, second.fingerprint) == ("grafana", "c6eadffa33fcdf37", "bc97ff14869b13e3")
    assert (first.title, second.title) == ("Memory on web-1 over 90 %", "Memory on web-2 over 90 %")
    assert first.text == "The system has high memory usage\nB = 94.2, C = 1"
    assert first.starts_at == datetime(2026, 11, 22, 9, 51, tzinfo=UTC)
    assert [link.label for link in first.links] == ["runbook", "panel", "dashboard", "source", "silence"]
    assert first.severity is Severity.CRITICAL
    assert first.labels["grafana_folder"] == "Ops"


def test_a_resolved_one_is_the_same_alert() -> None:
    (end,) = read(recorded("grafana/resolved-written-by-hand.json")).alerts
    assert (end.firing, end.fingerprint) == (False, "c6eadffa33fcdf37")
    assert end.ends_at == datetime(2026, 11, 22, 10, 3, tzinfo=UTC)


def test_no_data_says_so_instead_of_what_the_rule_would_have_said() -> None:
    (alert,) = read(recorded("grafana/nodata-written-by-hand.json")).alerts
    assert (alert.title, alert.text) == ("No data: High memory usage", "The system has high memory usage")


@pytest.mark.parametrize(
    ("labels", "title"),
    [
        ({"alertname": "DatasourceError", "rulename": "R"}, "Query failed: R"),
        ({"alertname": "DatasourceError"}, "S"),
        ({"alertname": "Disk", "rulename": "R"}, "S"),
    ],
)
def test_a_query_that_failed_names_its_rule(labels: dict[str, str], title: str) -> None:
    assert one("grafana", labelled(labels=labels, annotations={"summary": "S"})).title == title


def test_the_severity_is_the_label_s() -> None:
    assert one("grafana", labelled(labels={"alertname": "A", "severity": "warning"})).severity is Severity.WARNING


@pytest.mark.parametrize("values", [None, {}, [], "x", {"B": None}])
def test_values_may_be_missing(values: object) -> None:
    assert one("grafana", labelled(values=values)).text == ""


def test_its_errors_are_named_alike() -> None:
    with pytest.raises(NotSuchAPayload, match=r"^alerts is missing$"):
        read(b'{"title": "[Alerting] legacy", "ruleId": 1, "state": "alerting"}')


# the signature

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRET = "k3y"
BODY = b'{"alerts": []}'


def signature(message: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def test_the_signature_is_that_of_a_known_example() -> None:
    # RFC 4231, test case 2
    message, right = b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert signed(message, right, "Jefe", now=NOW)
    assert not signed(message, right.upper(), "Jefe", now=NOW)


@given(body=st.binary(), secret=st.text(st.characters(codec="utf-8"), min_size=1))
def test_what_was_signed_is_signed_and_nothing_else_is(body: bytes, secret: str) -> None:
    right = signature(body, secret)
    assert signed(body, right, secret, now=NOW)
    assert not signed(body + b" ", right, secret, now=NOW)
    assert not signed(body, right, secret + "x", now=NOW)


@given(given_signature=st.text(), timestamp=st.text())
def test_any_header_gives_an_answer(given_signature: str, timestamp: str) -> None:
    assert not signed(BODY, given_signature, SECRET, now=NOW, timestamp=timestamp)


@pytest.mark.parametrize(
    ("age", "fine"),
    [(0, True), (300, True), (-300, True), (301, False), (-301, False), (10**9, False)],
)
def test_a_signed_time_must_be_near(age: int, fine: bool) -> None:
    stamp = str(int(NOW.timestamp()) - age)
    right = signature(f"{stamp}:".encode() + BODY)
    assert signed(BODY, right, SECRET, now=NOW, timestamp=stamp) is fine
    assert signed(BODY, right, SECRET, now=NOW, timestamp=stamp, tolerance=timedelta(days=365 * 50))


@pytest.mark.parametrize("stamp", ["now", "1e9", " 1795348800", "-5", "１７９５３４８８００", "9" * 5000])
def test_a_time_that_is_none_is_not_signed(stamp: str) -> None:
    right = signature(stamp.encode() + b":" + BODY)
    assert not signed(BODY, right, SECRET, now=NOW, timestamp=stamp, tolerance=timedelta(days=999_999))


def test_a_time_is_part_of_what_is_signed() -> None:
    stamp = str(int(NOW.timestamp()))
    assert not signed(BODY, signature(BODY), SECRET, now=NOW, timestamp=stamp)
    assert not signed(BODY, signature(f"{stamp}:".encode() + BODY), SECRET, now=NOW)


def test_a_time_that_is_moved_into_the_body_makes_it_no_payload() -> None:
    moved = b"1795348800:" + BODY
    assert signed(moved, signature(moved), SECRET, now=NOW)
    with pytest.raises(NotSuchAPayload):
        read(moved)


def test_an_empty_secret_signs_nothing() -> None:
    assert not signed(BODY, signature(BODY, ""), "", now=NOW)
