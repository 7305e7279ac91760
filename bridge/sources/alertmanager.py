"""Alertmanager's webhook, version 4: Prometheus' and vmalert's rules come through it. Pure."""

from bridge.domain.alerts import News
from bridge.sources.alertmanager_shape import At, Words, annotated_text, annotated_title, read_news

NAME = "alertmanager"

_WORDS = Words(
    title=annotated_title,
    text=annotated_text,
    links=(
        ("runbook", At.ANNOTATIONS, "runbook_url"),
        ("runbook", At.ANNOTATIONS, "runbook"),
        ("dashboard", At.ANNOTATIONS, "dashboard_url"),
        ("dashboard", At.ANNOTATIONS, "dashboard"),
        ("source", At.ALERT, "generatorURL"),
        ("alertmanager", At.PAYLOAD, "externalURL"),
    ),
)


def read(body: bytes, content_type: str = "") -> News:
    """The alerts of one notification, which is JSON whatever its `content_type`. Raises NotSuchAPayload."""
    return read_news(body, source=NAME, words=_WORDS)
