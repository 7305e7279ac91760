"""The composition root: builds the service from its settings, starts and stops it in order."""

from bridge.app.configured_gateway import ConfiguredGateway
from bridge.app.from_settings import rules_of
from bridge.app.gateways import configured_gateways
from bridge.app.identity import new_id, process_name
from bridge.app.oncall_desk import calendar_texts, oncall_file
from bridge.app.outbox import CALLS_MAY_END_WITHIN_S, Outbox
from bridge.app.service import App

__all__ = [
    "CALLS_MAY_END_WITHIN_S",
    "App",
    "ConfiguredGateway",
    "Outbox",
    "calendar_texts",
    "configured_gateways",
    "new_id",
    "oncall_file",
    "process_name",
    "rules_of",
]
