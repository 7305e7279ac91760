"""What the answer of an `/sms` says about every number, and what follows from it."""

import pytest

from bridge.sandbox.gateway_http import Answer
from bridge.sandbox.msmpusher import Mode
from tests.flows.conftest import StartTeam
from tests.support.team import Team

KWAME = "+233241109433"
YAA = "+233551234567"


def numbers(count: int) -> list[str]:
    return [f"+23324000{index:04d}" for index in range(1, count + 1)]


def listed(many: list[str]) -> str:
    return ",".join(many)


# what the card says


async def test_the_card_names_what_forces_unicode_and_what_that_costs(team: Team) -> None:
    text = "Wɔhyɛ bɔ " + "x" * 130
    await team.kofi.says(f"/sms 0241109433, 0551234567 {text}")
    for number in (KWAME, YAA):
        await team.phone(number).gets(text)
    await team.kofi.chat.shows("2 recipients · 3 segments = 6 SMS", "Unicode because of “ɔɛ”", "✅")


async def test_look_alikes_are_replaced_and_that_is_said(team: Team) -> None:
    await team.kofi.says("/sms 0241109433 “Disk” – full…")
    await team.phone(KWAME).gets('"Disk" - full...')
    await team.kofi.chat.shows("Replaced, so that no Unicode is needed", "1 segment", "✅", without=["because of"])


async def test_a_number_named_twice_is_sent_once_and_that_is_said(team: Team) -> None:
    await team.kofi.says("/sms 0241109433, +233241109433 hi")
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("1 recipient", f"Named more than once, sent once: {KWAME}", "✅")


async def test_the_gateways_own_words_are_shown_escaped_and_cut(team: Team) -> None:
    body = f'{{"type": "<b>odd", "code": 1009, "error": "a & b", "detail": "{"ä" * 500}"}}'
    team.gateway.knobs.custom = Answer(body=body.encode())
    team.gateway.mode = Mode.CUSTOM
    await team.kofi.says("/sms 0241109433 hi")
    card = await team.kofi.chat.shows("🕒", "1009", "<b>odd", "a & b", "ä" * 190)
    assert "ä" * 201 not in card.text
    team.gateway.mode = Mode.OK
    team.time_passes(2)
    await team.kofi.chat.shows("✅", at=card)
    for _ in team.unseen_sms():
        await team.phone(KWAME).gets("hi")


@pytest.mark.parametrize(
    ("mode", "icon", "words"),
    [
        (Mode.SCHEDULED, "✅", "accepted: the gateway sends it later"),
        (Mode.MISSING, "❌", "not sent: the gateway misses a parameter"),
        (Mode.BAD_NUMBER, "❌", "not sent: the gateway says that this is no valid phone number"),
        (Mode.EMPTY, "❌", "not sent: the gateway says that the text is empty"),
        (Mode.NO_MESSAGES, "❓", "may have been sent: check the phone; the gateway's answer makes no sense"),
        (Mode.NEW_STATUS, "❓", "may have been sent"),
    ],
)
async def test_each_answer_of_the_gateway_has_its_words(team: Team, mode: Mode, icon: str, words: str) -> None:
    team.gateway.mode = mode
    await team.kofi.says("/sms 0241109433 hi")
    await team.kofi.chat.shows(icon, words)
    if mode is Mode.MISSING:
        await team.ama.chat.shows("⚠️", "1002")
    await team.settled()
    assert len(team.gateway.calls) == 1


@pytest.mark.parametrize(
    ("mode", "code"), [(Mode.NO_BALANCE, "1003"), (Mode.BAD_KEY, "1004"), (Mode.BAD_SENDER, "1006")]
)
async def test_a_gateway_that_an_admin_must_mend_fails_at_once_and_alarms_once(
    team: Team, mode: Mode, code: str
) -> None:
    team.gateway.mode = mode
    for number in (KWAME, YAA):
        await team.kofi.says(f"/sms {number} hi")
        await team.kofi.chat.shows(f"❌ {number}", "not sent", code)
    await team.ama.chat.shows("⚠️ Gateway msmpusher", code)
    await team.settled()
    assert len(team.ama.chat.posts) == 1
    assert len(team.gateway.calls) == 2


async def test_an_alarm_goes_to_the_chat_of_the_settings(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_TELEGRAM_CHAT="-1000005000001")
    team.gateway.mode = Mode.BAD_KEY
    await team.kofi.says("/sms 0241109433 hi")
    await team.kofi.chat.shows("❌", "1004")
    await team.ops.shows("⚠️ Gateway msmpusher", "1004")
    await team.ama.chat.shows("⚠️ Gateway msmpusher", "1004")  # it is the only one: nothing can be sent
    team.gateway.mode = Mode.OK
    await team.kofi.says("/resend 1")
    await team.kofi.chat.shows("#1: sending again to 1 number")
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("✅", "1000")
    await team.ops.shows("✅ Gateway msmpusher works again", "/resend")
    await team.ama.chat.shows("✅ Gateway msmpusher works again", "/resend")


async def test_after_a_cancel_of_many_the_card_counts_them(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_CONFIRM_ABOVE=1)
    many = numbers(25)
    await team.kofi.says(f"/sms {listed(many)} hi")
    card = await team.kofi.chat.shows("Send it?", "🕒 25 held")
    await team.kofi.presses("Cancel", card)
    await team.kofi.chat.shows("🚫 25 cancelled", without=["+23324"], at=card)


async def test_of_many_those_that_ended_badly_are_named_though_many_others_were_taken_back(
    start_team: StartTeam,
) -> None:
    team = await start_team(BRIDGE_CONFIRM_ABOVE=100)
    team.gateway.mode = Mode.BUSY_SECONDS
    team.gateway.knobs.retry_after_s = 60
    many = numbers(25)
    team.gateway.number_modes = {many[24]: Mode.EMPTY}
    await team.kofi.says(f"/sms {listed(many)} hi")
    card = await team.kofi.chat.shows("🕒 24 queued", f"❌ {many[24]}")
    await team.ama.chat.shows("⚠️ Gateway msmpusher", "calls in a row failed: the gateway is busy")
    await team.kofi.says("/cancel 1")
    await team.kofi.chat.shows("#1: cancelled for 24 numbers")
    await team.kofi.chat.shows("❌ 1 rejected · 🚫 24 cancelled", f"❌ {many[24]}", without=[many[0]], at=card)


# retries


async def test_what_was_certainly_not_sent_is_tried_again_until_it_gets_through(team: Team) -> None:
    team.gateway.mode = Mode.BUSY_SECONDS
    team.gateway.knobs.retry_after_s = 40
    await team.kofi.says("/sms 0241109433 hi")
    card = await team.kofi.chat.shows("🕒", "queued: again at 09:00:4", "the gateway is busy")
    team.gateway.mode = Mode.OK
    team.time_passes(20)
    await team.settled()
    assert team.gateway.sent == []
    team.time_passes(22)
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("✅", "attempt 2", at=card)


async def test_retries_end_with_the_time_that_the_settings_give(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_RETRY_FOR_S=20)
    team.gateway.mode = Mode.FAILS
    await team.kofi.says("/sms 0241109433 hi")
    card = await team.kofi.chat.shows("🕒", "again at")
    for _ in range(20):
        team.time_passes(2)
        await team.settled()
    await team.kofi.chat.shows("❌", "not sent: the gateway could not send it", "1009", at=card)
    await team.ama.chat.shows("⚠️ Gateway msmpusher", "calls in a row failed: the gateway could not send it")
    assert 3 <= len(team.gateway.calls) <= 7
    team.gateway.mode = Mode.OK
    await team.kofi.says("/resend 1")
    await team.kofi.chat.shows("#1: sending again to 1 number")
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("✅", at=card)
    await team.ama.chat.shows("✅ Gateway msmpusher works again: it accepted a message.")


async def test_a_gateway_that_is_down_is_asked_again(team: Team) -> None:
    team.gateway.mode = Mode.DOWN
    await team.kofi.says("/sms 0241109433 hi")
    card = await team.kofi.chat.shows("🕒", "the gateway cannot be reached")
    team.gateway.mode = Mode.OK
    team.time_passes(5)
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("✅", at=card)


# many recipients


async def test_beyond_twenty_recipients_the_card_counts_and_names_those_not_accepted(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_CONFIRM_ABOVE=100)
    many = numbers(25)
    team.gateway.bad_numbers = {many[3], many[24]}
    await team.kofi.says(f"/sms {listed(many)} hi", to=team.ops)
    card = await team.ops.shows("25 recipients", "✅ 23 accepted", "❌ 2 rejected")
    assert card.text.count("not sent: the gateway says that this is no valid phone number") == 2
    assert "❌ +2332…004" in card.text
    assert "❌ +2332…025" in card.text
    assert "+2332…001" not in card.text
    for number in set(many) - team.gateway.bad_numbers:
        await team.phone(number).gets("hi")


async def test_long_words_of_the_gateway_for_many_numbers_still_fit_into_one_message(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_CONFIRM_ABOVE=100)
    words = "<&>" * 60
    body = f'{{"type": "{words}", "code": 1008, "error": "{words}x", "detail": "{words}y"}}'
    team.gateway.knobs.custom = Answer(body=body.encode())
    team.gateway.mode = Mode.CUSTOM
    many = numbers(25)
    await team.kofi.says(f"/sms {listed(many)} hi")
    card = await team.kofi.chat.shows("❌ 25", "and 5 more")
    assert len(card.text) <= 4096
    assert card.text.count("not sent: the gateway says that the text is empty") == 20
    for _ in team.unseen_sms():
        await team.phone(team.unseen_sms()[0].number).gets("hi")


# batches


async def test_a_list_with_bad_numbers_is_halved_until_they_stand_alone(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_MSMPUSHER_BATCH=8, BRIDGE_CONFIRM_ABOVE=100)
    many = numbers(11)
    team.gateway.bad_numbers = {many[2], many[9]}
    await team.kofi.says(f"/sms {listed(many)} hi")
    good = [number for number in many if number not in team.gateway.bad_numbers]
    for number in good:
        await team.phone(number).gets("hi")
    await team.kofi.chat.shows(*(f"✅ {n}" for n in good), f"❌ {many[2]} not sent", f"❌ {many[9]} not sent")
    assert sorted(sms.number for sms in team.gateway.sent) == sorted(good)


async def test_those_that_a_refused_list_shows_as_sent_are_not_sent_again(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_MSMPUSHER_BATCH=8)
    many = numbers(6)
    team.gateway.bad_numbers = {many[5]}
    team.gateway.sends_the_good_ones = True
    await team.kofi.says(f"/sms {listed(many)} hi")
    for number in many[:5]:
        await team.phone(number).gets("hi")
    await team.kofi.chat.shows(*(f"✅ {n}" for n in many[:5]), f"❌ {many[5]} not sent")
    assert len(team.gateway.sent) == 5


async def test_of_a_list_that_the_balance_did_not_cover_the_named_ones_are_accepted(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_MSMPUSHER_BATCH=4)
    team.gateway.mode = Mode.PARTIAL_BALANCE
    many = numbers(4)
    await team.kofi.says(f"/sms {listed(many)} hi")
    for number in many[:2]:
        await team.phone(number).gets("hi")
    await team.kofi.chat.shows(
        *(f"✅ {n}" for n in many[:2]), *(f"❌ {n} not sent: the gateway's balance is used up" for n in many[2:])
    )
    await team.ama.chat.shows("⚠️ Gateway msmpusher", "balance")
    assert len(team.gateway.calls) == 1


async def test_of_a_list_that_the_balance_did_not_cover_and_nobody_is_named_each_is_unknown(
    start_team: StartTeam,
) -> None:
    team = await start_team(BRIDGE_MSMPUSHER_BATCH=4)
    team.gateway.mode = Mode.PARTIAL_BALANCE_UNLISTED
    many = numbers(4)
    await team.kofi.says(f"/sms {listed(many)} hi")
    for number in many[:2]:
        await team.phone(number).gets("hi")
    card = await team.kofi.chat.shows(*(f"❓ {n} may have been sent" for n in many))
    assert [button.text for button in card.buttons] == ["Send again", "Leave it"]
    await team.settled()
    assert len(team.gateway.calls) == 1


async def test_a_list_without_an_answer_is_unknown_for_each_and_nothing_is_repeated(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_MSMPUSHER_BATCH=3)
    team.gateway.next_modes.append(Mode.CLOSE_BEFORE_ANSWER)
    many = numbers(3)
    await team.kofi.says(f"/sms {listed(many)} hi")
    for number in many:
        await team.phone(number).gets("hi")
    await team.kofi.chat.shows(*(f"❓ {n}" for n in many), "the connection broke after the gateway got it")
    await team.minutes_pass(30)
    assert len(team.gateway.calls) == 1


async def test_an_sms_id_that_was_given_before_makes_the_outcome_unknown(team: Team) -> None:
    await team.kofi.says("/sms 0241109433 one")
    await team.phone(KWAME).gets("one")
    await team.kofi.chat.shows("#1", "✅")
    team.gateway.mode = Mode.SAME_ID
    await team.kofi.says("/sms 0551234567 two")
    await team.phone(YAA).gets("two")
    await team.kofi.chat.shows("#2", "❓", "the gateway answered with the id of another message")
