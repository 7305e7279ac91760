"""The words that people use for how bad it is. Pure."""

import re
from collections.abc import Mapping

from bridge.domain.alerts import Severity
from bridge.sources.bounds import scalar

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


def severity(value: object, *, missing: Severity = Severity.CRITICAL) -> Severity:
    """What a word means, in any case, `SEV-1` as `sev1`. An unknown one is critical; null or blank gives `missing`."""
    given = scalar(value)
    if found := SEVERITIES.get(given):  # nearly always
        return found
    word = re.sub(r"[\s_-]", "", given).casefold()
    return SEVERITIES.get(word, Severity.CRITICAL) if word else missing
