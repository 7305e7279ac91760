import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.domain.alerts import Alert, Link, News, Severity
from bridge.sources import NotSuchAPayload
from bridge.sources.uptime_kuma import read
from tests.unit.sources.recorded import fields, one, recorded
from tests.unit.sources.recorded import read as read_json

DOWN = Alert(
    source="uptime-kuma",
    fingerprint="monitor-1",
    firing=True,
    title="web frontend is down",
    text="connect ECONNREFUSED 127.0.0.1:18666",
    severity=Severity.CRITICAL,
    starts_at=datetime(2026, 11, 22, 17, 59, 24, 920000, tzinfo=UTC),
    labels={"monitor": "web frontend", "type": "http", "description": "edge"},
    links=(Link(label="monitored", url="http://127.0.0.1:18666/"),),
)


def heartbeat(**changes: object) -> dict[str, Any]:
    payload = fields("uptime-kuma/uptime-kuma-2.5.3-down.json")
    payload["heartbeat"] |= changes
    return payload


def monitor(**changes: object) -> dict[str, Any]:
    payload = fields("uptime-kuma/uptime-kuma-2.5.3-down.json")
    payload["monitor"] |= changes
    return payload


def test_down_fires() -> None:
    assert read(recorded("uptime-kuma/uptime-kuma-2.5.3-down.json")) == News(alerts=(DOWN,))


def test_up_resolves_the_same_alert() -> None:
    (up,) = read(recorded("uptime-kuma/uptime-kuma-2.5.3-up.json")).alerts
    assert (up.fingerprint, up.firing, up.title, up.text) == ("monitor-1", False, "web frontend is up", "200 - OK")
    assert (up.starts_at, up.ends_at) == (DOWN.starts_at, datetime(2026, 11, 22, 18, 0, 4, 922000, tzinfo=UTC))


@pytest.mark.parametrize("status", [2, 3, -1, 10**30])
def test_pending_and_maintenance_are_no_news(status: int) -> None:
    assert read_json("uptime-kuma", heartbeat(status=status)) == ()


@pytest.mark.parametrize("time", [None, "", "soon", 5])
def test_a_time_that_is_none_is_left_out(time: object) -> None:
    assert one("uptime-kuma", heartbeat(time=time)).starts_at is None


def test_the_test_button_is_an_alert_that_wakes_nobody() -> None:
    alert = one("uptime-kuma", {"heartbeat": None, "monitor": None, "msg": "My pager Testing"})
    assert (alert.title, alert.text, alert.severity, alert.firing) == ("My pager Testing", "", Severity.INFO, True)
    assert alert.starts_at is None


def test_each_notice_is_an_alert_of_its_own_however_often_it_comes() -> None:
    first, again, other = (
        one("uptime-kuma", {"heartbeat": None, "msg": words}).fingerprint
        for words in ("expires in 7 days", "expires in 7 days", "expires in 3 days")
    )
    assert first == again != other


def test_a_notice_of_many_lines_keeps_them() -> None:
    alert = one("uptime-kuma", {"heartbeat": None, "msg": "one\ntwo"})
    assert (alert.title, alert.text) == ("one two", "one\ntwo")


def test_tags_become_labels_and_one_of_them_is_the_severity() -> None:
    tags = [{"name": "severity", "value": "low"}, {"name": "team", "value": "db"}, {"name": "prod", "value": ""}, 5, {}]
    alert = one("uptime-kuma", monitor(tags=tags))
    assert alert.severity is Severity.INFO
    assert dict(alert.labels) | {"severity": "low", "team": "db", "prod": "true"} == alert.labels


def test_what_may_be_secret_in_a_monitor_stays_there() -> None:
    alert = one("uptime-kuma", monitor(basic_auth_pass="hush", url="https://ama:hush@example.org/", pushToken="hush"))
    assert "hush" not in repr(alert)


@pytest.mark.parametrize(
    ("monitor", "fingerprint", "title"),
    [
        ({"id": 7, "name": " the  shop "}, "monitor-7", "the shop is down"),
        ({"id": 7}, "monitor-7", "Monitor 7 is down"),
        ({"name": "shop"}, "monitor-1", "shop is down"),
        (None, "monitor-1", "Monitor 1 is down"),
    ],
)
def test_a_monitor_is_known_by_its_id_so_it_may_be_renamed(monitor: Any, fingerprint: str, title: str) -> None:
    alert = one("uptime-kuma", heartbeat() | {"monitor": monitor})
    assert (alert.fingerprint, alert.title) == (fingerprint, title)


def test_without_any_id_it_is_known_by_its_name() -> None:
    payload = {"heartbeat": {"status": 0}, "monitor": {"name": "shop"}, "msg": "x"}
    assert one("uptime-kuma", payload).fingerprint == "monitor-named-shop"


def test_its_other_preset_sends_a_form() -> None:
    body = (
        b'--XX\r\nContent-Disposition: form-data; name="data"\r\n\r\n'
        + recorded("uptime-kuma/uptime-kuma-2.5.3-down.json")
        + b"\r\n--XX--\r\n"
    )
    assert read(body, "multipart/form-data; boundary=XX") == News(alerts=(DOWN,))


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ([], "the body is no object"),
        ({}, "heartbeat or msg is missing"),
        ({"heartbeat": None}, "heartbeat or msg is missing"),
        ({"msg": "secret"}, "heartbeat or msg is missing"),
        ({"heartbeat": None, "msg": " "}, "heartbeat is null, and msg is empty"),
        ({"heartbeat": None, "msg": None}, "heartbeat is null, and msg is empty"),
        ({"heartbeat": "secret", "msg": ""}, "heartbeat is no object"),
        ({"heartbeat": {}, "msg": ""}, "heartbeat.status is no whole number"),
        (heartbeat(status=True), "heartbeat.status is no whole number"),
        (heartbeat(status="secret"), "heartbeat.status is no whole number"),
        (heartbeat() | {"monitor": "secret"}, "monitor is no object"),
        ({"heartbeat": {"status": 0}, "msg": ""}, "monitor has neither an id nor a name"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_without_its_value(payload: object, words: str) -> None:
    with pytest.raises(NotSuchAPayload) as refused:
        read(json.dumps(payload).encode())
    assert str(refused.value) == words
