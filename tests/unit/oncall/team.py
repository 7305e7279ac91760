"""A team in three places, for tests."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bridge.oncall.file import read
from bridge.oncall.records import OnCall, Rotation

EXAMPLE = (Path(__file__).parent / "example.toml").read_text(encoding="utf-8")
BERLIN = ZoneInfo("Europe/Berlin")

PEOPLE = """
[people.ama]
phone = "+233241109433"
[people.kofi]
name = "Kofi  Boateng"
phone = "+233551234567"
[people.esi]
telegram = 7
"""


def oncall(more: str = "", *, people: str = PEOPLE) -> OnCall:
    """A file of these people and what else is written."""
    return read(f"{people}\n{more}", region="GH")


def rotation(
    zone: str = "Europe/Berlin",
    *,
    people: tuple[str, ...] = ("ama", "kofi"),
    shift: timedelta = timedelta(weeks=1),
    start: str = "2026-01-05T09:00:00",
) -> Rotation:
    return Rotation(
        key="primary", people=people, shift=shift, start=datetime.fromisoformat(start), timezone=ZoneInfo(zone)
    )


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)
