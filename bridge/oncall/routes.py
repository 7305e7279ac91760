"""Which policy an alert goes by, and in which chat its card stands."""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.domain.alerts import Alert
from bridge.oncall.records import DEFAULT_POLICY, NO_POLICY, Chat, OnCall, Route
from bridge.toml.patterns import fits


@dataclass(frozen=True, kw_only=True, slots=True)
class Routed:
    """`policy`: a key of the policies, or `none`: a card only. `chat`: None for where notices go.

    `route`: which one it was, from 0; None if none matched.
    """

    policy: str
    chat: Chat | None = None
    route: int | None = None


def way(oncall: OnCall, alert: Alert) -> Routed:
    """The first route that matches; else the policy `default`, or `none` where that is not there.

    A pattern must fit the whole value, and only its first 256 characters are looked at. A label that the alert lacks
    counts as empty, as in Prometheus.
    """
    labels = labels_of(alert)
    for index, route in enumerate(oncall.routes):
        if matches(route, labels):
            return Routed(policy=route.policy, chat=route.chat, route=index)
    return Routed(policy=DEFAULT_POLICY if DEFAULT_POLICY in oncall.policies else NO_POLICY)


def labels_of(alert: Alert) -> Mapping[str, str]:
    """What a route can match: the labels, with `alertname` (the title if there is none), `severity` and `source`.

    The severity is one of ours, whatever the label of that name says.
    """
    return {"alertname": alert.title, **alert.labels, "severity": alert.severity.value, "source": alert.source}


def matches(route: Route, labels: Mapping[str, str]) -> bool:
    """Whether every condition of the route holds."""
    return all(
        labels.get(label, "") == wanted if isinstance(wanted, str) else fits(wanted, labels.get(label, ""))
        for label, wanted in route.match.items()
    )
