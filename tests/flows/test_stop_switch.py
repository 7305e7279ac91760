"""What stands still: by /pause until /resume, and after an absence until a person says so."""

import pytest

from bridge.sandbox.msmpusher import Mode
from bridge.sandbox.telegram_state import Message
from tests.flows.asking_cards import KWAME, labels
from tests.flows.conftest import StartTeam, both_databases
from tests.support.team import Team

# the stop switch


async def test_pause_refuses_new_messages_and_holds_queued_ones_until_resume(team: Team) -> None:
    team.gateway.mode = Mode.BUSY_SECONDS
    team.gateway.knobs.retry_after_s = 30
    await team.kofi.says("/sms 0241109433 hi")
    card = await team.kofi.chat.shows("queued: again")
    team.gateway.mode = Mode.OK
    await team.ama.says("/pause")
    await team.ama.chat.shows("Paused", "What is queued for 1 number is held.")
    await team.kofi.chat.shows("⏸ Sending is paused", at=card)
    await team.kofi.says("/sms 0551234567 hi")
    await team.kofi.chat.shows("❌ Sending is paused by Ama Mensah")
    team.time_passes(60)
    await team.settled()
    assert team.gateway.sent == []
    await team.ama.says("/pause")
    await team.ama.chat.shows("Sending is paused already.")
    await team.ama.says("/resume")
    await team.ama.chat.shows("Resumed. Sending goes on for 1 number.")
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("✅", "resumed by Ama Mensah", at=card)
    await team.ama.says("/resume")
    await team.ama.chat.shows("Sending is not paused.")


async def test_while_paused_no_button_and_no_resend_sends(team: Team, unknown: Message) -> None:
    await team.ama.says("/pause")
    await team.ama.chat.shows("Paused")
    assert "Sending is paused" in await team.kofi.presses("Send again", unknown)
    await team.kofi.says("/resend 1")
    await team.kofi.chat.shows("❌ Sending is paused")
    await team.settled()
    assert len(team.gateway.sent) == 1


@pytest.mark.parametrize("command", ["/pause", "/resume"])
async def test_only_admins_turn_the_stop_switch(team: Team, command: str) -> None:
    await team.kofi.says(command)
    await team.kofi.chat.shows("❌ Only an admin can do that.")
    await team.kofi.says("/sms 0241109433 hi")
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("✅")


async def test_while_paused_nothing_is_confirmed_and_the_message_stays_held(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_CONFIRM_ABOVE=0)
    await team.kofi.says("/sms 0241109433 hi")
    card = await team.kofi.chat.shows("Send it?")
    await team.ama.says("/pause")
    await team.ama.chat.shows("Paused")
    assert (await team.kofi.presses("Send now", card)).startswith("Sending is paused by Ama Mensah")
    await team.settled()
    assert team.gateway.calls == []
    await team.kofi.chat.shows("Send it?", f"🕒 {KWAME} held", at=card)


async def test_a_message_that_asked_before_a_pause_still_asks_after_it(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_CONFIRM_ABOVE=0)
    await team.kofi.says("/sms 0241109433 hi")
    card = await team.kofi.chat.shows("Send it?")
    await team.ama.says("/pause")
    await team.ama.chat.shows("Paused")
    await team.ama.says("/resume")
    await team.ama.chat.shows("Resumed.")
    await team.settled()
    assert team.gateway.calls == []
    await team.kofi.presses("Send now", card)
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("✅", at=card)


# an absence


@both_databases
async def test_after_an_absence_what_was_queued_asks_first(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_RETRY_FOR_S=86400)
    team.gateway.mode = Mode.BUSY_SECONDS
    team.gateway.knobs.retry_after_s = 60
    await team.kofi.says("/sms 0241109433 hi")
    card = await team.kofi.chat.shows("queued: again")
    team.gateway.mode = Mode.OK
    await team.restart(after_s=1200)
    card = await team.kofi.chat.shows("This waited 20 minutes: bridge was away. Send it now?", at=card)
    assert labels(card) == ["Send now", "Cancel"]
    await team.settled()
    assert team.gateway.sent == []
    await team.kofi.presses("Send now", card)
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("✅", at=card)


async def test_after_a_short_stop_what_was_queued_goes_on(team: Team) -> None:
    team.gateway.mode = Mode.BUSY_SECONDS
    team.gateway.knobs.retry_after_s = 60
    await team.kofi.says("/sms 0241109433 hi")
    card = await team.kofi.chat.shows("queued: again")
    team.gateway.mode = Mode.OK
    await team.restart(after_s=90)
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("✅", at=card)


async def test_commands_and_presses_of_an_absence_are_seen_to_afterwards(team: Team, unknown: Message) -> None:
    await team.stop()
    asked = await team.kofi.says("/status 1")
    again = team.telegram.press_data(team.kofi.user, unknown, "again:1:1")
    await team.restart(after_s=60)
    assert (await again.answer()).text == "#1: sending again to 1 number"
    await team.phone(KWAME).gets("hello")
    await team.kofi.chat.shows("✅", to=asked)
    await team.ops.shows("✅", at=unknown)
