"""The composition root: builds the service from its settings, starts and stops it in order."""

from bridge.app.oncall_desk import calendar_texts, oncall_file
from bridge.app.outbox import CALLS_MAY_END_WITHIN_S, Outbox, gateway_slots, new_id, rules_of
from bridge.app.service import App

__all__ = [
    "CALLS_MAY_END_WITHIN_S",
    "App",
    "Outbox",
    "calendar_texts",
    "gateway_slots",
    "new_id",
    "oncall_file",
    "rules_of",
]
