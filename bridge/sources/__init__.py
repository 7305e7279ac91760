"""Where alerts come from. One format is one file: bytes in, News out; no IO, no clock.

A new source is a file with `NAME` and `read`, its line here, and its cases in the tests.
"""

from collections.abc import Callable, Mapping

from bridge.domain.alerts import News
from bridge.sources import alertmanager, generic, grafana, uptime_kuma
from bridge.sources.payload import NotSuchAPayload

__all__ = ["SOURCES", "NotSuchAPayload", "Read"]

Read = Callable[[bytes, str], News]
"""Of a request's body and Content-Type (may be empty). Raises NotSuchAPayload, nothing else."""

SOURCES: Mapping[str, Read] = {
    alertmanager.NAME: alertmanager.read,
    grafana.NAME: grafana.read,
    uptime_kuma.NAME: uptime_kuma.read,
    generic.NAME: generic.read,
}
