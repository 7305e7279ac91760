"""An alert, whatever source it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class Severity(StrEnum):
    """How bad it is. Missing or unknown counts as critical: to wake somebody in vain is cheaper than not to."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


RANKS: Mapping[str, int] = MappingProxyType({severity.value: place for place, severity in enumerate(Severity)})
"""Severity -> its place, the worst first."""

NO_LABELS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """Where to look: `url` is http or https, `label` a word or two such as `runbook`."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """News of one alert: it fires, or it is resolved.

    `source`: the program it came from, such as `alertmanager`. `fingerprint`: which alert of that source, alike in all
    news of it. `title`: one line, never empty. `text`: more lines, or none. `starts_at`, `ends_at`: aware, UTC; None
    where the source does not tell (of a firing alert there is no end). `links`: at most a handful.
    """

    source: str
    fingerprint: str
    firing: bool
    title: str
    text: str = ""
    severity: Severity = Severity.CRITICAL
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: NO_LABELS)
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """All alerts of one request.

    `truncated`: how many more the source says it left out. `warnings`: a sentence each, for whoever sent it: what was
    taken, and hardly as it was meant.
    """

    alerts: tuple[Alert, ...]
    truncated: int = 0
    warnings: tuple[str, ...] = ()
