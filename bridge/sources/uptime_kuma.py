"""Uptime Kuma's webhook: `{heartbeat, monitor, msg}`, as JSON or (its other preset) as a form's field `data`. Pure.

Source: recorded payloads of Uptime Kuma 2.5.3.
"""

from collections.abc import Mapping

from bridge.domain.alerts import Alert, News, Severity
from bridge.sources.bounds import fingerprint, first_line, hashed, labels, links, one_line, prose, scalar
from bridge.sources.form import MULTIPART, media_type, read_form
from bridge.sources.payload import Fields, NotSuchAPayload, as_object, read_json
from bridge.sources.rfc3339 import utc_time
from bridge.sources.severity import severity, warnings

NAME = "uptime-kuma"

STATUSES: Mapping[int, bool] = {0: True, 1: False}
"""Down fires, up resolves. 2 (pending: it tries again) and 3 (maintenance) are no news."""

# A monitor's other fields hold passwords, tokens and connection strings.
_SHOWN = ("type", "hostname", "port", "description")


def read(body: bytes, content_type: str = "") -> News:
    """One alert, or none. Raises NotSuchAPayload."""
    payload = as_object(read_json(_json(body, content_type)), "the body")
    if "heartbeat" not in payload or "msg" not in payload:
        raise NotSuchAPayload("heartbeat or msg is missing")
    if payload["heartbeat"] is None:
        return News(alerts=(_notice(payload["msg"]),))
    heartbeat = as_object(payload["heartbeat"], "heartbeat")
    monitor = as_object(payload.get("monitor") or {}, "monitor")
    status = heartbeat.get("status")
    if isinstance(status, bool) or not isinstance(status, int):
        raise NotSuchAPayload("heartbeat.status is no whole number")
    firing = STATUSES.get(status)
    if firing is None:
        return News(alerts=())
    alert = _alert(heartbeat, monitor, firing=firing)
    return News(alerts=(alert,), warnings=warnings([alert.labels.get("severity")]))


def _json(body: bytes, content_type: str) -> bytes:
    if media_type(content_type) != MULTIPART:
        return body
    return read_form(body, content_type).get("data", "").encode()


def _notice(message: object) -> Alert:
    """The test button, or a certificate or domain that will expire.

    Nothing ever resolves it, so it must wake nobody: info. The same words are the same alert, however often they come.
    """
    title = one_line(message)
    if not title:
        raise NotSuchAPayload("heartbeat is null, and msg is empty")
    text = prose(message)
    return Alert(
        source=NAME,
        fingerprint=f"notice-{hashed(title)}",
        firing=True,
        title=title,
        text="" if text == title else text,
        severity=Severity.INFO,
    )


def _alert(heartbeat: Fields, monitor: Fields, *, firing: bool) -> Alert:
    number = first_line(monitor.get("id"), heartbeat.get("monitorID"))
    name = first_line(monitor.get("name"))
    if not number and not name:
        raise NotSuchAPayload("monitor has neither an id nor a name")
    time = utc_time(heartbeat.get("time"))  # UTC, whatever `timezone` says: that is the viewer's
    tags = _tags(monitor.get("tags"))
    return Alert(
        source=NAME,
        fingerprint=fingerprint(f"monitor-{number}" if number else f"monitor-named-{name}"),
        firing=firing,
        title=one_line(f"{name or f'Monitor {number}'} is {'down' if firing else 'up'}"),
        text=prose(heartbeat.get("msg")),
        severity=severity(tags.get("severity")),
        starts_at=time if firing else utc_time(heartbeat.get("lastDownTime")),
        ends_at=None if firing else time,
        labels=labels({"monitor": name} | {field: monitor.get(field) for field in _SHOWN} | tags),
        links=links([("monitored", monitor.get("url"))]),
    )


def _tags(given: object) -> dict[str, str]:
    """A monitor's tags, such as `severity: warning` or `team: db`; one without a value is `true`."""
    tags = [tag for tag in (given if isinstance(given, list) else []) if isinstance(tag, dict)]
    return {name: scalar(tag.get("value")) or "true" for tag in tags if (name := scalar(tag.get("name")))}
