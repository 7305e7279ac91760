"""Alerts in the shape of Alertmanager's webhook (version 4), which Grafana's has, too. Pure.

Source: recorded payloads of Alertmanager 0.25, https://prometheus.io/docs/alerting/latest/configuration/#webhook_config.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from bridge.domain.alerts import Alert, News
from bridge.sources.bounds import fingerprint, first_line, hashed, labels, links, one_line, prose, scalar
from bridge.sources.payload import Fields, NotSuchAPayload, as_object, list_at, object_at, read_json
from bridge.sources.rfc3339 import utc_time
from bridge.sources.severity import severity, warnings

STATUSES: Mapping[object, bool] = {"firing": True, "resolved": False}
"""An alert's own `status`. The group's is `firing` while any of its alerts fires: nobody looks at it."""

TITLES = ("summary", "title", "message")
TEXTS = ("description", "message", "details")
"""Annotations, the first that says something."""

# What tells one alert from the next of the same name: where it is, first.
_PLACES = ("instance", "host", "hostname", "node", "pod", "container", "device", "mountpoint", "queue", "service")
# What everybody has, or nobody wants to read in a title.
_NO_PLACE = {
    *(
        "alertname",
        "alertgroup",
        "severity",
        "priority",
        "team",
        "job",
        "monitor",
        "prometheus",
        "receiver",
        "endpoint",
    ),
    *("rulename", "ref_id", "datasource_uid"),
}
_PLACES_IN_A_TITLE = 3


class At(IntEnum):
    """Where a link stands."""

    PAYLOAD = 0
    ALERT = 1
    ANNOTATIONS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """What a source says its own way. `title` may be empty: then the alert's name and place are it."""

    title: Callable[[Fields, Fields], str]
    """of labels and annotations"""
    text: Callable[[Fields, Fields], str]
    """of the alert and its annotations"""
    links: Sequence[tuple[str, At, str]]
    """label, where, and under which name; the best first"""


def annotated_title(_labels: Fields, annotations: Fields) -> str:
    """The title that the rule's author wrote, or nothing."""
    return first_line(*map(annotations.get, TITLES))


def annotated_text(_alert: Fields, annotations: Fields) -> str:
    """The description that the rule's author wrote, or nothing."""
    return next((text for name in TEXTS if (text := prose(annotations.get(name)))), "")


def named_title(known: Mapping[str, str]) -> str:
    """`HostDown (h0, eu-1)`: the alert's name and its place. It does not depend on the other alerts of the group."""
    places = [known[name] for name in _PLACES if name in known]
    others = [value for name, value in known.items() if name not in _NO_PLACE and not name.startswith("__")]
    where = ", ".join(list(dict.fromkeys(places + others))[:_PLACES_IN_A_TITLE])
    name = known.get("alertname", "Alert without a name")
    return one_line(f"{name} ({where})" if where else name)


def read_news(body: bytes, *, source: str, words: Words) -> News:
    """All alerts of the body, in their order. Raises NotSuchAPayload."""
    payload = as_object(read_json(body), "the body")
    given = list_at(payload, "alerts")
    alerts = tuple(_alert(one, f"alerts[{index}]", payload, source, words) for index, one in enumerate(given))
    told = warnings(alert.labels.get("severity") for alert in alerts)
    return News(alerts=alerts, truncated=_count(payload.get("truncatedAlerts")), warnings=told)


def _alert(given: object, where: str, payload: Fields, source: str, words: Words) -> Alert:
    alert = as_object(given, where)
    firing = STATUSES.get(scalar(alert.get("status")))
    if firing is None:
        raise NotSuchAPayload(f"{where}.status is neither firing nor resolved")
    labelled = object_at(alert, "labels", f"{where}.")
    annotations = as_object(alert.get("annotations") or {}, f"{where}.annotations")
    known = labels(labelled)
    title = words.title(labelled, annotations) or named_title(known)
    text = words.text(alert, annotations)
    places = (payload, alert, annotations)  # in the order of At
    return Alert(
        source=source,
        fingerprint=_fingerprint(alert, labelled, where),
        firing=firing,
        title=title,
        text="" if text == title else text,
        severity=severity(labelled.get("severity")),
        starts_at=utc_time(alert.get("startsAt")),
        # of a firing alert it is year 1, or when Alertmanager would give up waiting for the next news
        ends_at=None if firing else utc_time(alert.get("endsAt")),
        labels=known,
        links=links((label, places[at].get(name)) for label, at, name in words.links),
    )


def _fingerprint(alert: Fields, labelled: Fields, where: str) -> str:
    """The source's own; else one of the labels, which are what Alertmanager itself tells alerts apart by."""
    if given := scalar(alert.get("fingerprint")).strip():
        return fingerprint(given)
    if not labelled:
        raise NotSuchAPayload(f"{where} has neither a fingerprint nor labels")
    return hashed(json.dumps(sorted((name, scalar(value)) for name, value in labelled.items())))


def _count(value: object) -> int:
    return min(value, 2**31 - 1) if isinstance(value, int) and value > 0 else 0
