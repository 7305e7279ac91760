"""Names of the on-call file as recipients, and as who is paged."""

import httpx
import pytest

from tests.flows.conftest import StartTeam
from tests.support.alerting import AMA, KOFI
from tests.support.team import Team

FILE = f"""
[people.ama]
name = "Ama Mensah"
phone = "{AMA}"
telegram = 111111111

[people.kofi]
name = "Kofi Boateng"
phone = "{KOFI}"

[people.esi]
name = "Esi Addo"
telegram = 444444444

[groups.db-team]
people = ["ama", "kofi", "esi"]

[schedules.primary]
people = ["ama"]
shift = "1w"
start = 2026-01-01T09:00:00

[schedules.later]
people = ["ama"]
shift = "1w"
start = 2027-01-01T09:00:00

[policies.default]
steps = [{{ page = ["schedule:primary"], wait = "5m" }}]
fallback = ["person:ama"]
"""


@pytest.fixture
async def team(start_team: StartTeam) -> Team:
    team = await start_team(BRIDGE_API_TOKENS="ci=secret-of-ci")
    await team.on_call(FILE)
    return team


async def test_a_group_gets_a_text_and_who_has_no_phone_is_said(team: Team) -> None:
    await team.kofi.says("/sms @DB-team hello")
    await team.phone(AMA).gets("hello")
    await team.phone(KOFI).gets("hello")
    await team.kofi.chat.shows("2 recipients", "Left out, without a phone: Esi Addo", "accepted")


@pytest.mark.parametrize("name", ["@primary", "@oncall", "@ama"])
async def test_a_schedule_is_who_has_it_now(team: Team, name: str) -> None:
    await team.kofi.says(f"/sms {name}, 0241109433 hello")
    await team.phone(AMA).gets("hello")
    await team.kofi.chat.shows("1 recipient", "Named more than once, sent once", "accepted")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("@yaw, @ama hello", "“@yaw” is nobody in the on-call file."),
        ("@later hello", "“@later” has nobody with a phone just now"),
        ("@esi hello", "“@esi” has nobody with a phone just now"),
        ("@kofi @ama hello", "put a comma between recipients"),
    ],
)
async def test_a_name_that_gives_no_number_stops_the_whole_command(team: Team, typed: str, words: str) -> None:
    await team.kofi.says(f"/sms {typed}")
    await team.kofi.chat.shows("Nothing was sent.", words)
    assert await team.message_count() == 0


async def test_without_a_file_a_name_is_refused_as_before(start_team: StartTeam) -> None:
    team = await start_team()
    await team.kofi.says("/sms @ama hello")
    await team.kofi.chat.shows("“@ama” is a name, and there is no on-call file that says who that is.")


async def test_programs_may_use_names_and_a_repeat_has_the_first_answer(team: Team) -> None:
    url = f"http://127.0.0.1:{team.app.port}/v1/sms"
    headers = {"Authorization": "Bearer secret-of-ci", "Idempotency-Key": "one"}
    body = {"to": ["@db-team"], "text": "hello"}
    async with httpx.AsyncClient(headers=headers) as client:
        first = await client.post(url, json=body)
        assert (first.status_code, first.json()) == (202, {"id": 1, "recipients": 2, "left_out": ["Esi Addo"]})
        await team.phone(AMA).gets("hello")
        await team.phone(KOFI).gets("hello")
        await team.on_call("[people.yaw]\ntelegram = 5\n")
        assert (await client.post(url, json=body)).json() == first.json()
        refused = await client.post(url, json=body, headers={"Idempotency-Key": "two"})
        assert refused.status_code == 422
        assert "nobody in the on-call file" in refused.text
    await team.settled()
    assert await team.message_count() == 1


async def test_page_who_pages_them_first_and_then_by_the_policy_default(team: Team) -> None:
    await team.kofi.says("/page @kofi database is on fire")
    await team.phone(KOFI).gets("CRITICAL database is on fire (now) /ack P1")
    await team.kofi.chat.shows("A1 is open: @kofi is to be paged")
    await team.ama.chat.shows("A1", "Kofi Boateng: sent")
    await team.settled()
    await team.minutes_pass(6)
    await team.phone(AMA).gets("CRITICAL database is on fire (6 minutes ago) /ack P2")
    await team.kofi.says("/resolve A1")
    await team.kofi.chat.shows("A1 database is on fire: resolved")


async def test_page_who_takes_the_text_of_the_message_replied_to(team: Team) -> None:
    said = await team.efua.says("the database is on fire", to=team.ops)
    await team.kofi.says("/page @kofi", to=team.ops, reply_to=said)
    await team.phone(KOFI).gets("CRITICAL the database is on fire (now) /ack P1")
    await team.ops.shows("A1 is open: @kofi is to be paged")
    await team.ama.chat.shows("A1")


async def test_page_nobody_is_refused_with_the_names_that_there_are(team: Team) -> None:
    await team.kofi.says("/page @kofi @ama database is on fire")
    await team.kofi.chat.shows("/page takes one name.")
    await team.kofi.says("/page @yaw database is on fire")
    await team.kofi.chat.shows("❌ Nobody is @yaw", "@ama, @kofi, @esi, @db-team, @primary, @later")
    await team.kofi.says("/page @kofi")
    await team.kofi.chat.shows("What about? Write what is wrong, too: /page @kofi database is on fire")


async def test_a_number_that_was_rejected_is_told_of_where_people_look(team: Team) -> None:
    team.gateway.bad_numbers.add(KOFI)
    await team.kofi.says("/page @kofi database is on fire")
    await team.phone(AMA).gets("CRITICAL database is on fire (now) /ack P2")
    await team.kofi.chat.shows("A1 is open")
    await team.ama.chat.shows("A1", "❌ Kofi Boateng: not sent")
    await team.kofi.says("/ack A1")
    await team.kofi.chat.shows("A1 database is on fire: acknowledged")
    await team.kofi.says("/oncall")
    await team.kofi.chat.shows("⚠️ Kofi Boateng could not be reached: the gateway rejects their number.")
