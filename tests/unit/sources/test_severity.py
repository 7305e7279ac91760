import json

import pytest

from bridge.domain.alerts import Severity
from bridge.sources import SOURCES
from bridge.sources.severity import MOST_TOLD, SEVERITIES, severity, warnings

CRITICAL, ERROR, WARNING, INFO = Severity.CRITICAL, Severity.ERROR, Severity.WARNING, Severity.INFO


TABLE = {
    CRITICAL: """page pager critical crit high highest urgent severe fatal emergency emerg panic alert disaster blocker
        sev0 sev1 p0 p1 s1""",
    ERROR: "error err major average sev2 p2 s2",
    WARNING: "warning warn minor medium moderate ticket sev3 p3 s3",
    INFO: """info information informational none notice low lowest ok trivial debug normal notclassified
        sev4 sev5 p4 p5 s4 s5""",
}
WORDS = [(word, found) for found, words in TABLE.items() for word in words.split()]


@pytest.mark.parametrize(("word", "found"), WORDS)
def test_each_word_that_people_use_has_its_severity(word: str, found: Severity) -> None:
    assert severity(word) is severity(f" {word.upper()}\n") is found


def test_no_other_word_is_known() -> None:
    assert sorted(SEVERITIES) == sorted(word for word, _ in WORDS)


@pytest.mark.parametrize(
    ("word", "found"), [("SEV-2", ERROR), ("Sev 3", WARNING), ("P_4", INFO), ("Not classified", INFO)]
)
def test_case_blanks_and_dashes_make_no_difference(word: str, found: Severity) -> None:
    assert severity(word) is found


@pytest.mark.parametrize("word", ["whatever", "4", 4, True, "ωarning", None, "", " ", [], {"a": 1}])
def test_unknown_and_missing_are_critical(word: object) -> None:
    assert severity(word) is CRITICAL


@pytest.mark.parametrize(
    ("word", "found"), [(None, INFO), (" - ", INFO), ([], INFO), ("whatever", CRITICAL), ("warn", WARNING)]
)
def test_only_a_missing_one_takes_the_other_value(word: object, found: Severity) -> None:
    assert severity(word, missing=INFO) is found


def told(word: str) -> str:
    return f"severity “{word}” is no known word and counts as critical: use critical, error, warning, info"


def test_each_unknown_word_is_told_of_once() -> None:
    assert warnings(["warn", "warnng", None, "", " ", "P_4", 4, "warnng", []]) == (told("warnng"), told("4"))


def test_a_warning_is_one_short_line_whatever_the_word_and_there_are_few() -> None:
    found = warnings([f"{number}\n\ud800{'x' * 500}" for number in range(100)])
    assert found == tuple(told(f"{number} \ufffd{'x' * 37}") for number in range(MOST_TOLD))


@pytest.mark.parametrize(("word", "lines"), [("critcal", [told("critcal")]), ("critical", []), (None, [])])
def test_every_source_tells_of_it(word: str | None, lines: list[str]) -> None:
    labels = {"alertname": "x"} | ({"severity": word} if word else {})
    grouped = {"alerts": [{"status": "firing", "labels": labels}] * 2}
    tags = [{"name": "severity", "value": word}] if word else []
    down = {"heartbeat": {"status": 0}, "monitor": {"id": 1, "tags": tags}, "msg": "down"}
    payloads = {
        "alertmanager": grouped,
        "grafana": grouped,
        "uptime-kuma": down,
        "generic": [{"title": "x", "severity": word}] * 2,
    }
    assert set(payloads) == set(SOURCES)
    for source, payload in payloads.items():
        assert list(SOURCES[source](json.dumps(payload).encode(), "application/json").warnings) == lines, source
