"""The words that people use for how bad it is. Pure."""

import re
from collections.abc import Iterable, Mapping

from bridge.domain.alerts import Severity
from bridge.sources.bounds import one_line, scalar

_WORDS = {
    Severity.CRITICAL: """page pager critical crit high highest urgent severe blocker disaster fatal emergency emerg
        panic alert sev0 sev1 p0 p1 s1""",
    Severity.ERROR: "error err major average sev2 p2 s2",
    Severity.WARNING: "warning warn minor medium moderate ticket sev3 p3 s3",
    Severity.INFO: """info information informational none notice low lowest trivial debug ok normal notclassified
        sev4 sev5 p4 p5 s4 s5""",
}

# Prometheus' own examples use `page` and `ticket`, kube-prometheus `none` (its Watchdog) and `info`; syslog `emerg` to
# `debug`; Zabbix `disaster` to `not classified`; the rest are priorities and ticket trackers.
SEVERITIES: Mapping[str, Severity] = {word: found for found, words in _WORDS.items() for word in words.split()}


MOST_TOLD = 10
"""Warnings of one kind."""

_SHOWN = 40  # characters of a word
_UNKNOWN = f"severity “{{}}” is no known word and counts as critical: use {', '.join(Severity)}"


def severity(value: object, *, missing: Severity = Severity.CRITICAL) -> Severity:
    """What a word means, in any case, `SEV-1` as `sev1`. An unknown one is critical; null or blank gives `missing`."""
    given = scalar(value)
    if found := SEVERITIES.get(given):  # nearly always
        return found
    word = _word(given)
    return SEVERITIES.get(word, Severity.CRITICAL) if word else missing


def warnings(values: Iterable[object]) -> tuple[str, ...]:
    """A sentence for each severity, each once, that is given and that nobody knows; the first few."""
    words = dict.fromkeys(given for value in values if (given := scalar(value)) not in SEVERITIES)
    unknown = [given for given in words if (word := _word(given)) and word not in SEVERITIES]
    return tuple(_UNKNOWN.format(one_line(given)[:_SHOWN]) for given in unknown[:MOST_TOLD])


def _word(given: str) -> str:
    return re.sub(r"[\s_-]", "", given).casefold()
