"""What the whole file is asked for."""

import pytest

from bridge.oncall.clocks import named
from tests.unit.oncall.team import oncall


def schedules(**zones: str) -> str:
    """A calendar of that name for each zone; "" for the file's own."""
    return "".join(
        f'[schedules.{key}]\nical = "{key}.ics"\n' + (f'timezone = "{zone}"\n' if zone else "")
        for key, zone in zones.items()
    )


def test_the_calendars_are_the_schedules_that_are_no_rotations() -> None:
    file = oncall(
        schedules(paper="") + '[schedules.turns]\npeople = ["ama"]\nshift = "1d"\nstart = 2026-01-05T09:00:00\n'
    )
    assert [one.key for one in file.calendars] == ["paper"]


@pytest.mark.parametrize(
    ("zones", "asked", "zone"),
    [
        ({}, None, "UTC"),
        ({"a": "Asia/Tokyo"}, None, "(Asia/Tokyo)"),
        ({"a": "Asia/Tokyo", "b": "Asia/Tokyo"}, None, "(Asia/Tokyo)"),
        ({"a": "Asia/Tokyo", "b": "Europe/Berlin"}, None, "UTC"),
        ({"a": "Asia/Tokyo", "b": "Europe/Berlin"}, ["b"], "(Europe/Berlin)"),
        ({"a": "Asia/Tokyo", "b": ""}, ["a", "b"], "UTC"),
        ({"a": "Etc/UTC"}, None, "UTC"),
    ],
)
def test_one_text_goes_by_one_zone_and_names_it(zones: dict[str, str], asked: list[str] | None, zone: str) -> None:
    assert named(oncall(schedules(**zones)).zone_of(asked)) == zone
