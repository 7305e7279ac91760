from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.phone import Number
from bridge.oncall import naming, who
from bridge.oncall.calendar import Calendar
from bridge.oncall.records import Kind, Person, Target
from bridge.oncall.shifts import Shift
from bridge.oncall.who import Duty, Override, Roster
from tests.unit.oncall.team import oncall, utc

HOUR = timedelta(hours=1)
NOON = utc("2026-02-02T12:00")
FILE = oncall(
    """
    [groups.db-team]
    people = ["kofi", "ama"]
    [groups.chatters]
    people = ["esi"]
    [schedules.primary]
    people = ["ama", "kofi"]
    shift = "12h"
    start = 2026-02-01T06:00:00
    [schedules.solo]
    people = ["esi"]
    shift = "1d"
    start = 2026-02-01T00:00:00
    [schedules.paper]
    ical = "paper.ics"
    [schedules.unread]
    ical = "unread.ics"
    [policies.default]
    steps = [
      { page = ["schedule:primary", "person:esi"], wait = "5m" },
      { page = ["group:db-team"], wait = "5m" },
    ]
    """
)


def shift(start: int, end: int, *people: str) -> Shift:
    """Hours from noon."""
    return Shift(start=NOON + start * HOUR, end=NOON + end * HOUR, people=people)


PAPER = Calendar(
    since=NOON - 100 * HOUR,
    until=NOON + 9000 * HOUR,
    shifts=(shift(-1, 1, "AMA"), shift(1, 2, "ama", " kofi boateng", "Ama", "stranger"), shift(4, 5, "stranger")),
)


def override(schedule: str, person: str, start: int, end: int) -> Override:
    return Override(schedule=schedule, person=person, start=NOON + start * HOUR, end=NOON + end * HOUR)


def roster(*overrides: Override) -> Roster:
    return Roster(oncall=FILE, calendars={"paper": PAPER, "unread": None}, overrides=overrides)


def keys(people: Iterable[Person]) -> list[str]:
    return [person.key for person in people]


@pytest.mark.parametrize(
    ("schedule", "hour", "expected"),
    [
        ("primary", 0, ["ama"]),
        ("primary", 5, ["ama"]),
        ("primary", 6, ["kofi"]),
        ("primary", -48, []),  # before its start
        ("paper", 0, ["ama"]),  # by key, in capitals or not
        ("paper", 1, ["ama", "kofi"]),  # by name, each once; strangers are nobody
        ("paper", 2, []),
        ("paper", 4, []),
        ("unread", 0, []),
        ("gone", 0, []),
    ],
)
def test_a_schedule_tells_who_is_on_call(schedule: str, hour: int, expected: list[str]) -> None:
    assert keys(who.on_call(roster(), schedule, NOON + hour * HOUR)) == expected


def test_an_override_holds_from_its_start_to_before_its_end() -> None:
    taken = roster(override("primary", "esi", 0, 2))
    assert [keys(who.on_call(taken, "primary", NOON + hour * HOUR)) for hour in (-1, 0, 1, 2)] == [
        ["ama"], ["esi"], ["esi"], ["ama"],
    ]  # fmt: skip
    assert keys(who.on_call(taken, "paper", NOON)) == ["ama"]


def test_the_newest_override_counts_and_the_older_one_holds_again_after_it() -> None:
    taken = roster(override("primary", "esi", 0, 9), override("primary", "kofi", 1, 2))
    assert [keys(who.on_call(taken, "primary", NOON + hour * HOUR)) for hour in (0, 1, 2)] == [
        ["esi"],
        ["kofi"],
        ["esi"],
    ]


def test_an_override_fills_a_gap_and_a_calendar_that_was_never_read() -> None:
    taken = roster(override("unread", "esi", 0, 1), override("paper", "esi", 2, 3))
    assert keys(who.on_call(taken, "unread", NOON)) == keys(who.on_call(taken, "paper", NOON + 2 * HOUR)) == ["esi"]


def test_an_override_of_somebody_who_left_counts_for_nothing() -> None:
    assert keys(who.on_call(roster(override("primary", "yaw", 0, 1)), "primary", NOON)) == ["ama"]


def test_targets_mean_people_in_their_order_and_nobody_twice() -> None:
    targets = [
        Target(kind=Kind.SCHEDULE, key="paper"),
        Target(kind=Kind.PERSON, key="esi"),
        Target(kind=Kind.GROUP, key="db-team"),
        Target(kind=Kind.PERSON, key="gone"),
        Target(kind=Kind.GROUP, key="gone"),
    ]
    assert keys(who.people(roster(), targets, NOON)) == ["ama", "esi", "kofi"]


@pytest.mark.parametrize(
    ("schedule", "now", "next_"),
    [
        ("primary", (["ama"], 1), (["esi"], 2)),
        ("paper", (["ama"], 1), (["ama", "kofi"], 2)),
        ("solo", (["esi"], None), None),
        ("unread", ([], None), None),
    ],
)
def test_now_and_next(
    schedule: str, now: tuple[list[str], int | None], next_: tuple[list[str], int | None] | None
) -> None:
    def turn(found: Duty | None) -> tuple[list[str], int | None] | None:
        return found and (keys(found.people), found.until and (found.until - NOON) // HOUR)

    found = who.now_and_next(roster(override("primary", "esi", 1, 2)), schedule, NOON)
    assert tuple(map(turn, found)) == (now, next_)


def test_a_change_far_ahead_is_found_and_one_beyond_a_year_is_not() -> None:
    near, far = override("solo", "ama", 24 * 300, 24 * 301), override("solo", "ama", 24 * 400, 24 * 401)
    assert who.next_change(roster(near), "solo", NOON) == near.start
    assert who.next_change(roster(far), "solo", NOON) is None


def test_gaps_are_when_nobody_has_it_with_overrides_counted() -> None:
    found = who.gaps(roster(override("paper", "esi", 3, 4)), "paper", NOON, NOON + 10 * HOUR)
    assert found == (shift(2, 3), shift(4, 10))
    assert who.gaps(roster(), "primary", utc("2026-02-01T05:00"), NOON) == (
        Shift(start=utc("2026-02-01T05:00"), end=utc("2026-02-01T06:00"), people=()),
    )


hours = st.integers(-60, 60)
taken = st.lists(
    st.builds(
        override,
        st.sampled_from(["primary", "paper", "solo"]),
        st.sampled_from(["ama", "kofi", "esi", "yaw"]),
        hours,
        hours,
    ),
    max_size=5,
)


@given(st.sampled_from(["primary", "paper", "solo", "unread"]), taken, hours, st.integers(1, 60))
def test_shifts_have_no_hole_and_agree_with_every_moment(
    schedule: str, overrides: list[Override], start: int, length: int
) -> None:
    first, last = NOON + start * HOUR, NOON + (start + length) * HOUR
    one = roster(*overrides)
    found = list(who.shifts(one, schedule, first, last))
    assert (found[0].start, found[-1].end) == (first, last)
    assert all(before.end == after.start and before.people != after.people for before, after in pairwise(found))
    for shift_ in found:
        at = shift_.start
        while at < shift_.end:
            assert tuple(keys(who.on_call(one, schedule, at))) == shift_.people
            at += HOUR / 2


def test_no_time_has_no_shifts() -> None:
    assert list(who.shifts(roster(), "primary", NOON, NOON)) == []


def number(e164: str) -> Number:
    return Number(e164=e164, valid=True, country="GH")


AMA, KOFI = number("+233241109433"), number("+233551234567")


def test_oncall_is_whoever_the_first_step_would_page_at_that_moment() -> None:
    assert keys(naming.people_named(roster(), "oncall", NOON) or ()) == ["ama", "esi"]
    assert keys(naming.people_named(roster(), "oncall", NOON + 6 * HOUR) or ()) == ["kofi", "esi"]


def test_oncall_is_unknown_without_a_policy_default() -> None:
    assert naming.people_named(Roster(oncall=oncall()), "oncall", NOON) is None


def test_the_key_of_a_person_wins_over_the_name_of_another() -> None:
    people = '[people.a]\nname = "B"\ntelegram = 1\n[people.b]\nname = "A"\ntelegram = 2'
    assert [who.person_named(oncall(people=people), name) for name in ("a", "B", "c")] == ["a", "b", None]


def test_where_a_calendar_is_laid_out_no_further_is_no_change() -> None:
    known = Calendar(since=NOON - HOUR, until=NOON + 100 * HOUR, shifts=(shift(-1, 1, "ama"), shift(1, 100, "kofi")))
    one = Roster(oncall=FILE, calendars={"paper": known})
    assert who.next_change(one, "paper", NOON) == NOON + HOUR
    assert who.next_change(one, "paper", NOON + HOUR) is None
    assert who.next_change(one, "paper", NOON + 200 * HOUR) is None


def test_a_calendar_that_is_no_schedules_any_more_counts_for_nothing() -> None:
    one = Roster(oncall=FILE, calendars={"primary": PAPER, "gone": PAPER})
    assert keys(who.on_call(one, "primary", NOON + 7 * HOUR)) == ["kofi"]
    assert who.on_call(one, "gone", NOON) == ()


def test_the_calendars_of_a_file_are_its_schedules_that_are_no_rotations() -> None:
    assert [schedule.key for schedule in FILE.calendars] == ["paper", "unread"]
