import json
from typing import Any

import pytest

from bridge.domain.alerts import Alert, Link, News, Severity
from bridge.sources import NotSuchAPayload
from bridge.sources.generic import STATES, read
from tests.unit.sources.recorded import JSON, fields, one, recorded
from tests.unit.sources.recorded import read as read_json

FORM = "application/x-www-form-urlencoded"

WHOLE = Alert(
    source="generic",
    fingerprint="db-1/disk",
    firing=True,
    title="Disk full",
    text="99 percent\nused",
    severity=Severity.WARNING,
    labels={"host": "db-1", "percent": "99"},
)
AS_JSON = {
    "title": "Disk full",
    "text": "99 percent\nused",
    "severity": "warning",
    "state": "firing",
    "key": "db-1/disk",
    "host": "db-1",
    "percent": 99,
    "nothing": None,
}
AS_FORM = (
    b"title=Disk+full&text=99%20percent%0Aused&severity=warning&state=firing&key=db-1%2Fdisk&host=db-1&percent=99&x="
)
AS_PARTS = (
    "".join(
        f'--b o\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{AS_JSON[name]}\r\n'
        for name in ("title", "text", "severity", "state", "key", "host", "percent")
    ).encode()
    + b"--b o--\r\n"
)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps(AS_JSON).encode(), JSON),
        (json.dumps(AS_JSON).encode(), "application/vnd.example+json; charset=utf-8"),
        (json.dumps(AS_JSON).encode(), ""),
        (json.dumps(AS_JSON).encode(), FORM),  # curl -d '{...}'
        (b" \r\n" + json.dumps(AS_JSON).encode(), FORM),
        (json.dumps(AS_JSON).encode("utf-8-sig"), "text/plain"),
        (json.dumps(AS_JSON).encode("utf-16"), JSON),
        (json.dumps(AS_JSON).encode("utf-16-be"), ""),
        (json.dumps([AS_JSON]).encode(), JSON),
        (AS_FORM, FORM),
        (AS_FORM, FORM.title() + "; charset=utf-8"),
        (AS_FORM, ""),
        (AS_PARTS, 'multipart/form-data; boundary="b o"'),
    ],
)
def test_json_and_forms_say_the_same(body: bytes, content_type: str) -> None:
    assert read(body, content_type) == News(alerts=(WHOLE,))


def test_what_no_label_can_hold_is_left_out_and_said() -> None:
    found = read(json.dumps(AS_JSON | {"labels": {"a": "b"}, "tags": ["x"], "none": {}}).encode(), JSON)
    assert found.alerts == (WHOLE,)
    assert found.warnings == (
        "“labels” was left out: a label is one word or number",
        "“tags” was left out: a label is one word or number",
    )


def test_a_title_is_enough() -> None:
    assert read(b"title=cron+failed") == News(
        alerts=(Alert(source="generic", fingerprint="cron failed", firing=True, title="cron failed"),)
    )


def test_a_list_gives_its_alerts_in_order() -> None:
    assert [alert.title for alert in read_json("generic", [{"title": "b"}, {"title": "a"}, {"title": "b"}])] == list(
        "bab"
    )
    assert read_json("generic", []) == ()


# states and severities


@pytest.mark.parametrize(("word", "firing"), [*STATES.items(), ("", True), (None, True), (" Resolved\n", False)])
def test_each_word_for_a_state_fires_or_resolves(word: str | None, firing: bool) -> None:
    assert one("generic", {"title": "t", "state": word}).firing is firing


@pytest.mark.parametrize(
    "word", ["firing", "problem", "down", "alert", "critical", "warning", "unknown", "unreachable", "error", "failed"]
)
def test_words_for_trouble_fire(word: str) -> None:
    assert STATES[word]


@pytest.mark.parametrize("word", ["resolved", "ok", "up", "recovered", "recovery", "normal", "cleared", "closed"])
def test_words_for_its_end_resolve(word: str) -> None:
    assert not STATES[word]


@pytest.mark.parametrize("word", ["acknowledged", "flapping", "true", "1", True, 0, "not ok"])
def test_an_unknown_state_is_refused_and_not_guessed(word: object) -> None:
    with pytest.raises(NotSuchAPayload, match=r"^state is no known word: use firing or resolved$"):
        read_json("generic", {"title": "t", "state": word})


@pytest.mark.parametrize(
    ("given", "severity"),
    [
        ({}, Severity.CRITICAL),
        ({"severity": "minor"}, Severity.WARNING),
        ({"severity": "who knows"}, Severity.CRITICAL),
        ({"state": "warning"}, Severity.WARNING),
        ({"state": "WARN", "severity": ""}, Severity.WARNING),
        ({"state": "error"}, Severity.ERROR),
        ({"state": "warning", "severity": "critical"}, Severity.CRITICAL),
        ({"state": "down"}, Severity.CRITICAL),
        ({"state": "critical"}, Severity.CRITICAL),
    ],
)
def test_the_severity_is_said_or_lies_in_the_state(given: dict[str, str], severity: Severity) -> None:
    assert one("generic", {"title": "t"} | given).severity is severity


def test_a_field_in_other_letters_is_a_label_and_told_of() -> None:
    found = read(b"title=t&Severity=warning&STATE=ok&state=down&Host=db-1", FORM)
    assert found.warnings == (
        "“Severity” was taken as a label: the field is severity",
        "“STATE” was taken as a label: the field is state",
    )
    (alert,) = found.alerts
    assert (alert.firing, alert.severity, alert.labels["Severity"]) == (True, Severity.CRITICAL, "warning")


# keys, labels, links


def test_the_key_joins_news_whose_titles_differ() -> None:
    down, up = read_json(
        "generic", [{"title": "db is down", "key": " db "}, {"title": "db is back", "key": "db", "state": "ok"}]
    )
    assert down.fingerprint == up.fingerprint == "db"


def test_without_a_key_the_whole_title_is_it() -> None:
    long = "x" * 300
    alerts = read_json("generic", [{"title": long + "a"}, {"title": long + "b"}, {"title": f" {long}a\n", "key": " "}])
    assert alerts[0].title == alerts[1].title
    assert alerts[0].fingerprint == alerts[2].fingerprint != alerts[1].fingerprint


def test_scalars_of_any_kind_are_read_as_text() -> None:
    alert = one("generic", {"title": 5, "text": 1.5, "key": 7, "a": True, "b": False, "c": 0, "d": -0.5})
    assert (alert.title, alert.text, alert.fingerprint) == ("5", "1.5", "7")
    assert alert.labels == {"a": "true", "b": "false", "c": "0", "d": "-0.5"}


def test_addresses_become_links_and_what_is_none_stays_a_label() -> None:
    urls = {"url": "https://example.org/1", "link": "see the wiki", "runbook_url": "HTTP://example.org/2"}
    alert = one("generic", {"title": "t"} | urls)
    assert alert.links == (
        Link(label="runbook", url="HTTP://example.org/2"),
        Link(label="link", url="https://example.org/1"),
    )
    assert alert.labels == {"link": "see the wiki"}


# what programs really send


def titled(body: bytes, name: bytes) -> bytes:
    """The recorded form, had its sender called that field `title`."""
    return body.replace(name + b"=", b"title=")


@pytest.mark.parametrize("program", ["nagios4", "icinga2"])
def test_nagios_and_icinga_report_a_problem_and_its_end(program: str) -> None:
    problem, recovery = recorded(f"generic/{program}-notify-curl-form.txt").splitlines()
    with pytest.raises(NotSuchAPayload, match=r"^title is missing$"):
        read(problem, FORM)
    (fired,), (resolved,) = (read(titled(body, b"service"), FORM).alerts for body in (problem, recovery))
    assert (fired.firing, resolved.firing) == (True, False)
    assert fired.fingerprint == resolved.fingerprint == fired.title
    assert (fired.labels["host"], fired.labels["output"]) == ("db-1", "CRIT disk 99 percent used")
    assert fired.severity is Severity.CRITICAL


def test_healthchecks_reports_down_and_up() -> None:
    for state in ("down", "up"):
        payload = fields(f"generic/healthchecks-3.13-{state}-custom-body.json")
        with pytest.raises(NotSuchAPayload, match=r"^title is missing$"):
            read_json("generic", payload)
        alert = one(
            "generic", payload | {"title": payload["check"], "state": payload["status"], "key": payload["code"]}
        )
        assert (alert.title, alert.firing) == ('Nightly "backup" پشتیبان', state == "down")
        assert alert.fingerprint == "5f3b71d8-0cd1-4e83-a36d-33d2a741b308"
        assert alert.labels["tag1"] == "prod"
        assert "full" not in alert.labels


def test_monit_reports_by_its_event_line() -> None:
    for line in recorded("generic/monit-5.33-exec-curl.jsonl").splitlines():
        payload = json.loads(line)
        with pytest.raises(NotSuchAPayload, match=r"^title is missing$"):
            read(line, FORM)
        alert = one("generic", payload | {"title": payload["event"], "text": payload["description"]})
        assert (alert.title, alert.text) == (payload["event"], payload["description"])
        assert alert.labels["service"] == "web"


# what is no such payload


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({}, "title is missing"),
        ({"title": " \u0000\n"}, "title is missing"),
        ({"title": None, "secret": "x"}, "title is missing"),
        ({"title": ["secret"]}, "title is missing"),
        ([{"title": "t"}, {"title": ""}], "[1].title is missing"),
        ([{"title": "t", "state": "secret"}], "[0].state is no known word: use firing or resolved"),
        (["secret"], "[0] is no object"),
        ([[]], "[0] is no object"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_without_its_value(payload: Any, words: str) -> None:
    with pytest.raises(NotSuchAPayload) as refused:
        read_json("generic", payload)
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b"", "", "the body is empty"),
        (b" \n", FORM, "the body is empty"),
        (b"", JSON, "the body is no JSON (line 1, column 1)"),
        (b'"secret"', JSON, "the body is no object"),
        (b"5", JSON, "the body is no object"),
        (b"title=secret", JSON, "the body is no JSON (line 1, column 1)"),
        (b'{"title": "secret",\n}', FORM, "the body is no JSON (line 2, column 1)"),
        (b"secret", FORM, "title is missing"),
        (b"Title=secret", FORM, "title is missing"),
        (b"title=", "", "title is missing"),
    ],
)
def test_a_body_that_is_neither_says_where_it_ends_to_be_one(body: bytes, content_type: str, words: str) -> None:
    with pytest.raises(NotSuchAPayload) as refused:
        read(body, content_type)
    assert str(refused.value) == words
