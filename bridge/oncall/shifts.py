"""A stretch of time on call."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Shift:
    """From `start` to before `end` (aware, UTC), `people` are on call; nobody: a gap.

    `people`: their keys; in what a calendar says by itself, the summaries of its events.
    """

    start: datetime
    end: datetime
    people: tuple[str, ...]
