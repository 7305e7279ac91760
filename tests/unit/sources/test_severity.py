import pytest

from bridge.domain.alerts import Severity
from bridge.sources.severity import SEVERITIES, severity

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
