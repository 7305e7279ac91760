"""A night on call under test: an alert source that does not give up, an on-call file, people who acknowledge."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from bridge.domain.delivery import State
from bridge.sandbox.telegram_state import Message
from tests.faults.alert_books import AlertBooks, Answered, Audit
from tests.faults.scene import AMA, API_TOKEN, Scene
from tests.support.databases import new_database
from tests.support.eventually import until
from tests.support.service import READY

SOON = timedelta(seconds=60)
"""A timer that runs out later than this belongs to another night."""


@dataclass(kw_only=True, slots=True)
class Alert:
    """One alert as its source knows it. `answered`: the news that was answered with 202."""

    name: str
    team: str
    starts_at: datetime
    ends_at: datetime | None = None
    tries: int = 0


class Night:
    """Alerts are posted until they are answered with 202, as an Alertmanager does; every name is one alert."""

    def __init__(self, scene: Scene, oncall: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """`now`: the time of those who post, and of the service."""
        self.scene = scene
        self._now = now
        self.books = AlertBooks(scene.books, scene.telegram, scene.gateway)
        self.answered = Answered()
        self._alerts: dict[str, Alert] = {}
        self._put_oncall(oncall)

    def _put_oncall(self, text: str) -> None:
        if self.scene.address:
            (self.scene.folder / "oncall.toml").write_text(text, encoding="utf-8")
            return
        new_database(self.scene.database.parent, self.scene.database.name)

        def put(connection: sqlite3.Connection) -> None:
            digest = hashlib.sha256(text.encode()).hexdigest()
            connection.execute("INSERT INTO oncall_files (hash, text, accepted_at) VALUES (?, ?, 0)", (digest, text))

        self.scene.on_database(put)

    async def fires(self, name: str, *, team: str = "ops") -> None:
        """Returns when some process has answered with 202."""
        alert = self._alerts.setdefault(name, Alert(name=name, team=team, starts_at=self._now()))
        await self._tell(alert)
        self.answered.fired.add(name)

    async def resolves(self, name: str) -> None:
        """The same for its end."""
        alert = self._alerts[name]
        alert.ends_at = self._now()
        await self._tell(alert)
        self.answered.resolved.add(name)

    async def _tell(self, alert: Alert) -> None:
        headers = {"Authorization": f"Bearer {API_TOKEN}"}
        async with httpx.AsyncClient(
            headers=headers, timeout=5, verify=False
        ) as client:  # no TLS here, which takes time
            while True:
                port = await until(self._port)
                alert.tries += 1
                try:
                    answer = await client.post(
                        f"http://127.0.0.1:{port}/alerts/alertmanager", content=json.dumps(_payload(alert))
                    )
                except httpx.TransportError:
                    continue
                if answer.status_code == 202:
                    return
                assert answer.status_code == 503, answer.text

    def _port(self) -> int | None:
        """Where to post next; None while nobody answers."""
        newest = self.scene.services[-1]
        found = READY.search(newest.output) if newest.exit_code is None else None
        return int(found[1]) if found else None

    def says_ack(self, code: str, *, user: int = AMA) -> Message:
        """A person acknowledges by typing; Telegram keeps it until some process has it."""
        self.answered.acks.add(int(code[1:]))
        return self.scene.telegram.say(user, f"/ack {code}")

    async def quiet(self, timeout_s: float = 40) -> None:
        """Return when all that was posted and said is done with, and no step is due soon."""
        await until(lambda: not self.unrest(), timeout_s=timeout_s, otherwise=self._picture)

    def unrest(self) -> list[str]:
        """What is still to be done, in words; empty: all is done with."""
        # In the order of an alert's way, so that nothing slips by between two looks; and what came of a page may begin
        # another step.
        soon = self._now() + SOON
        return self.books.unrest(soon) or self.scene.books.unrest() or self.books.unrest(soon)

    def _picture(self) -> str:
        return f"{self.unrest()}, {self.books.picture()}\n{self.scene.services[-1].output[-3000:]}"

    def audit(self, waits: Mapping[str, Sequence[timedelta]] | None = None) -> Audit:
        """Count everything. `waits`: policy -> how long each of its steps waits."""
        return self.books.audit(self.answered, kills=self.scene.kills, waits=waits or {})

    async def settled(self, waits: Mapping[str, Sequence[timedelta]] | None = None, timeout_s: float = 40) -> Audit:
        """Wait for quiet; nothing is lost, doubled in silence, or shown wrongly."""
        await self.quiet(timeout_s)
        found = self.audit(waits)
        assert found.wrong == ()
        return found

    def states(self) -> list[State]:
        """Of each page's delivery, in their order."""
        return [State(row["state"]) for row in self.books.pages()]

    @property
    def texts(self) -> list[str]:
        """What reached the phones, without codes and ages."""
        return [re.sub(r" \((?:now|\d+ minutes? ago)\)", "", sms.text) for sms in self.scene.gateway.sent]


def _payload(alert: Alert) -> dict[str, object]:
    status = "resolved" if alert.ends_at else "firing"
    one = {
        "status": status,
        "labels": {"alertname": alert.name, "severity": "critical", "team": alert.team},
        "annotations": {"summary": alert.name},
        "startsAt": alert.starts_at.isoformat(),
        "endsAt": alert.ends_at.isoformat() if alert.ends_at else "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": hashlib.sha256(alert.name.encode()).hexdigest()[:16],
    }
    return {"version": "4", "status": status, "receiver": "bridge", "alerts": [one], "truncatedAlerts": 0}
