"""The on-call file: what it may say, and every way to say it wrong, each named with its line."""

import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.errors import OperatorError
from bridge.oncall.file import OnCallFileError, read
from bridge.oncall.records import (
    CalendarSchedule,
    Chat,
    Group,
    HeartbeatRule,
    Kind,
    OnCall,
    Person,
    Policy,
    Quiet,
    Rotation,
    Step,
    Target,
)
from bridge.toml.parse import LONGEST_FILE
from tests.unit.oncall.team import BERLIN, EXAMPLE, PEOPLE, oncall

ACCRA = ZoneInfo("Africa/Accra")
AMA = Target(kind=Kind.PERSON, key="ama")


def problems(text: str) -> list[str]:
    """What is wrong with a file."""
    with pytest.raises(OnCallFileError) as caught:
        read(text, region="GH")
    assert isinstance(caught.value, OperatorError)
    assert "\n" not in str(caught.value)
    assert all(problem in str(caught.value) for problem in caught.value.problems)
    return list(caught.value.problems)


def problems_or_none(text: str) -> tuple[str, ...]:
    """What is wrong with a file, if anything is."""
    try:
        read(text, region="GH")
    except OnCallFileError as error:
        return error.problems
    return ()


def test_the_example_of_the_documents_says_this() -> None:
    found = read(EXAMPLE, region="GH")
    assert found.timezone == ACCRA
    assert found.people["ama"] == Person(
        key="ama",
        name="Ama Mensah",
        phone="+233241109433",
        telegram=111111111,
        quiet=Quiet(start=time(22), end=time(7)),
        timezone=ACCRA,
    )
    assert found.people["kofi"].phone == "+233551234567"
    assert found.groups == {"db-team": Group(key="db-team", people=("ama", "kofi"))}
    assert found.schedules == {
        "primary": Rotation(
            key="primary",
            people=("ama", "kofi"),
            shift=timedelta(weeks=1),
            start=datetime(2026, 1, 5, 9),  # noqa: DTZ001
            timezone=ACCRA,
        ),
        "secondary": CalendarSchedule(key="secondary", ical="secondary.ics", timezone=ACCRA),
    }
    assert found.policies == {
        "default": Policy(
            key="default",
            steps=(
                Step(targets=(Target(kind=Kind.SCHEDULE, key="primary"),), wait=timedelta(minutes=5)),
                Step(targets=(Target(kind=Kind.SCHEDULE, key="secondary"), AMA), wait=timedelta(minutes=10)),
                Step(targets=(Target(kind=Kind.GROUP, key="db-team"),), wait=timedelta(minutes=15)),
            ),
            repeat=2,
            fallback=(AMA,),
            ack_timeout=timedelta(hours=1),
        )
    }
    first, second = found.routes
    assert (first.match["severity"], first.match["team"]) == ("critical", re.compile("db.*"))
    assert (first.policy, first.chat) == ("default", Chat(chat_id=-1001234567890, topic=7))
    assert (dict(second.match), second.policy, second.chat) == ({"severity": "info"}, "none", None)
    assert found.heartbeats == {
        "nightly-backup": HeartbeatRule(
            name="nightly-backup",
            every=timedelta(days=1),
            grace=timedelta(hours=1),
            policy="default",
            token="only-for-this-one",
        )
    }
    assert (found.lines["people.ama"], found.lines["routes.1"]) == (3, 40)


def test_an_empty_file_is_nobody() -> None:
    found = read("", region="GH")
    assert found == OnCall()
    assert found.timezone == ZoneInfo("UTC")


def test_what_is_left_out_has_its_default() -> None:
    found = oncall(
        """
        [policies.default]
        steps = [{ page = ["person:ama"] }]
        [[routes]]
        [heartbeats.backup]
        every = "1h"
        """
    )
    policy, heartbeat, route = found.policies["default"], found.heartbeats["backup"], found.routes[0]
    assert (policy.repeat, policy.fallback, policy.ack_timeout) == (0, (), None)
    assert policy.steps[0].wait == timedelta(minutes=5)
    assert (heartbeat.grace, heartbeat.policy, heartbeat.token) == (timedelta(minutes=5), "default", "")
    assert (dict(route.match), route.policy, route.chat) == ({}, "default", None)
    assert (found.people["ama"].name, found.people["esi"].phone, found.people["esi"].quiet) == ("ama", "", None)


def test_a_persons_own_zone_wins_over_that_of_the_file() -> None:
    found = read('timezone = "Europe/Berlin"\n[people.a]\ntelegram = 1\ntimezone = "Asia/Tokyo"', region="GH")
    assert (found.timezone, found.people["a"].timezone) == (BERLIN, ZoneInfo("Asia/Tokyo"))


ROTA = '[schedules.s]\npeople = ["ama"]\nshift = "1d"\ntimezone = "Europe/Berlin"\nstart = '


@pytest.mark.parametrize(
    ("written", "local"),
    [
        ("2026-07-01T09:00:00", "2026-07-01T09:00"),
        ("2026-07-01 09:00:00.5", "2026-07-01T09:00"),
        ("2026-07-01T09:00:00Z", "2026-07-01T11:00"),
        ("2026-07-01T09:00:00-04:00", "2026-07-01T15:00"),
    ],
)
def test_a_start_is_by_the_clocks_of_the_schedule(written: str, local: str) -> None:
    schedule = oncall(ROTA + written).schedules["s"]
    assert isinstance(schedule, Rotation)
    assert schedule.start == datetime.fromisoformat(local)


@pytest.mark.parametrize(
    ("written", "chat"),
    [
        ('"-1001234567890"', Chat(chat_id=-1001234567890)),
        ("-1001234567890", Chat(chat_id=-1001234567890)),
        ('" 42:7 "', Chat(chat_id=42, topic=7)),
    ],
)
def test_a_chat_is_an_id_and_perhaps_a_topic(written: str, chat: Chat) -> None:
    assert oncall(f'[[routes]]\npolicy = "none"\nchat = {written}').routes[0].chat == chat


POLICY = '[policies.default]\nsteps = [{ page = ["person:ama"] }]\n'
BEFORE = PEOPLE.count("\n") + 1

# What stands behind the people; the line (from there) and the words of each problem.
WRONG = [
    # the whole
    ('tiemzone = "UTC"', ["people.esi.tiemzone is not known here; is timezone meant?"]),
    ("[peeple.x]\nphone = 1", ["0 peeple is not known here; is people meant?"]),
    ("[groups]\nx = 1", ["1 groups.x must be a table"]),
    ("[groups.x.y]\npeople = []", ["0 groups.x lacks people", "0 groups.x.y is not known here"]),
    # people
    ("[people.x]", ["0 people.x can never be reached: neither phone nor telegram is given"]),
    (
        '[people.x]\nname = "X"\nphoen = "0241109433"',
        ["0 people.x can never be", "2 people.x.phoen is not known here; is phone"],
    ),
    (
        '[people.x]\nphone = "024110WIFE"',
        ["1 people.x.phone is no number to send to: “0241…” is no phone number: it holds the"],
    ),
    ('[people.x]\nphone = ""', ["1 people.x.phone is empty"]),
    ('[people.x]\ntelegram = 7\nname = "A\\nB"', ["2 people.x.name must be one line of text"]),
    (f'[schedules.x]\nical = "{"x" * 201}"', ["1 schedules.x.ical must be one line of text, of at most 200"]),
    ("[people.x]\nphone = 241109433", ["1 people.x.phone must be text in quotes"]),
    ('[people.x]\ntelegram = "7"', ["1 people.x.telegram must be a whole number"]),
    ("[people.x]\ntelegram = true", ["1 people.x.telegram must be a whole number"]),
    ("[people.x]\ntelegram = -7", ["1 people.x.telegram must be a numeric id"]),
    ("[people.x]\ntelegram = 0x10000000000000", ["1 people.x.telegram must be a numeric id"]),
    ('[people.x]\ntelegram = 7\nquiet = "22-7"', ['2 people.x.quiet is "22-7": a quiet time is']),
    ('[people.x]\ntelegram = 7\nquiet = "24:00-07:00"', ['2 people.x.quiet is "24:00-07:00"']),
    ('[people.x]\ntelegram = 7\nquiet = "07:00-07:00"', ['2 people.x.quiet is "07:00-07:00"']),
    ('[people.x]\ntelegram = 7\ntimezone = "Accra"', ['2 people.x.timezone is "Accra": there is no such time zone']),
    ('[people.x]\ntelegram = 7\ntimezone = "../x"', ['2 people.x.timezone is "../x": there is no such time zone']),
    ('[people.x]\ntelegram = 7\ntimezone = "Europe"', ['2 people.x.timezone is "Europe": there is no such time zone']),
    ('[people."x y"]\ntelegram = 7', ["0 people.x y is no name"]),
    (f"[people.{'x' * 65}]\ntelegram = 7", [f"0 people.{'x' * 39}… is no name"]),
    # one namespace
    ("[people.OnCall]\ntelegram = 7", ["0 people.OnCall cannot have this name"]),
    ('[groups.AMA]\npeople = ["ama"]', ["0 groups.AMA has the name of people.ama"]),
    ('[groups.db]\npeople = ["ama"]\n[schedules.db]\nical = "x"', ["2 schedules.db has the name of groups.db"]),
    # groups and schedules
    ("[groups.x]\npeople = []", ["1 groups.x.people is empty"]),
    ('[groups.x]\npeople = "ama"', ["1 groups.x.people must be a list", "1 groups.x.people is empty"]),
    (
        '[groups.x]\npeople = ["ama",\n"kofy",\n7,\n"ama"]',
        ['2 groups.x.people[2] is "kofy"', "3 groups.x.people[3] must be text", '4 groups.x.people[4] is "ama" once'],
    ),
    ("[schedules.x]", ["0 schedules.x lacks either people, shift and start (a rotation) or ical"]),
    ('[schedules.x]\nical = "http://x/y.ics"', ['1 schedules.x.ical is "http://x/y.ics": a calendar is']),
    (
        f'{ROTA}2026-01-05T09:00:00\nical = "x.ics"',
        ["0 schedules.s must be a rotation (people, shift, start) or a cal"],
    ),
    ('[schedules.x]\npeople = ["ama"]', ["0 schedules.x lacks shift", "0 schedules.x lacks start"]),
    (f"{ROTA}2026-01-05", ["4 schedules.s.start must be a date and time"]),
    (f"{ROTA}1066-01-05T09:00:00", ["4 schedules.s.start must lie between 1971 and 2199"]),
    (
        '[schedules.x]\npeople = ["ama"]\nstart = 2026-01-05T09:00:00\nshift = "1y"',
        ['3 schedules.x.shift is "1y": a duration is'],
    ),
    (
        '[schedules.x]\npeople = ["ama"]\nstart = 2026-01-05T09:00:00\nshift = 7',
        ["3 schedules.x.shift must be a duration"],
    ),
    (
        '[schedules.x]\npeople = ["ama"]\nstart = 2026-01-05T09:00:00\nshift = "30s"',
        ["3 schedules.x.shift is too short"],
    ),
    # policies
    ("[policies.x]", ["0 policies.x lacks steps"]),
    ("[policies.x]\nsteps = []", ["1 policies.x.steps is empty"]),
    ("[policies.x]\nsteps = [7]", ["1 policies.x.steps[1] must be a table", "1 policies.x.steps is empty"]),
    ('[policies.None]\nsteps = [{ page = ["person:ama"] }]', ["0 policies.None cannot have this name"]),
    ("[policies.x]\nsteps = [{}]", ["1 policies.x.steps[1] lacks page"]),
    (
        '[policies.x]\nsteps = [{ page = [], wait = "5" }]',
        ["1 policies.x.steps[1].page pages nobody", '1 policies.x.steps[1].wait is "5"'],
    ),
    (
        '[policies.x]\nsteps = [{ page = ["ama"] }]',
        [
            '1 policies.x.steps[1].page[1] is "ama": there is no such thing to page (person',
            "1 policies.x.steps[1].page pages nobody",
        ],
    ),
    (
        POLICY + 'fallback = ["schedule:ama"]',
        ['2 policies.default.fallback[1] is "schedule:ama": there is no such thing'],
    ),
    (POLICY + "repeat = -1", ["2 policies.default.repeat must be from 0 to 100"]),
    (POLICY + "repeat = 1.5", ["2 policies.default.repeat must be a whole number"]),
    (POLICY + 'ack_timeout = "soon"', ['2 policies.default.ack_timeout is "soon"']),
    # routes
    ("[[routes]]", ["0 routes[1] lacks policy"]),
    ("[routes]", ["0 routes must be a list of tables"]),
    (
        '[[routes]]\npolicy = "defalt"\n' + POLICY,
        ['1 routes[1].policy is "defalt": there is no such policy; is default meant?'],
    ),
    (
        '[[routes]]\npolicy = "none"\nmatch = { severity = "bad" }',
        ['2 routes[1].match.severity is "bad": a severity is critical'],
    ),
    (
        '[[routes]]\npolicy = "none"\nmatch = { a = 1, b = "~(" }',
        ["2 routes[1].match.a must be text", "2 routes[1].match.b is no regular"],
    ),
    ('[[routes]]\npolicy = "none"\nmatch = { a = "~(x+)+" }', ["2 routes[1].match.a repeats a group"]),
    ('[[routes]]\npolicy = "none"\nchat = "general"', ["2 routes[1].chat must be a chat id"]),
    ('[[routes]]\npolicy = "none"\nchat = 99999999999999999999', ["2 routes[1].chat must be a chat id"]),
    ('[[routes]]\npolicy = "none"\nchat = []', ["2 routes[1].chat must be text", "2 routes[1].chat must be a chat id"]),
    # heartbeats
    ('[heartbeats.x]\ngrace = "1h"\n' + POLICY, ["0 heartbeats.x lacks every"]),
    ('[heartbeats.x]\nevery = "1h"', ["0 heartbeats.x lacks policy"]),
    (
        '[heartbeats."x/y"]\nevery = "1h"\npolicy = "none"\ntoken = ""',
        ["0 heartbeats.x/y is no name", "3 heartbeats.x/y.token is empty"],
    ),
]


@pytest.mark.parametrize(("more", "expected"), WRONG)
def test_a_wrong_file_is_refused_and_each_problem_named_with_its_line(more: str, expected: list[str]) -> None:
    found = problems(PEOPLE + more)
    assert len(found) == len(expected), found
    for problem, wanted in zip(found, expected, strict=True):
        line, _, words = wanted.partition(" ")
        assert problem.startswith(
            f"line {BEFORE + int(line)}: {words}" if line.isdigit() else f"line {BEFORE}: {wanted}"
        )


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = EXAMPLE.replace('"kofi"]', '"kofy"]').replace('"1w" ', '"1y" ').replace('fallback = ["', 'fallback = ["a')
    assert [problem.split(":")[0] for problem in problems(text)] == ["line 14", "line 17", "line 18", "line 32"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "a = 1\nb =",
            "line 2, at the end: is no TOML: the value is missing, or it is a text without quotes: put it in",
        ),
        (
            "a = 1\nb = Ama Mensah\n",
            "line 2, column 5: is no TOML: the value is missing, or it is a text without quotes",
        ),
        ("a = “Ama”", "line 1, column 5: is no TOML: the value is missing, or it is a text without quotes: put it in"),
        ('a = "Ama', "line 1, at the end: is no TOML: a text has no closing quote"),
        ("a = 'Ama", "line 1, at the end: is no TOML: a text has no closing quote"),
        ('a = "Ama\nb = 1\n', "line 1, column 9: is no TOML: a text has no closing quote on its line"),
        ('a = "say "hi""', "line 1, column 11: is no TOML: something stands behind the value: put the whole value in"),
        ("a = 5m", "line 1, column 6: is no TOML: something stands behind the value: put the whole value in quotes"),
        ('a = "\\d"', "line 1, column 8: is no TOML: a backslash in a text: write it twice"),
        ('a = ["x" "y"]', "line 1, column 10: is no TOML: a list lacks its closing ] or a comma between two items"),
        ('a = { b = "x"', "line 1, at the end: is no TOML: a { lacks its closing } or a comma between two items"),
        ("[people.ama", "line 1, at the end: is no TOML: a [section] lacks its closing ]"),
        ("[[routes]", "line 1, column 9: is no TOML: a [[section]] lacks its closing ]]"),
        ("a = 1\na = 2\n", "line 2, column 6: is no TOML: the name of this value stands here a second time"),
        ("a: 1", "line 1, column 2: is no TOML: behind the name an = is missing"),
        ("“a” = 1", "line 1, column 1: is no TOML: a line is a [section], a name = value, or a # comment"),
        ("[a]\n[a]\n", "line 2, column 3: is no TOML: Cannot declare ('a',) twice"),
        ("a = " + "1" * 5000, "line 1 or later: is no TOML: Exceeds the limit"),
        ("a = " + "[" * 5000, "line 1: is nested too deeply"),
        ("#" * (LONGEST_FILE + 1), "line 1: is longer than 1000000 characters"),
        ("", None),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(text: str, words: str | None) -> None:
    if words is None:
        assert read(text, region="GH") == OnCall()
    else:
        (found,) = problems(text)
        assert found.startswith(words)


def test_no_whole_number_stands_in_a_problem() -> None:
    (found,) = problems('[people.x]\nphone = "2411094330241109433"')
    assert "2411094330" not in found
    (found,) = problems('[people.x]\nphone = "+2332411094"')
    assert "2332411" not in found


def test_a_number_with_two_readings_shows_neither_whole() -> None:
    with pytest.raises(OnCallFileError) as caught:
        read('[people.x]\nphone = "78886501365"', region="DE")
    assert re.search(r"\+\d{4}…\d{3}", str(caught.value))
    assert not re.search(r"\d{6}", str(caught.value))


def test_the_token_of_a_heartbeat_is_not_shown_by_its_record() -> None:
    assert "only-for-this-one" not in repr(read(EXAMPLE, region="GH"))


def test_a_target_is_written_as_in_the_file() -> None:
    assert str(AMA) == "person:ama"


@given(st.text(max_size=80))
@settings(max_examples=200)
def test_any_text_gives_a_file_or_the_one_error(text: str) -> None:
    assert all(problem.startswith("line ") for problem in problems_or_none(text))


PIECES = re.findall(r"\w+|[^\w]", EXAMPLE)


@given(
    at=st.integers(0, len(PIECES) - 1),
    put=st.sampled_from(["", "7", '"x"', "[", "]", "{", "=", "\n", "true", "x", "~"]),
)
def test_a_damaged_file_gives_a_file_or_the_one_error(at: int, put: str) -> None:
    text = "".join([*PIECES[:at], put, *PIECES[at + 1 :]])
    assert all(problem.startswith("line ") and problem.isprintable() for problem in problems_or_none(text))
