"""What every message must keep to, whoever sends it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What a message must keep to. A limit of 0 is no limit."""

    max_segments: int
    confirm_above: int
    command_max_age_s: float
    daily_limit: int
    daily_limit_all: int
    batch: int
    known_countries: frozenset[str] = frozenset()
    """Never asked about: that of BRIDGE_DEFAULT_REGION, and BRIDGE_ALLOWED_COUNTRIES."""
