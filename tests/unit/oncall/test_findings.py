from datetime import timedelta

import pytest

from bridge.oncall.calendar import Calendar
from bridge.oncall.findings import Finding, Weight, answer_by_link_alone, findings
from bridge.oncall.shifts import Shift
from bridge.oncall.who import Override, Roster
from tests.unit.oncall.team import oncall, utc

NOON = utc("2026-02-02T12:00")
DAY = timedelta(days=1)
TEAM = """
[people.ama]
phone = "+233241109433"
[people.kofi]
phone = "+233551234567"
"""
GOOD = """\
[schedules.primary]
people = ["ama", "kofi"]
shift = "1w"
start = 2026-01-05T09:00:00
[policies.default]
steps = [{ page = ["schedule:primary"] }]
fallback = ["person:ama"]
"""
PAPER = '[schedules.primary]\nical = "p.ics"\n[policies.default]\nsteps = [{ page = ["schedule:primary"] }]\n'
PAPER += 'fallback = ["person:ama", "person:kofi"]\n'


def paper(*shifts: tuple[float, float, tuple[str, ...]]) -> dict[str, Calendar | None]:
    """A calendar; days from now."""
    found = tuple(Shift(start=NOON + start * DAY, end=NOON + end * DAY, people=names) for start, end, names in shifts)
    return {"primary": Calendar(since=NOON - 31 * DAY, until=NOON + 400 * DAY, shifts=found)}


def look(more: str, people: str = TEAM, calendars: dict[str, Calendar | None] | None = None) -> list[Finding]:
    return list(findings(Roster(oncall=oncall(more, people=people), calendars=calendars or {}), NOON))


def test_a_good_roster_brings_nothing_to_light() -> None:
    assert look(GOOD) == []


ALONE = "[people.esi]\ntelegram = 7\n"

CASES = [
    # schedules
    (
        GOOD.replace("2026-01-05", "2026-02-10"),
        TEAM,
        [
            "wrong line 7: schedules.primary has nobody on call: Mon 2026-02-02 12:00 to Tue 2026-02-10 09:00 UTC",
            "wrong line 11: policies.default would page nobody in step 1 now (schedule:primary)",
        ],
    ),
    (
        GOOD.replace("2026-01-05T09:00:00", '2026-02-10T09:00:00\ntimezone = "Asia/Tokyo"'),
        TEAM,
        [
            "wrong line 7: schedules.primary has nobody on call: "
            "Mon 2026-02-02 21:00 to Tue 2026-02-10 09:00 (Asia/Tokyo)",
            "wrong line 12: policies.default would page nobody in step 1 now (schedule:primary)",
        ],
    ),
    (
        GOOD
        + '[schedules.spare]\npeople = ["ama"]\nshift = "1d"\nstart = 2026-02-03T00:00:00\ntimezone = "Asia/Tokyo"',
        TEAM,
        [
            "note line 14: schedules.spare is in no policy: alerts never ask it",
            "note line 14: schedules.spare has nobody on call: Mon 2026-02-02 12:00 to Mon 2026-02-02 15:00 UTC",
        ],
    ),
    (
        PAPER,
        TEAM,
        [
            "wrong line 7: schedules.primary has a calendar that was never read",
            "wrong line 9: policies.default would page nobody in step 1 now (schedule:primary)",
        ],
    ),
    # people
    (
        GOOD,
        TEAM + "[people.esi]\ntelegram = 7\nphone = '+233241109433'\n",
        [
            "note line 6: people.esi is in no schedule, group or policy",
            "note line 6: people.esi has the same number as people.ama",
        ],
    ),
    (
        GOOD,
        TEAM + ALONE,
        [
            "note line 6: people.esi is in no schedule, group or policy",
            "note line 6: people.esi has no phone: no SMS can reach this person",
        ],
    ),
    (
        GOOD + '[groups.g]\npeople = ["esi"]',
        TEAM + ALONE,
        ["caution line 6: people.esi has no phone: no SMS can reach this person"],
    ),
    (
        GOOD,
        TEAM.replace("+233551234567", "+449012345678"),
        [
            "caution line 4: people.kofi has a premium-rate number: each page may be charged, and typed as a number it "
            "would be refused"
        ],
    ),
    (
        GOOD,
        TEAM.replace("+233551234567", "+447700900000"),
        ["note line 4: people.kofi has a number of an unknown range: try it with bridge check --send-test"],
    ),
    # policies
    (
        "",
        "",
        ["caution There is no policy default: an alert that no route matches pages nobody; /page cannot work."],
    ),
    (
        GOOD + '[policies.spare]\nsteps = [{ page = ["person:ama"] }]',
        TEAM,
        [
            "note line 14: policies.spare is named by no route and no heartbeat",
            "note line 14: policies.spare has no fallback: after its last round nobody is paged any more",
        ],
    ),
    (
        GOOD.replace("2026-01-05", "2026-02-02").replace("T09", "T13").replace('fallback = ["person:ama"]', ""),
        TEAM,
        [
            "wrong line 7: schedules.primary has nobody on call: Mon 2026-02-02 12:00 to Mon 2026-02-02 13:00 UTC",
            "wrong line 11: policies.default would page nobody now",
            "note line 11: policies.default has no fallback: after its last round nobody is paged any more",
        ],
    ),
    # routes
    (
        GOOD + '[[routes]]\npolicy = "none"\n[[routes]]\npolicy = "default"\nmatch = { a = "b" }',
        TEAM,
        [
            "caution line 14: routes[1] matches every alert that no route before it took, and pages nobody about it, "
            "however severe it is",
            "note line 16: routes[2] is never reached: routes[1] matches every alert",
        ],
    ),
    (
        GOOD.replace("policies.default", "policies.defalt"),
        TEAM,
        [
            "caution There is no policy default (is policies.defalt meant?): an alert that no route matches pages "
            "nobody; /page cannot work.",
            "note line 11: policies.defalt is named by no route and no heartbeat",
        ],
    ),
    (
        GOOD,
        TEAM + ALONE.replace("7", "5") + ALONE.replace("esi", "yaa").replace("7", "5"),
        [
            "wrong line 8: people.yaa has the telegram id of people.esi, and is taken for that person in the chat",
            "note line 6: people.esi is in no schedule, group or policy",
            "note line 6: people.esi has no phone: no SMS can reach this person",
            "note line 8: people.yaa is in no schedule, group or policy",
            "note line 8: people.yaa has no phone: no SMS can reach this person",
        ],
    ),
]


@pytest.mark.parametrize(("more", "people", "expected"), CASES)
def test_what_is_wrong_or_worth_a_note_is_one_line_with_its_place(more: str, people: str, expected: list[str]) -> None:
    assert [f"{one.weight.value} {one.words}" for one in look(more, people)] == expected


def test_a_calendars_gaps_strangers_and_overlaps_are_told() -> None:
    shifts = paper((-1, 10, ("ama",)), (10, 12, ("ama", "Kofi")), (13, 20, ("abena",)), (20, 31, ("kofi",)))
    assert [f"{one.weight.value} {one.words}" for one in look(PAPER, calendars=shifts)] == [
        "wrong line 7: schedules.primary names nobody of [people] in an event: “abena”",
        "wrong line 7: schedules.primary has nobody on call: Sat 2026-02-14 12:00 to Sun 2026-02-22 12:00 UTC",
        "note line 7: schedules.primary has more than one person on call: ama, kofi from Thu 2026-02-12 12:00 UTC",
    ]


def test_of_many_gaps_the_first_few_are_told_and_how_many_more() -> None:
    shifts = paper(*((day, day + 0.5, ("ama",)) for day in range(30)))
    told = [one.words for one in look(PAPER, calendars=shifts) if one.code == "gap"]
    assert len(told) == 6
    assert told[-1] == "line 7: schedules.primary has nobody on call: 25 more gaps"


def test_whoever_a_calendar_names_is_in_a_schedule() -> None:
    more = PAPER.replace(', "person:kofi"', "")
    assert [one.code for one in look(more, calendars=paper((-1, 31, ("ama",))))] == ["person_unused"]
    assert look(more, calendars=paper((-1, 15, ("ama",)), (15, 31, ("kofi",)))) == []


def test_an_override_closes_a_gap() -> None:
    one = Override(schedule="primary", person="kofi", start=NOON - DAY, end=NOON + 40 * DAY)
    file = oncall(GOOD.replace("2026-01-05", "2026-02-10"), people=TEAM)
    assert findings(Roster(oncall=file, overrides=(one,)), NOON) == ()


def test_a_finding_has_a_stable_code_and_names_its_subject() -> None:
    (found,) = look(GOOD, TEAM.replace("+233551234567", "+447700900000"))
    assert (found.weight, found.code, found.subject, found.line) == (
        Weight.NOTE,
        "phone_unverified",
        "people.kofi",
        4,
    )


def test_who_is_paged_by_sms_and_has_no_telegram_answers_by_its_link_alone() -> None:
    people = TEAM + "telegram = 7\n[people.esi]\nphone = '+233201234567'\n[people.yaw]\ntelegram = 8\n"

    def alone(more: str, calendars: dict[str, Calendar | None]) -> list[str]:
        return [
            one.key for one in answer_by_link_alone(Roster(oncall=oncall(more, people=people), calendars=calendars))
        ]

    assert alone(GOOD.replace('"kofi"', '"kofi", "yaw"'), {}) == ["ama"], "esi is in nothing, yaw has no phone"
    assert alone('[groups.db]\npeople = ["esi"]\n', {}) == ["esi"]
    assert alone(PAPER, paper((0, 1, ("esi",)), (1, 2, ("stranger",)))) == ["ama", "esi"]


def test_a_heartbeats_own_token_that_could_be_guessed_is_a_caution() -> None:
    beats = '[heartbeats.{}]\nevery = "1h"\ntoken = "{}"\n'
    (found,) = look(GOOD + beats.format("backup", "x" * 15) + beats.format("sync", "x" * 16))
    assert (found.weight, found.code, found.subject) == (Weight.CAUTION, "token_short", "heartbeats.backup")
    assert found.words.startswith(
        "line 14: heartbeats.backup has a token of fewer than 16 characters: whoever guesses it"
    )
    assert "xxx" not in found.words
