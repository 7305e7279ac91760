"""The life of an incident."""

from enum import StrEnum


class IncidentState(StrEnum):
    """Where an incident is. Nothing leaves `resolved`; a new firing opens a new one."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
