"""An alert source and an on-call file, for flows.

await team.on_call(ONCALL)
await team.alertmanager.fires("disk full", severity="critical")
await team.phone(AMA).gets("CRITICAL disk full (now) /ack P1")
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import httpx

from bridge.store import incidents
from bridge.store.incidents import Incident

if TYPE_CHECKING:
    from tests.support.team import Team

TOKEN = "alert-token-for-tests"

AMA, KOFI = "+233241109433", "+233551234567"

ONCALL = f"""
timezone = "Africa/Accra"

[people.ama]
name = "Ama"
phone = "{AMA}"
telegram = 111111111

[people.kofi]
name = "Kofi"
phone = "{KOFI}"

[policies.default]
steps = [
  {{ page = ["person:ama"], wait = "5m" }},
  {{ page = ["person:kofi"], wait = "10m" }},
]
fallback = ["person:ama"]
ack_timeout = "1h"

[[routes]]
match = {{ severity = "info" }}
policy = "none"
"""
"""Ama first, Kofi after five minutes, then Ama again each half hour."""


@dataclass
class Alertmanager:
    """Posts what an Alertmanager posts, with the service's clock."""

    team: "Team"
    started: dict[str, datetime] = field(default_factory=dict)

    async def fires(self, *names: str, again: bool = False, **labels: str) -> None:
        """These alerts fire (in one request), since now; `again`: since when they did before."""
        now = self.team.clock.now()
        for name in names:
            if not again or name not in self.started:
                self.started[name] = now
        await self.posts([self.alert(name, "firing", **labels) for name in names])

    async def resolves(self, *names: str, **labels: str) -> None:
        """They are over, since now."""
        await self.posts([self.alert(name, "resolved", ends_at=self.team.clock.now(), **labels) for name in names])

    def alert(self, name: str, status: str, ends_at: datetime | None = None, **labels: str) -> dict[str, object]:
        """One alert of a payload."""
        starts_at = self.started.get(name, self.team.clock.now() - timedelta(minutes=1))
        return {
            "status": status,
            "labels": {"alertname": name, **labels},
            "annotations": {"summary": name},
            "startsAt": starts_at.isoformat(),
            "endsAt": ends_at.isoformat() if ends_at else "0001-01-01T00:00:00Z",
            "generatorURL": "",
            "fingerprint": hashlib.sha256(name.encode()).hexdigest()[:16],
        }

    async def posts(self, alerts: list[dict[str, object]], expect: int = 202) -> None:
        """One request, with all of them; taken in before this returns."""
        body = {"version": "4", "status": "firing", "receiver": "bridge", "alerts": alerts, "truncatedAlerts": 0}
        async with httpx.AsyncClient() as client:
            answer = await client.post(
                f"http://127.0.0.1:{self.team.app.port}/alerts/alertmanager",
                content=json.dumps(body),
                headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
            )
        assert answer.status_code == expect, answer.text
        await self.team.settled()

    async def incident(self, name: str) -> Incident | None:
        """The incident of this alert that is not resolved."""
        fingerprint = hashlib.sha256(name.encode()).hexdigest()[:16]
        found = await self.team.app.database.read(lambda c: incidents.open_of(c, "alertmanager", [fingerprint]))
        return found.get(fingerprint)
