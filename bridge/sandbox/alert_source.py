"""An Alertmanager for the demo: its page fires and resolves, and this posts what an Alertmanager would.

Bytes as Alertmanager 0.25 sends them (recorded); it has no grouping wait, since somebody watches.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

Json = dict[str, Any]

NOT_OVER = "0001-01-01T00:00:00Z"
"""`endsAt` of what fires: the zero time of Go."""

TIMEOUT_S = 10.0


class NotTaken(Exception):
    """The service did not take it. The text says why, for the page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What can fire. `instances`: each is an alert of its own, and all travel in one request."""

    key: str
    name: str
    title: str
    severity: str
    description: str
    instances: tuple[str, ...]


RULES = (
    Rule(
        key="disk",
        name="DiskFull",
        title="Disk full on db1",
        severity="critical",
        description="97 % of /var/lib/postgresql is used",
        instances=("db1",),
    ),
    Rule(
        key="queue",
        name="QueueSlow",
        title="Queue slow",
        severity="warning",
        description="The oldest job waits for 9 minutes",
        instances=("worker-2",),
    ),
    Rule(
        key="surge",
        name="HostDown",
        title="500 hosts down",
        severity="critical",
        description="No answer for 2 minutes",
        instances=tuple(f"web-{number:03}" for number in range(1, 501)),
    ),
)


@dataclass(kw_only=True)
class AlertSource:
    """`target`: where alerts go, once the service runs. `firing`: since when, by the rule's key.

    `own_url`: where its links lead.
    """

    target: str = ""
    own_url: str = ""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    firing: dict[str, datetime] = field(default_factory=dict)

    async def fire(self, key: str) -> None:
        """It fires, since now or since before. Raises KeyError for what is no rule, `NotTaken`."""
        since = self.firing.get(key) or self.now()
        await self._post(payload(RULE[key], since, own_url=self.own_url))
        self.firing[key] = since

    async def resolve(self, key: str) -> None:
        """It is over, if it fired. Raises `NotTaken`."""
        if since := self.firing.get(key):
            await self._post(payload(RULE[key], since, self.now(), own_url=self.own_url))
            self.firing.pop(key, None)

    def standing(self) -> list[Json]:
        """For the page: what there is, and what of it fires."""
        return [
            {
                "key": rule.key,
                "title": rule.title,
                "severity": rule.severity,
                "count": len(rule.instances),
                "firing": rule.key in self.firing,
            }
            for rule in RULES
        ]

    async def _post(self, body: Json) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "User-Agent": "Alertmanager/0.25.0"}
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
                answer = await client.post(self.target, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise NotTaken(f"Bridge could not be reached: {type(error).__name__}.") from error
        if not answer.is_success:
            raise NotTaken(f"Bridge answered {answer.status_code}.")


RULE = {rule.key: rule for rule in RULES}


def payload(rule: Rule, since: datetime, ended_at: datetime | None = None, *, own_url: str = "") -> Json:
    """One request, with an alert for each instance; over at `ended_at`, or firing."""
    status = "resolved" if ended_at else "firing"
    alerts = [_alert(rule, instance, status, since, ended_at) for instance in rule.instances]
    common = {"alertname": rule.name, "cluster": "accra", "severity": rule.severity}
    alone = len(alerts) == 1
    return {
        "receiver": "bridge",
        "status": status,
        "alerts": alerts,
        "groupLabels": {"alertname": rule.name},
        "commonLabels": alerts[0]["labels"] if alone else common,
        "commonAnnotations": alerts[0]["annotations"] if alone else {"description": rule.description},
        "externalURL": own_url,
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{rule.name}"}}',
        "truncatedAlerts": 0,
    }


def _alert(rule: Rule, instance: str, status: str, since: datetime, ended_at: datetime | None) -> Json:
    labels = {"alertname": rule.name, "cluster": "accra", "instance": instance, "severity": rule.severity}
    title = rule.title if len(rule.instances) == 1 else f"{instance} is down"
    return {
        "status": status,
        "labels": labels,
        "annotations": {"description": rule.description, "summary": title},
        "startsAt": _time(since),
        "endsAt": _time(ended_at) if ended_at else NOT_OVER,
        "generatorURL": "",
        "fingerprint": hashlib.sha256(repr(sorted(labels.items())).encode()).hexdigest()[:16],
    }


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
