"""Who is on call: the file comes into force, people take schedules and hand them back, and the chat is told."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

import pytest

from bridge.domain.alerts import Alert, Severity
from bridge.domain.errors import SettingsError
from bridge.services.incidents.foresee import PageRules, foresee, opened
from bridge.store import oncall as kept
from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, KOFI
from tests.support.team import Team, commands_shown

PEOPLE = f"""
timezone = "Africa/Accra"

[people.ama]
name = "Ama Mensah"
phone = "{AMA}"
telegram = 111111111

[people.kofi]
name = "Kofi Boateng"
phone = "{KOFI}"
telegram = 222222222
"""

ROTATION = """
[schedules.primary]
people = ["ama", "kofi"]
shift = "1d"
start = 2026-01-05T08:00:00
"""

POLICY = """
[policies.default]
steps = [{ page = ["schedule:primary"], wait = "5m" }]
fallback = ["person:ama"]
"""

FILE = PEOPLE + ROTATION + POLICY
"""It is Monday 09:00: Ama has it since an hour ago, Kofi from Tuesday 08:00 on."""

TOLD = "A new on-call file is in force: 2 people, 1 schedule, 1 policy."


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "team.toml"
    write(path, FILE)
    return path


@pytest.fixture
async def team(start_team: StartTeam, file: Path) -> Team:
    """The service with this file; notices go to Ama, the only admin."""
    team = await start_team(BRIDGE_ONCALL_FILE=file)
    await team.ama.chat.shows(TOLD, "primary: Ama Mensah until Tue 08:00 (Africa/Accra), then Kofi Boateng")
    return team


def write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


async def in_force(team: Team) -> str:
    found = await team.app.database.read(kept.newest_file)
    return found.text if found else ""


# the file


async def test_a_file_that_is_good_is_kept_and_told_of_once(team: Team) -> None:
    assert await in_force(team) == FILE
    await team.restart(after_s=5)
    await team.settled()


async def test_at_the_first_start_a_broken_file_stops_it_and_every_problem_is_named(
    start_team: StartTeam, file: Path
) -> None:
    write(file, '[people.ama]\nphon = "1"\n[groups.db]\npeople = ["kofi"]\n')
    with pytest.raises(SettingsError) as error:
        await start_team(BRIDGE_ONCALL_FILE=file)
    assert str(error.value).startswith(f"BRIDGE_ONCALL_FILE: {file}: line ")
    assert "phon" in str(error.value)
    assert "kofi" in str(error.value)
    assert "\n" not in str(error.value)


async def test_a_file_that_is_named_and_not_there_stops_the_first_start(start_team: StartTeam, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^BRIDGE_ONCALL_FILE: .*none\.toml: there is no such file$"):
        await start_team(BRIDGE_ONCALL_FILE=tmp_path / "none.toml")


async def test_a_broken_file_of_the_default_name_is_named_by_its_path_and_not_by_a_setting(
    start_team: StartTeam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "oncall.toml", "[people")
    with pytest.raises(SettingsError, match=r"^on-call file: oncall\.toml: line 1, at the end: "):
        await start_team()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda file: file.write_text("[people"), "• line 1, at the end: "),
        (lambda file: file.unlink(), "• there is no such file"),
    ],
)
async def test_with_one_in_force_a_broken_or_missing_file_is_told_of_and_changes_nothing(
    team: Team, file: Path, spoil, why: str
) -> None:
    spoil(file)
    await team.restart(after_s=5)
    await team.ama.chat.shows("cannot be taken; the one accepted before stays in force", why)
    await team.ama.says("/oncall")
    await team.ama.chat.shows("now: Ama Mensah until Tue 08:00")


async def test_reload_puts_a_new_file_in_force(team: Team, file: Path) -> None:
    write(file, FILE.replace('["ama", "kofi"]', '["kofi"]'))
    await team.ama.says("/reload", to=team.ops)
    await team.ops.shows(TOLD, "primary: Kofi Boateng")
    await team.ama.chat.shows(TOLD, "primary: Kofi Boateng")
    await team.ama.says("/reload")
    await team.ama.chat.shows("is what is in force already")


async def test_reload_of_a_broken_file_names_every_problem_and_changes_nothing(team: Team, file: Path) -> None:
    write(file, FILE.replace("1d", "1x").replace("person:ama", "person:esi"))
    await team.ama.says("/reload")
    await team.ama.chat.shows("cannot be taken", "shift", "esi", "the one accepted before stays in force")
    assert await in_force(team) == FILE


async def test_a_signal_reads_it_again(team: Team, file: Path) -> None:
    changed = FILE.replace("1d", "2d")
    write(file, changed)
    team.app.leader.oncall.reload()
    await team.ama.chat.shows(TOLD, "until Wed 08:00")
    assert await in_force(team) == changed


async def test_only_an_admin_reloads(team: Team) -> None:
    await team.kofi.says("/reload")
    await team.kofi.chat.shows("Only an admin can do that.")


async def test_without_a_file_nobody_is_on_call(start_team: StartTeam) -> None:
    team = await start_team()
    await team.kofi.says("/oncall")
    await team.kofi.chat.shows("There is no on-call file")
    await team.kofi.says("/take 2h")
    await team.kofi.chat.shows("Nobody in the on-call file has your id")


async def test_people_of_the_file_are_users_as_long_as_they_are_in_it(team: Team, file: Path) -> None:
    write(file, FILE + '[people.efua]\nphone = "+233201234567"\ntelegram = 333333333\n')
    await team.ama.says("/reload")
    await team.ama.chat.shows("3 people")
    await team.efua.says("/whoami")
    await team.efua.chat.shows("your role: user")
    scope = {"type": "chat", "chat_id": 333333333}
    await team.until(lambda: "oncall" in commands_shown(team.telegram, scope))
    write(file, FILE + '[groups.all]\npeople = ["ama", "kofi"]\n')
    await team.ama.says("/reload")
    await team.ama.chat.shows("2 people, 1 group")
    await team.efua.says("/whoami")
    await team.efua.chat.shows("You have no access.")
    await team.until(lambda: "oncall" not in commands_shown(team.telegram, scope))


# taking and handing back


async def test_who_takes_a_schedule_is_paged_and_hands_it_back(team: Team) -> None:
    await team.kofi.says("/take 2h")
    await team.kofi.chat.shows("primary: Kofi Boateng is on call from Mon 09:", "instead of Ama Mensah", "/handback")
    await team.ama.chat.shows("📟 primary: Kofi Boateng until Mon 11:", "then Ama Mensah")
    await team.alertmanager.fires("disk full")
    await team.phone(KOFI).gets("CRITICAL disk full (now) /ack P1")
    await team.ama.chat.shows("A1")
    await team.kofi.chat.shows("A1")
    await team.ama.says("/oncall PRIMARY")
    await team.ama.chat.shows(
        "A page goes first to: Kofi Boateng", "taken by Kofi Boateng", "next: Ama Mensah until Tue"
    )
    await team.kofi.says("/handback", to=team.ops)
    await team.ops.shows("Handed back.", "primary: Ama Mensah until Tue 08:00 (Africa/Accra), then Kofi Boateng")
    await team.ama.chat.shows("📟 primary: Ama Mensah until Tue 08:00 (Africa/Accra), then Kofi Boateng")
    await team.kofi.says("/handback")
    await team.kofi.chat.shows("You have taken nothing")
    await team.ama.says("/resolve A1")
    await team.ama.chat.shows("A1 disk full: resolved")


async def test_an_answer_where_notices_go_stands_for_the_notice(start_team: StartTeam, file: Path) -> None:
    write(file, FILE.replace('["ama", "kofi"]', '["kofi"]'))
    team = await start_team(BRIDGE_ONCALL_FILE=file)
    await team.ama.chat.shows(TOLD)
    await team.ama.says("/take primary 90m")
    await team.ama.chat.shows(
        "primary: Ama Mensah is on call from Mon 09:00 until Mon 10:30 (Africa/Accra), instead of Kofi Boateng"
    )
    await team.minutes_pass(2)
    await team.settled()


async def test_who_is_on_call_already_for_longer_learns_that_nothing_changes(team: Team) -> None:
    await team.ama.says("/take 2h")
    await team.ama.chat.shows(
        "primary: Ama Mensah is on call already, until Tue 08:00 (Africa/Accra). 2h from now is within that: nothing"
    )
    assert (await team.app.database.read(lambda c: kept.overrides_after(c, team.clock.now()))) == ()
    await team.ama.says("/handback")
    await team.ama.chat.shows("You have taken nothing")


async def test_who_is_on_call_already_takes_the_time_behind_that_too(team: Team) -> None:
    await team.ama.says("/take 1d")
    await team.ama.chat.shows(
        "primary: Ama Mensah was on call already until Tue 08:00, and now until Tue 09:00 (Africa/Accra), "
        "instead of Kofi Boateng. /handback takes that back."
    )
    await team.kofi.says("/oncall")
    await team.kofi.chat.shows("now: Ama Mensah until Tue 09:00")
    await team.ama.says("/handback")
    await team.ama.chat.shows("Handed back.", "primary: Ama Mensah until Tue 08:00 (Africa/Accra), then Kofi Boateng")


async def test_that_somebody_stays_for_longer_and_hands_that_back_is_told_to_the_others_too(team: Team) -> None:
    await team.minutes_pass(23 * 60 + 10)
    await team.ama.chat.shows("📟 primary: Kofi Boateng until Wed 08:00")
    await team.kofi.says("/take 1d")
    for person in (team.kofi, team.ama):
        await person.chat.shows("primary: Kofi Boateng was on call already until Wed 08:00, and now until Wed 08:10")
    await team.kofi.says("/handback")
    await team.kofi.chat.shows("Handed back.", "primary: Kofi Boateng until Wed 08:00")
    await team.settled()
    await team.ama.chat.shows("📟 primary: Kofi Boateng until Wed 08:00")


async def test_who_takes_it_for_less_than_before_learns_when_it_ends_now(team: Team) -> None:
    await team.kofi.says("/take 8h")
    await team.kofi.chat.shows("instead of Ama Mensah")
    await team.ama.chat.shows("📟 primary: Kofi Boateng until Mon 17:")
    await team.kofi.says("/take 2h")
    await team.kofi.chat.shows(
        "primary: Kofi Boateng was on call already until Mon 17:00, and now only until Mon 11:",
        "(Africa/Accra), then Ama Mensah. /handback ends it at once.",
    )
    await team.ama.chat.shows("primary: Kofi Boateng was on call already until Mon 17:00, and now only until Mon 11:")
    await team.kofi.says("/take 2h primary")
    await team.kofi.chat.shows("is on call already, until Mon 11:", "nothing changes")


async def test_the_only_person_of_a_rotation_is_on_call_already(start_team: StartTeam, file: Path) -> None:
    write(file, FILE.replace('["ama", "kofi"]', '["kofi"]'))
    team = await start_team(BRIDGE_ONCALL_FILE=file)
    await team.ama.chat.shows(TOLD)
    await team.kofi.says("/take 2h")
    await team.kofi.chat.shows("primary: Kofi Boateng is on call already, for a year at least. 2h from now is within")


SECOND = (
    '[schedules.secondary]\npeople = ["%s"]\nshift = "1d"\nstart = 2026-01-05T08:00:00\ntimezone = "Europe/Berlin"\n'
)


async def test_of_several_schedules_take_means_the_only_one_with_turns_of_theirs(
    start_team: StartTeam, file: Path
) -> None:
    write(file, FILE.replace('["ama", "kofi"]', '["ama"]') + SECOND % "kofi")
    team = await start_team(BRIDGE_ONCALL_FILE=file)
    await team.ama.chat.shows("2 schedules")
    await team.kofi.says("/take 2h")
    await team.kofi.chat.shows("secondary: Kofi Boateng is on call already")
    await team.ama.says("/take 2h secondary")
    await team.ama.chat.shows("secondary: Ama Mensah is on call from Mon 10:", "(Europe/Berlin), instead of Kofi")


@pytest.mark.parametrize(
    ("primary", "words"),
    [
        (
            '["ama", "kofi"]',
            "There is primary, secondary, and you take turns in several of them. Name it: /take primary 2h.",
        ),
        ('["ama"]', "and you take turns in none of them. Name it: /take primary 2h."),
    ],
)
async def test_where_that_is_not_plain_take_asks_which(
    start_team: StartTeam, file: Path, primary: str, words: str
) -> None:
    write(file, FILE.replace('["ama", "kofi"]', primary) + SECOND % ("kofi" if "kofi" in primary else "ama"))
    team = await start_team(BRIDGE_ONCALL_FILE=file)
    await team.ama.chat.shows("2 schedules")
    await team.kofi.says("/take 2h")
    await team.kofi.chat.shows("Which schedule?", words)


async def test_one_message_tells_all_its_times_by_one_zone_and_names_it(start_team: StartTeam, file: Path) -> None:
    write(file, FILE + SECOND % "kofi")
    team = await start_team(BRIDGE_ONCALL_FILE=file)
    await team.ama.chat.shows("primary: Ama Mensah until Tue 08:00 (Africa/Accra)", "secondary: Kofi Boateng")
    await team.ama.says("/oncall")
    await team.ama.chat.shows("primary (Africa/Accra)", "secondary (Africa/Accra)")
    await team.ama.says("/oncall secondary")
    await team.ama.chat.shows("secondary (Europe/Berlin)", without=["Accra"])


async def test_what_was_taken_ends_by_itself_and_that_is_told(team: Team) -> None:
    await team.kofi.says("/take 2h")
    await team.kofi.chat.shows("instead of Ama Mensah")
    await team.ama.chat.shows("📟 primary: Kofi Boateng until Mon 11:", "then Ama Mensah")
    await team.minutes_pass(121)
    await team.ama.chat.shows("📟 primary: Ama Mensah until Tue 08:00")
    await team.restart(after_s=60)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("/take", "Write /take and for how long"),
        ("/take soon", "Write /take and for how long"),
        ("/take 5w", "From 1m to 4w"),
        ("/take 5s", "From 1m to 4w"),
        ("/take secondary 2h", "There is no schedule “secondary”: there is primary."),
        ("/take a b 2h", "Write /take and for how long"),
        ("/oncall secondary", "There is no schedule “secondary”"),
    ],
)
async def test_what_cannot_be_taken_is_refused_with_words(team: Team, typed: str, words: str) -> None:
    await team.kofi.says(typed)
    await team.kofi.chat.shows("❌", words)
    assert (await team.app.database.read(lambda c: kept.overrides_after(c, team.clock.now()))) == ()


async def test_an_old_take_asks_to_be_written_again(team: Team) -> None:
    await team.kofi.says("/take 2h", at=team.clock.now() - timedelta(minutes=30))
    await team.kofi.chat.shows("This command is 30 minutes old")


# hand-overs


async def test_a_hand_over_is_told_once_whatever_restarts(team: Team) -> None:
    await team.minutes_pass(23 * 60 + 1)
    await team.ama.chat.shows("📟 primary: Kofi Boateng until Wed 08:00 (Africa/Accra), then Ama Mensah")
    await team.restart(after_s=30)
    await team.settled()


async def test_a_hand_over_of_long_ago_is_no_news(team: Team) -> None:
    await team.restart(after_s=25 * 3600)
    await team.settled()


async def test_who_could_not_be_reached_is_told_before_the_shift_and_at_hand_over(
    start_team: StartTeam, file: Path
) -> None:
    lines = [line for line in FILE.splitlines() if KOFI not in line]
    write(file, "\n".join(lines))
    team = await start_team(BRIDGE_ONCALL_FILE=file)
    await team.ama.chat.shows(TOLD, "people.kofi has no phone")
    await team.minutes_pass(12 * 60)
    await team.ama.chat.shows(
        "⚠️ primary from Tue 08:00 (Africa/Accra): Kofi Boateng could not be reached: no phone, so no SMS."
    )
    await team.minutes_pass(11 * 60 + 2)
    await team.ama.chat.shows("📟 primary: Kofi Boateng until", "⚠️ Kofi Boateng could not be reached: no phone")


@pytest.mark.parametrize("url", ["", "https://pager.example.org"])
async def test_who_has_no_telegram_and_gets_no_link_is_told_of_as_somebody_who_cannot_answer(
    start_team: StartTeam, file: Path, url: str
) -> None:
    write(file, FILE.replace("telegram = 222222222\n", ""))
    team = await start_team(BRIDGE_ONCALL_FILE=file, BRIDGE_PUBLIC_URL=url)
    await team.ama.chat.shows(TOLD)
    await team.ama.says("/oncall")
    words = "⚠️ Kofi Boateng can acknowledge only through somebody else"
    await team.ama.chat.shows("primary", "now: Ama Mensah", *([] if url else [words]), without=[words] if url else [])


async def test_who_never_pressed_start_is_told_of_before_the_shift(start_team: StartTeam, file: Path) -> None:
    write(file, FILE.replace("222222222", "999999999"))
    team = await start_team(BRIDGE_ONCALL_FILE=file)
    await team.ama.chat.shows(TOLD)
    await team.minutes_pass(12 * 60)
    await team.ama.chat.shows(
        "⚠️ primary from Tue 08:00 (Africa/Accra): Kofi Boateng could not be reached: has not pressed Start"
    )


async def test_a_gap_is_told_before_it_begins(start_team: StartTeam, file: Path) -> None:
    write(file, FILE.replace("2026-01-05T08:00:00", "2026-01-05T15:00:00"))
    team = await start_team(BRIDGE_ONCALL_FILE=file)
    await team.ama.chat.shows(
        TOLD, "primary: nobody until Mon 15:00 (Africa/Accra), then Ama Mensah", "has nobody on call"
    )
    await team.minutes_pass(6 * 60)
    await team.ama.chat.shows("📟 primary: Ama Mensah until Tue 15:00")


# what is foreseen


TEAM = f"""
timezone = "Africa/Accra"
[people.ama]
name = "Ama"
phone = "{AMA}"
quiet = "08:00-09:30"
[people.kofi]
name = "Kofi"
phone = "{KOFI}"
[people.esi]
telegram = 222222222
[groups.both]
people = ["ama", "kofi"]
[policies.default]
"""
WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL
POLICIES = {
    "it ends without a fallback": 'steps = [{ page = ["person:kofi"], wait = "5m" }]',
    "it is gone through again, and then the fallback": """
steps = [{ page = ["person:ama"], wait = "5m" }, { page = ["person:kofi"], wait = "10m" }]
repeat = 1
fallback = ["group:both"]
""",
    "a step has nobody with a phone": """
steps = [{ page = ["person:esi"], wait = "5m" }, { page = ["person:kofi"], wait = "10m" }]
fallback = ["person:kofi"]
""",
    "somebody is meant twice within the interval": """
steps = [{ page = ["group:both"], wait = "20s" }, { page = ["person:kofi"], wait = "10m" }]
fallback = ["person:kofi"]
""",
}


@pytest.mark.unwatched
@pytest.mark.parametrize("severities", [(CRITICAL,), (WARNING,), (WARNING, CRITICAL, WARNING)], ids=str)
@pytest.mark.parametrize("policy", POLICIES)
async def test_what_simulate_foresees_is_what_happens(team: Team, policy: str, severities: Sequence[Severity]) -> None:
    await team.on_call(TEAM + POLICIES[policy])
    roster = await team.app.database.read(team.app.replica.rosters.roster)
    rules = PageRules(interval=timedelta(minutes=1), max_age=timedelta(hours=2), link=lambda code: "")
    at = team.clock.now()
    titles = [f"disk {number}" for number in range(len(severities))]
    alerts = [
        Alert(source="alertmanager", fingerprint=title, firing=True, title=title, severity=severity)
        for title, severity in zip(titles, severities, strict=True)
    ]
    foreseen: dict[datetime, list[tuple[str, str]]] = {}
    for event in foresee(roster, opened(roster, alerts), at, rules):
        if event.at < at + timedelta(hours=2):
            foreseen.setdefault(event.at, []).extend([(event.person.phone, event.words)] if event.person else [])
    assert any(foreseen.values())
    source = team.alertmanager
    source.started = dict.fromkeys(titles, at)
    await source.posts([source.alert(one.title, "firing", severity=one.severity.value) for one in alerts])
    moments = {*foreseen, at + timedelta(seconds=20)}
    for moment in sorted(
        moments | {one + timedelta(seconds=5) for one in moments}
    ):  # a post in the chat takes a second
        team.time_passes(max(0.0, (moment - team.clock.now()).total_seconds()))
        await team.settled()
    assert _without_ages((sms.number, sms.text) for sms in team.gateway.sent) == _without_ages(
        chain.from_iterable(foreseen.values())
    )


def _without_ages(pages: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted((number, re.sub(r" \(.*?\)", "", text)) for number, text in pages)
