"""The flows that everybody uses, against our sandbox and against somebody else's Bot API server."""

from bridge.sandbox.msmpusher import Mode
from tests.flows.conftest import StartTeam, both_databases, both_telegrams, both_ways

pytestmark = both_telegrams

KWAME = "+233241109433"
YAA = "+233551234567"


@both_ways
@both_databases
async def test_an_sms_reaches_the_phone_and_the_chat_says_so(start_team: StartTeam) -> None:
    team = await start_team()
    await team.kofi.says("/sms 0241109433 Disk full on db1")
    await team.phone(KWAME).gets("Disk full on db1")
    card = await team.kofi.chat.shows("#1", "1 recipient · 1 segment", f"✅ {KWAME} accepted · 1000", "MSG_TRANS_")
    assert card.buttons == ()
    assert len(team.kofi.chat.posts) == 1


async def test_an_unknown_outcome_is_sent_again_only_when_somebody_presses(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_GATEWAY_TIMEOUT_S=0.5)
    team.gateway.next_modes.append(Mode.TIMEOUT_AFTER_ACCEPT)
    await team.kofi.says("/sms 0241109433 hello")
    await team.phone(KWAME).gets("hello")
    card = await team.kofi.chat.shows("❓", "may have been sent", "check the phone")
    assert [button.text for button in card.buttons] == ["Send again", "Leave it"]
    assert await team.kofi.presses("Send again", card) == "#1: sending again to 1 number"
    await team.phone(KWAME).gets("hello")
    card = await team.kofi.chat.shows("✅", "attempt 2", "sent again by Kofi Boateng", at=card)
    assert card.buttons == ()


@both_ways
async def test_a_costly_sms_goes_out_after_its_confirmation(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_CONFIRM_ABOVE=1)
    await team.kofi.says("/sms 0241109433, 0551234567 hello")
    card = await team.kofi.chat.shows("This costs 2 SMS. Send it?", "held")
    assert [button.text for button in card.buttons] == ["Send now", "Cancel"]
    await team.settled()
    assert team.gateway.calls == []
    assert await team.kofi.presses("Send now", card) == "#1: sending"
    await team.phone(KWAME).gets("hello")
    await team.phone(YAA).gets("hello")
    await team.kofi.chat.shows(f"✅ {KWAME}", f"✅ {YAA}", "confirmed by Kofi Boateng", without=["Send it?"], at=card)


async def test_in_a_group_numbers_are_masked(start_team: StartTeam) -> None:
    team = await start_team()
    await team.kofi.says("/sms 0241109433, 0241109433 hello", to=team.ops)
    await team.phone(KWAME).gets("hello")
    card = await team.ops.shows("✅ +2332…433 accepted", "Named more than once, sent once: +2332…433")
    assert "1109" not in card.text


async def test_the_card_is_edited_until_every_number_has_its_outcome(start_team: StartTeam) -> None:
    team = await start_team()
    team.gateway.number_modes[YAA] = Mode.FAILS
    team.time_flies = False
    await team.kofi.says("/sms 0241109433, 0551234567 hello")
    await team.phone(KWAME).gets("hello")
    card = await team.kofi.chat.shows(f"✅ {KWAME}", f"🕒 {YAA} queued: again at 09:00:0", "could not send it", "1009")
    team.gateway.number_modes.clear()
    team.time_passes(2)
    await team.phone(YAA).gets("hello")
    await team.kofi.chat.shows(f"✅ {KWAME}", f"✅ {YAA}", at=card)
    assert len(team.kofi.chat.posts) == 1


@both_databases
async def test_what_waits_can_be_cancelled(start_team: StartTeam) -> None:
    team = await start_team()
    team.gateway.mode = Mode.BUSY_SECONDS
    team.gateway.knobs.retry_after_s = 90
    await team.kofi.says("/sms 0241109433 hello")
    card = await team.kofi.chat.shows("queued: again at 09:01:3", "the gateway is busy")
    await team.kofi.says("/cancel 1")
    await team.kofi.chat.shows("#1: cancelled for 1 number")
    await team.kofi.chat.shows("🚫", "cancelled by Kofi Boateng", at=card)
    team.time_passes(600)
    await team.settled()
    assert len(team.gateway.calls) == 1


async def test_help_whoami_history_and_status_are_answered(start_team: StartTeam) -> None:
    team = await start_team()
    for command in ("/start", "/help"):
        asked = await team.kofi.says(command)
        await team.kofi.chat.shows("I send SMS", "/sms", "/history", without=["/pause"], to=asked)
    await team.kofi.says("/whoami")
    await team.kofi.chat.shows("Your id is 222222222, your role: user.")
    await team.kofi.says("/history")
    await team.kofi.chat.shows("There are no messages yet.")
    await team.kofi.says("/status 7")
    await team.kofi.chat.shows("There is no message #7 of yours.")
    await team.ama.says("/status 7")
    await team.ama.chat.shows("There is no message #7.")


@both_ways
async def test_a_stranger_gets_nothing_but_their_id(start_team: StartTeam) -> None:
    team = await start_team()
    await team.efua.says("/sms 0241109433 hello")
    await team.efua.chat.shows("You have no access. Your id is 333333333")
    await team.efua.says("/sms 0241109433 hello", to=team.ops)
    await team.settled()
    assert team.ops.posts == []
    assert team.gateway.calls == []
    assert await team.message_count() == 0


async def test_an_unknown_outcome_is_sent_again_when_somebody_types_it(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_GATEWAY_TIMEOUT_S=0.5)
    team.gateway.next_modes.append(Mode.TIMEOUT_AFTER_ACCEPT)
    await team.kofi.says("/sms 0241109433 hello")
    await team.phone(KWAME).gets("hello")
    card = await team.kofi.chat.shows("❓", "may have been sent")
    await team.kofi.says("/resend 1")
    await team.kofi.chat.shows("#1: sending again to 1 number")
    await team.phone(KWAME).gets("hello")
    await team.kofi.chat.shows("✅", "attempt 2", "sent again by Kofi Boateng", at=card)


async def test_a_pause_holds_what_waits_until_resume(start_team: StartTeam) -> None:
    team = await start_team()
    team.gateway.next_modes.append(Mode.BUSY_SECONDS)
    team.gateway.knobs.retry_after_s = 30
    await team.kofi.says("/sms 0241109433 hello")
    card = await team.kofi.chat.shows("queued: again at")
    await team.ama.says("/pause")
    await team.ama.chat.shows("Paused", "What is queued for 1 number is held.")
    await team.kofi.chat.shows("⏸ Sending is paused", "held", at=card)
    team.time_passes(60)
    await team.settled()
    assert team.gateway.sent == []
    await team.ama.says("/resume")
    await team.ama.chat.shows("Resumed. Sending goes on for 1 number.")
    await team.phone(KWAME).gets("hello")
    await team.kofi.chat.shows("✅", "resumed by Ama Mensah", at=card)
