"""What may be spent: limits, countries, rates."""

from tests.flows.asking_cards import KWAME, YAA, labels
from tests.flows.conftest import StartTeam, both_databases
from tests.support.team import Team

# limits


async def test_the_daily_limit_of_a_person_refuses_what_would_pass_it(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_DAILY_LIMIT=2)
    await team.kofi.says("/sms 0241109433, 0551234567 hi")
    for number in (KWAME, YAA):
        await team.phone(number).gets("hi")
    await team.kofi.chat.shows("✅")
    await team.kofi.says("/sms 0241109433 hi")
    await team.kofi.chat.shows("❌", "your daily limit", "2 of 2", "An admin can raise BRIDGE_DAILY_LIMIT.")
    await team.ama.says("/sms 0241109433 from another")
    await team.phone(KWAME).gets("from another")
    await team.ama.chat.shows("✅")
    await team.minutes_pass(24 * 60 + 1)
    await team.kofi.says("/sms 0241109433 next day")
    await team.phone(KWAME).gets("next day")
    await team.kofi.chat.shows("#3", "✅")


@both_databases
async def test_the_daily_limit_of_all_counts_everybody_but_not_what_was_cancelled(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_DAILY_LIMIT_ALL=1, BRIDGE_CONFIRM_ABOVE=0)
    await team.kofi.says("/sms 0241109433 hi")
    card = await team.kofi.chat.shows("Send it?")
    await team.ama.says("/sms 0241109433 hi")
    await team.ama.chat.shows("❌", "the whole team's daily limit")
    await team.kofi.presses("Cancel", card)
    await team.ama.says("/sms 0241109433 hi")
    await team.ama.chat.shows("#2", "Send it?")


async def test_numbers_of_other_countries_are_refused_before_any_call(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_ALLOWED_COUNTRIES="GH")
    await team.kofi.says("/sms 0241109433, +4915112345678 hi")
    await team.kofi.chat.shows(
        "❌ Nothing was sent.", "DE", "not allowed here (BRIDGE_ALLOWED_COUNTRIES). An admin can"
    )
    await team.settled()
    assert team.gateway.calls == []


async def test_a_premium_rate_number_is_refused_and_the_answer_says_who_can_lift_that(team: Team) -> None:
    await team.kofi.says("/sms 0241109433, +449012345678 hi")
    await team.kofi.chat.shows(
        "❌ Nothing was sent.", "a number of GB at a premium rate: refused", "An admin can put it"
    )
    await team.settled()
    assert team.gateway.calls == []


# a country that nobody has sent to

BERLIN = "+4915112345678"
LONDON = "+447820125799"


async def test_the_first_message_to_another_country_asks_and_the_next_ones_do_not(team: Team) -> None:
    await team.kofi.says("/sms 0241109433 hi")
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("#1", "✅")
    await team.kofi.says(f"/sms {BERLIN} hallo")
    card = await team.kofi.chat.shows("#2", "This is the first message to DE. Send it?", "after 15 minutes")
    assert labels(card) == ["Send now", "Cancel"]
    await team.settled()
    assert len(team.gateway.calls) == 1
    await team.kofi.presses("Send now", card)
    await team.phone(BERLIN).gets("hallo")
    await team.kofi.chat.shows("✅", at=card)
    await team.ama.says(f"/sms {BERLIN}, 0241109433 again")
    for number in (BERLIN, KWAME):
        await team.phone(number).gets("again")
    await team.ama.chat.shows("#3", "✅")


async def test_what_is_cancelled_or_not_confirmed_makes_no_country_known(team: Team) -> None:
    await team.kofi.says("/sms 0241109433 hi")
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("#1", "✅")
    await team.kofi.says(f"/sms {BERLIN} hallo")
    await team.kofi.presses("Cancel", await team.kofi.chat.shows("#2", "the first message to DE"))
    await team.kofi.says(f"/sms {BERLIN} hallo")
    card = await team.kofi.chat.shows("#3", "the first message to DE")
    await team.minutes_pass(16)
    await team.kofi.chat.shows("nobody confirmed", at=card)
    await team.kofi.says(f"/sms {BERLIN}, {LONDON} hallo")
    await team.kofi.chat.shows("#4", "the first message to DE, GB")


async def test_the_very_first_message_asks_too_unless_it_is_to_the_default_region(team: Team) -> None:
    await team.kofi.says(f"/sms {BERLIN} hallo")
    await team.kofi.chat.shows("#1", "the first message to DE")
    await team.kofi.says("/sms 0241109433 hi")
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("#2", "✅")


async def test_a_country_of_the_settings_does_not_ask(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_ALLOWED_COUNTRIES="GH,DE")
    await team.kofi.says(f"/sms 0241109433, {BERLIN} hi")
    for number in (KWAME, BERLIN):
        await team.phone(number).gets("hi")
    await team.kofi.chat.shows("✅")


async def test_a_number_of_the_on_call_file_does_not_ask_and_may_be_of_any_rate(team: Team) -> None:
    premium = "+449012345678"
    await team.on_call(f'[people.jo]\nphone = "{premium}"\n[people.max]\nphone = "{BERLIN}"\n')
    await team.kofi.says("/sms 0241109433 hi")
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("#1", "✅")
    await team.kofi.says("/sms @jo, @max hello")
    for number in (premium, BERLIN):
        await team.phone(number).gets("hello")
    await team.kofi.chat.shows("#2", "✅")
