"""Calendars as programs write them, as people break them, and as somebody hostile would."""

from datetime import datetime, timedelta
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.oncall import ical
from bridge.oncall.calendar import Calendar
from tests.unit.oncall.team import BERLIN, utc

AT = utc("2026-03-20T00:00")


def event(
    *lines: str, uid: str = "", summary: str = "ama", start: str = ";TZID=Europe/Berlin:20260323T090000", end: str = ""
) -> str:
    times = f"DTSTART{start}", f"DTEND{end}" if end else "DURATION:PT8H"
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid or summary}", f"SUMMARY:{summary}", *times, *lines, "END:VEVENT"])


def vcalendar(*events: str) -> str:
    return (
        "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//y//EN", *events, "END:VCALENDAR", ""])
        .replace("\r\n", "\n")
        .replace("\n", "\r\n")
    )


def read(text: bytes | str, zone: ZoneInfo = BERLIN, at: datetime = AT) -> Calendar:
    return ical.read(text, timezone=zone, at=at)


def said(*events: str, zone: ZoneInfo = BERLIN) -> list[str]:
    """The shifts of a calendar, in UTC."""
    shifts = read(vcalendar(*events), zone).shifts
    return [f"{one.start:%m-%d %H:%M}-{one.end:%m-%d %H:%M} {'+'.join(one.people)}" for one in shifts]


WEEK = {"start": ";TZID=Europe/Berlin:20260323T090000", "end": ";TZID=Europe/Berlin:20260330T090000"}
ZONE = """BEGIN:VTIMEZONE
TZID:Ours
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE"""


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], []),
        ([event()], ["03-23 08:00-03-23 16:00 ama"]),
        # a weekly turn ends at the same time of day: 167 hours over the change
        ([event(**WEEK)], ["03-23 08:00-03-30 07:00 ama"]),
        (
            [event("RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=2", **WEEK)],
            ["03-23 08:00-03-30 07:00 ama", "04-06 07:00-04-13 07:00 ama"],
        ),
        # left out, moved, cancelled
        (
            [event("RRULE:FREQ=DAILY;COUNT=3", "EXDATE;TZID=Europe/Berlin:20260324T090000")],
            ["03-23 08:00-03-23 16:00 ama", "03-25 08:00-03-25 16:00 ama"],
        ),
        (
            [
                event("RRULE:FREQ=DAILY;UNTIL=20260324T235959Z"),
                event("RECURRENCE-ID;TZID=Europe/Berlin:20260324T090000", start=";TZID=Europe/Berlin:20260324T120000"),
            ],
            ["03-23 08:00-03-23 16:00 ama", "03-24 11:00-03-24 19:00 ama"],
        ),
        (
            [
                event("RRULE:FREQ=DAILY;COUNT=2"),
                event("RECURRENCE-ID;TZID=Europe/Berlin:20260323T090000", "STATUS:CANCELLED"),
            ],
            ["03-24 08:00-03-24 16:00 ama"],
        ),
        ([event("STATUS:CANCELLED")], []),
        # one more date, and a second rule
        (
            [event("RDATE;TZID=Europe/Berlin:20260401T090000")],
            ["03-23 08:00-03-23 16:00 ama", "04-01 07:00-04-01 15:00 ama"],
        ),
        (
            [event("RRULE:FREQ=DAILY;COUNT=2", "RRULE:FREQ=WEEKLY;COUNT=2")],
            ["03-23 08:00-03-23 16:00 ama", "03-24 08:00-03-24 16:00 ama", "03-30 07:00-03-30 15:00 ama"],
        ),
        # days as a whole, and times without a zone, are those of the schedule's place
        ([event(start=";VALUE=DATE:20260329", end=";VALUE=DATE:20260330")], ["03-28 23:00-03-29 22:00 ama"]),
        ([event("RRULE:FREQ=DAILY;COUNT=2;BYDAY=SU", start=";VALUE=DATE:20260322", end=";VALUE=DATE:20260323")],
         ["03-21 23:00-03-22 23:00 ama", "03-28 23:00-03-29 22:00 ama"]),
        ([event(start=":20260323T090000")], ["03-23 08:00-03-23 16:00 ama"]),
        ([event(start=":20260323T090000Z")], ["03-23 09:00-03-23 17:00 ama"]),
        ([event(start=";TZID=W. Europe Standard Time:20260330T090000")], ["03-30 07:00-03-30 15:00 ama"]),
        ([event(start=";TZID=Nowhere:20260330T090000")], ["03-30 07:00-03-30 15:00 ama"]),
        ([ZONE, event(start=";TZID=Ours:20260330T090000")], ["03-30 07:00-03-30 15:00 ama"]),
        # two at once; the same one twice; one right after the other
        (
            [event(), event(summary="Kofi  Boateng", start=":20260323T120000Z")],
            [
                "03-23 08:00-03-23 12:00 ama",
                "03-23 12:00-03-23 16:00 ama+Kofi Boateng",
                "03-23 16:00-03-23 20:00 Kofi Boateng",
            ],
        ),
        ([event(uid="2"), event()], ["03-23 08:00-03-23 16:00 ama"]),
        (
            [event(), event(summary="kofi", start=":20260323T160000Z")],
            ["03-23 08:00-03-23 16:00 ama", "03-23 16:00-03-24 00:00 kofi"],
        ),
        # of no length, outside of the time laid out, without a summary
        ([event(end=";TZID=Europe/Berlin:20260323T090000")], []),
        ([event(start=":20200101T000000Z"), event(start=":20290101T000000Z")], []),
        (["BEGIN:VEVENT\nDTSTART:20260323T090000Z\nDTEND:20260323T100000Z\nEND:VEVENT"], ["03-23 09:00-03-23 10:00 "]),
        # first Monday of a month; every other hour; a leap day
        ([event("RRULE:FREQ=MONTHLY;BYDAY=1MO;COUNT=1", start=":20260406T090000Z")], ["04-06 09:00-04-06 17:00 ama"]),
        (
            [event("RRULE:FREQ=HOURLY;INTERVAL=12;COUNT=2", start=":20260323T090000Z")],
            ["03-23 09:00-03-23 17:00 ama", "03-23 21:00-03-24 05:00 ama"],
        ),
        ([event("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", start=":20240229T090000Z")], []),
    ],
)  # fmt: skip
def test_who_is_on_call_is_the_summary_of_each_event(events: list[str], expected: list[str]) -> None:
    assert said(*events) == expected


def test_a_calendar_is_laid_out_around_the_moment_of_reading() -> None:
    found = read(vcalendar(event("RRULE:FREQ=DAILY", start=":20200101T000000Z", end=":20200102T000000Z")))
    assert (found.since, found.until) == (AT - ical.BEHIND, AT + ical.AHEAD)
    assert (found.shifts[0].start, found.shifts[-1].end) == (found.since, found.until)
    assert found.named(found.since) == ("ama",)
    assert found.named(found.since - timedelta(seconds=1)) == found.named(found.until) == ()


def test_an_old_or_mended_text_is_read_as_utf_8() -> None:
    text = vcalendar(event(summary="Kwabená"))
    assert read(b"\xef\xbb\xbf" + text.encode()).shifts[0].people == ("Kwabená",)
    assert read(text.encode("latin-1")).shifts[0].people == ("Kwaben\ufffd",)
    assert read(text.replace("\r\n", "\n")) == read(text)


REFUSED = [
    ("", "is no calendar that can be read"),
    ("<!DOCTYPE html><html></html>", "is no calendar that can be read"),
    (event(), "is something else than a calendar"),
    (vcalendar(event())[:-40], "is no calendar that can be read"),
    (vcalendar("BEGIN:VEVENT\nSUMMARY:ama\nEND:VEVENT"), "is no calendar that can be read (KeyError)"),
    (vcalendar(event(start=":soon")), "is no calendar that can be read"),
    (vcalendar(event(start=":00010101T000000Z", end=":99991231T235959Z")), "is no calendar that can be read"),
    (vcalendar(event("RRULE:FREQ=SECONDLY")), "repeats in another way than hourly"),
    (vcalendar(event("RRULE:FREQ=MINUTELY;INTERVAL=15")), "repeats in another way than hourly"),
    (vcalendar(event("RRULE:COUNT=3")), "repeats in another way than hourly"),
    (vcalendar(event("RRULE:FREQ=DAILY;INTERVAL=0")), "has a bad INTERVAL"),
    (vcalendar(event("RRULE:FREQ=DAILY;BYHOUR=1,2,3,4,5;BYMINUTE=1,2,3,4,5")), "repeats more than 24 times a day"),
    (vcalendar(event("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")), "repeats on days that never come"),
    (vcalendar(event("RRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30")), "repeats on days that never come"),
    (vcalendar(event("RRULE:FREQ=YEARLY;INTERVAL=100;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO")), "repeats on days that never"),
    (vcalendar(event("RRULE:FREQ=HOURLY;BYSETPOS=366")), "repeats hourly in a way that no rota needs"),
    (vcalendar(event("RRULE:FREQ=DAILY;UNTIL=never")), "repeats in another way than"),
    (vcalendar(event("RRULE:FREQ=DAILY", start=":19500101T000000Z")), "has repeated events that begin before 1970"),
    (vcalendar(*[event("RRULE:FREQ=HOURLY", start=":20200101T000000Z")] * 6), "has too many repeated events"),
    (vcalendar(*[event("RRULE:FREQ=HOURLY", "RRULE:FREQ=HOURLY;COUNT=9")] * 20), "has too many repeated events"),
    (vcalendar(*[event("RRULE:FREQ=MONTHLY;BYMONTHDAY=1;COUNT=1")] * 70), "has too many repeated events"),
    (vcalendar(ZONE.replace("YEARLY", "SECONDLY", 1)), "changes the clocks by a rule that is not once a year"),
    (vcalendar(ZONE.replace("YEARLY", "SECON\n DLY")), "changes the clocks by a rule that is not once a year"),
    (vcalendar(ZONE.replace("BYMONTH=10", "BYHOUR=1")), "changes the clocks by a rule that is not once a year"),
    (vcalendar(*[ZONE.replace("Ours", f"Ours{count}") for count in range(51)]), "has more than 100 rules for"),
    (b"BEGIN:VCALENDAR" + b" " * ical.LONGEST_CALENDAR, "is larger than 1000000 bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_what_is_no_calendar_or_too_much_work_is_refused_at_once_in_one_line(text: str | bytes, words: str) -> None:
    began = process_time()
    with pytest.raises(ical.CalendarError) as caught:
        read(text)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)
    assert process_time() - began < 10


def test_more_events_than_any_team_has_are_refused() -> None:
    many = [event("RRULE:FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12", uid=f"{count}") for count in range(4)]
    with pytest.raises(ical.CalendarError, match="more than 20000 events"):
        read(vcalendar(*many))


def test_more_people_at_once_than_any_team_has_are_refused() -> None:
    starts = [f":202603{1 + count // 24:02}T{count % 24:02}0000Z" for count in range(500)]
    many = [event(summary=start[1:], start=start, end=":20260601T000000Z") for start in starts]
    with pytest.raises(ical.CalendarError, match="too many events at the same time"):
        read(vcalendar(*many))


WHOLE = vcalendar(ZONE, event("RRULE:FREQ=WEEKLY;COUNT=9", "EXDATE:20260330T070000Z", **WEEK), event(summary="kofi"))


def calendar_or_words(text: bytes | str) -> Calendar | str:
    try:
        return read(text)
    except ical.CalendarError as error:
        return str(error)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_calendar_or_the_one_error(text: bytes) -> None:
    assert calendar_or_words(text)


PUT = ["", "0", "-", "Z", ":", ";", "=", ",", "\r\n", "BEGIN:", "9999", "é", '"', "\\"]


@given(start=st.integers(0, len(WHOLE)), length=st.integers(0, 12), put=st.sampled_from(PUT))
@settings(max_examples=250)
def test_a_damaged_calendar_gives_a_calendar_or_the_one_error(start: int, length: int, put: str) -> None:
    assert calendar_or_words(WHOLE[:start] + put + WHOLE[start + length :])


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 100), st.sampled_from("abc")), max_size=8))
def test_at_every_moment_those_are_named_whose_event_holds(spans: list[tuple[int, int, str]]) -> None:
    hours = [(AT + timedelta(hours=start), AT + timedelta(hours=start + length), who) for start, length, who in spans]
    form = "%Y%m%dT%H%M%SZ"
    found = read(
        vcalendar(*(
            event(uid=f"{index}", summary=who, start=f":{start:{form}}", end=f":{end:{form}}")
            for index, (start, end, who) in enumerate(hours)
        ))
    )  # fmt: skip
    for hour in range(0, 401, 13):
        at = AT + timedelta(hours=hour)
        assert set(found.named(at)) == {who for start, end, who in hours if start <= at < end}
        assert list(found.between(at, at + timedelta(hours=50))) == [
            one for one in found.shifts if one.end > at and one.start < at + timedelta(hours=50)
        ]
