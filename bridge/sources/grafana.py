"""Grafana's webhook contact point (version 1), and its signature. Pure.

Source: the structs and tests of https://github.com/grafana/alerting (receivers/webhook), and its documentation.
"""

import hmac
import re
from datetime import datetime, timedelta

from bridge.domain.alerts import News
from bridge.sources.alertmanager_shape import At, Words, annotated_text, annotated_title, read_news
from bridge.sources.bounds import one_line, prose, scalar
from bridge.sources.payload import Fields

NAME = "grafana"

# What Grafana raises by itself when a rule cannot be evaluated. It keeps the rule's own summary, which then tells of
# high memory where nobody knows the memory at all.
_NOT_EVALUATED = {"DatasourceNoData": "No data", "DatasourceError": "Query failed"}


def _title(labels: Fields, annotations: Fields) -> str:
    trouble = _NOT_EVALUATED.get(scalar(labels.get("alertname")))
    rule = one_line(labels.get("rulename"))
    return one_line(f"{trouble}: {rule}") if trouble and rule else annotated_title(labels, annotations)


def _text(alert: Fields, annotations: Fields) -> str:
    """The description, and what the rule's queries gave."""
    given = alert.get("values")
    values = given if isinstance(given, dict) else {}
    line = ", ".join(f"{name} = {number}" for name, value in values.items() if (number := scalar(value)))
    return prose(f"{annotated_text(alert, annotations)}\n{line}")


_WORDS = Words(
    title=_title,
    text=_text,
    links=(
        ("runbook", At.ANNOTATIONS, "runbook_url"),
        ("panel", At.ALERT, "panelURL"),
        ("dashboard", At.ALERT, "dashboardURL"),
        ("source", At.ALERT, "generatorURL"),
        ("silence", At.ALERT, "silenceURL"),
        ("grafana", At.PAYLOAD, "externalURL"),
    ),
)


def read(body: bytes, content_type: str = "") -> News:
    """The alerts of one notification, which is JSON whatever its `content_type`. Raises NotSuchAPayload."""
    return read_news(body, source=NAME, words=_WORDS)


def signed(
    body: bytes,
    signature: str,
    secret: str,
    *,
    now: datetime,
    timestamp: str = "",
    tolerance: timedelta = timedelta(minutes=5),
) -> bool:
    """True if the holder of `secret` sent this body; looked at in constant time. An empty secret signs nothing.

    `signature`: of `X-Grafana-Alerting-Signature`, lower-case hex of HMAC-SHA256. `timestamp`: Unix seconds, of the
    header whose name is set beside the secret (Grafana has no default); then it is signed with the body, and must be
    within `tolerance` of `now` (aware). Without one, a body that was overheard can be played again for ever.

    Taking the header away does not get around that: `<timestamp>:<body>` would then have to be the body: no JSON.
    """
    message = b"%s:%s" % (timestamp.encode("utf-8", "replace"), body) if timestamp else body
    right = hmac.new(secret.encode(), message, "sha256").hexdigest()
    same = hmac.compare_digest(right.encode(), signature.encode("utf-8", "replace"))
    return bool(secret) and same and (not timestamp or _is_near(timestamp, now, tolerance))


def _is_near(timestamp: str, now: datetime, tolerance: timedelta) -> bool:
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        return False
    return abs(int(timestamp) - now.timestamp()) <= tolerance.total_seconds()
