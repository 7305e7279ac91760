"""What `bridge simulate` foresees, by the rules that the service goes by."""

from datetime import UTC, datetime, timedelta

from bridge.domain.alerts import Alert, Severity
from bridge.oncall.file import read
from bridge.oncall.who import Roster
from bridge.services.incidents.foresee import MOST_EVENTS, Event, PageRules, foresee, opened

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
PEOPLE = """
[people.ama]
name = "Ama"
phone = "0241109433"
quiet = "22:00-07:00"
[people.kofi]
name = "Kofi"
phone = "0551234567"
[people.esi]
telegram = 7
"""
POLICY = """
[policies.default]
steps = [{ page = ["person:ama"], wait = "5m" }, { page = ["person:kofi"], wait = "10m" }]
"""
FALLBACK = 'fallback = ["person:ama"]\n'


def alert(title: str, severity: Severity = Severity.CRITICAL, *, firing: bool = True, key: str = "") -> Alert:
    return Alert(source="generic", fingerprint=key or title, firing=firing, title=title, severity=severity)


def told(
    file: str,
    *alerts: Alert,
    at: datetime = MONDAY,
    interval: timedelta = timedelta(minutes=1),
    max_age: timedelta = timedelta(hours=1),
    link: str = "",
) -> list[Event]:
    roster = Roster(oncall=read(PEOPLE + file, region="GH"))
    rules = PageRules(interval=interval, max_age=max_age, link=lambda code: link)
    return list(foresee(roster, opened(roster, alerts), at, rules))


def lines(events: list[Event], at: datetime = MONDAY) -> list[str]:
    """`5 Ama CRITICAL ...`: minutes, who, what."""
    return [
        f"{(one.at - at) // timedelta(minutes=1)} {one.person.name if one.person else '-'} {one.words}"
        for one in events
    ]


def test_steps_then_fallback_until_the_end_which_is_an_alarm() -> None:
    assert lines(told(POLICY + FALLBACK, alert("disk full"))) == [
        "0 Ama CRITICAL disk full (now) /ack P1",
        "5 Kofi CRITICAL disk full (5 minutes ago) /ack P2",
        "15 Ama CRITICAL disk full (15 minutes ago) /ack P3",
        "45 Ama CRITICAL disk full (45 minutes ago) /ack P4",
        "60 - A1: an alarm to the chat and every admin; nobody is paged any more",
    ]


def test_without_a_fallback_the_last_step_ends_in_an_alarm() -> None:
    assert lines(told(POLICY, alert("disk full")))[-1] == (
        "15 - A1: an alarm to the chat and every admin: the policy has no fallback"
    )


def test_a_step_that_has_nobody_moves_on_at_once() -> None:
    file = '[policies.default]\nsteps = [{ page = ["person:esi"] }, { page = ["person:kofi"] }]\n'
    assert lines(told(file, alert("disk full")))[:2] == [
        "0 - A1: person:esi: nobody there has a phone, so the next step runs at once; esi: by Telegram only",
        "0 Kofi CRITICAL disk full (now) /ack P1",
    ]


def test_a_fallback_that_has_nobody_is_tried_again_until_the_end() -> None:
    file = '[policies.default]\nsteps = [{ page = ["person:esi"] }]\nfallback = ["person:esi"]\n'
    found = lines(told(file, alert("disk full")))
    assert [line.split(" ", 1)[0] for line in found] == ["0", "0", "30", "60"]


def test_what_is_not_critical_waits_for_the_end_of_the_quiet_time_and_so_does_the_next_step() -> None:
    night = MONDAY.replace(hour=23)
    found = told(POLICY, alert("slow", Severity.WARNING), at=night, max_age=timedelta(days=1))
    assert lines(found, night)[:2] == [
        "480 Ama WARNING slow (8 hours ago) /ack P1",
        "485 Kofi WARNING slow (8 hours ago) /ack P2",
    ]
    assert lines(told(POLICY, alert("down"), at=night), night)[0] == "0 Ama CRITICAL down (now) /ack P1"


def test_the_end_comes_when_it_is_due_though_a_quiet_time_lasts_longer() -> None:
    night = MONDAY.replace(hour=23)
    found = told(POLICY, alert("slow", Severity.WARNING), at=night, max_age=timedelta(hours=6))
    assert lines(found, night) == [
        "360 - A1: an alarm to the chat and every admin; no further step comes, what waits is still paged",
        "480 Ama WARNING slow (8 hours ago) /ack P1",
    ]


def test_many_alerts_are_one_page_of_the_worst_one() -> None:
    found = told(POLICY + FALLBACK, alert("slow", Severity.ERROR), alert("down"), alert("full", Severity.ERROR))
    assert lines(found)[0] == "0 Ama CRITICAL down (now) +2 more /ack P1"
    assert len([one for one in found if one.person]) == 4


def test_a_person_is_paged_at_most_once_in_the_interval() -> None:
    file = (
        '[policies.default]\nsteps = [{ page = ["person:ama"], wait = "5m" }, { page = ["person:ama"], wait = "5m" }]\n'
    )
    minutes = [
        (one.at - MONDAY) // timedelta(minutes=1)
        for one in told(file, alert("x"), interval=timedelta(minutes=20))
        if one.person
    ]
    assert minutes == [0, 20]


def test_news_of_one_alert_are_one_incident_and_ends_open_none() -> None:
    roster = Roster(oncall=read(PEOPLE + POLICY, region="GH"))
    found = opened(roster, [alert("first", key="a"), alert("again", key="a"), alert("over", firing=False)])
    assert [(one.code, one.alert.title, one.way.policy) for one in found] == [("A1", "first", "default")]


def test_without_a_policy_nobody_is_paged() -> None:
    assert told("", alert("disk full")) == []
    assert (
        told(POLICY + '[[routes]]\nmatch = { severity = "info" }\npolicy = "none"\n', alert("x", Severity.INFO)) == []
    )


def test_a_link_stands_in_the_text() -> None:
    assert "https://x.example/a/t or /ack P1" in told(POLICY, alert("disk full"), link="https://x.example/a/t")[0].words


def test_it_ends_however_long_it_would_go_on() -> None:
    steps = 'steps = [{ page = ["person:ama"], wait = "1s" }]'
    file = f'[policies.default]\n{steps}\nrepeat = 100\nfallback = ["person:ama"]\n'
    found = told(
        file, *(alert(f"alert {number}") for number in range(50)), interval=timedelta(0), max_age=timedelta(days=7)
    )
    assert len([one for one in found if one.person]) <= MOST_EVENTS


def test_what_the_fallback_gets_again_and_again_is_marked() -> None:
    found = told(POLICY + FALLBACK, alert("disk full"))
    assert [one.last_resort for one in found] == [False, False, True, True, False]


def test_a_page_that_waited_for_the_end_of_a_quiet_time_is_that_of_its_step() -> None:
    file = POLICY.replace('"person:ama"]', '"person:ama", "person:kofi"]') + 'fallback = ["person:kofi"]\n'
    night = MONDAY.replace(hour=6)
    found = told(file, alert("slow", Severity.WARNING), at=night, max_age=timedelta(hours=2))
    assert [(one.person.name, one.last_resort) for one in found if one.person] == [
        ("Kofi", False),
        ("Kofi", False),
        ("Kofi", True),
        ("Kofi", True),
        ("Ama", False),
        ("Kofi", True),
        ("Kofi", True),
    ]
