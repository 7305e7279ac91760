"""The recorded payloads, and payloads like them."""

import json
from pathlib import Path
from typing import Any

from bridge.domain.alerts import Alert
from bridge.sources import SOURCES

SAMPLES = Path(__file__).parent / "samples"
JSON = "application/json"


def recorded(name: str) -> bytes:
    """The body of a sample, such as `alertmanager/01-firing-one.json`."""
    return (SAMPLES / name).read_bytes()


def fields(name: str) -> dict[str, Any]:
    """The same, as JSON values that a test may change."""
    found: dict[str, Any] = json.loads(recorded(name))
    return found


def names(folder: str) -> list[str]:
    return sorted(f"{folder}/{file.name}" for file in (SAMPLES / folder).iterdir())


def read(source: str, payload: object) -> tuple[Alert, ...]:
    """The alerts of a payload given as JSON values."""
    return SOURCES[source](json.dumps(payload).encode(), JSON).alerts


def one(source: str, payload: object) -> Alert:
    (alert,) = read(source, payload)
    return alert


def labelled(*, status: object = "firing", **changes: object) -> dict[str, object]:
    """A payload of Alertmanager's or Grafana's with one alert, whose fields are these."""
    alert = {"status": status, "labels": {"alertname": "A"}, "annotations": {}, "fingerprint": "f"}
    return {"alerts": [alert | changes]}
