"""What people decide about a message: confirm, cancel, send again, leave it; and how long they may."""

import asyncio
from datetime import timedelta

import pytest

from bridge.sandbox.msmpusher import Mode
from bridge.sandbox.telegram_state import Message
from tests.flows.asking_cards import KWAME, YAA, labels
from tests.flows.conftest import StartTeam, both_databases
from tests.support.team import Team

ENDED = "These buttons have had their time. See /status 1."
NOT_YOURS = "Only the person who sent this, and admins, may press here."


# what may have been sent


@both_databases
async def test_send_again_pressed_twice_sends_once(team: Team, unknown: Message) -> None:
    said = [await team.kofi.presses_data("again:1:1", unknown) for _ in range(2)]
    assert said == ["#1: sending again to 1 number", "Already sent again by Kofi Boateng. See /status 1."]
    await team.phone(KWAME).gets("hello")
    await team.ops.shows("✅", "attempt 2", at=unknown)


async def test_leave_it_takes_the_buttons_away_and_sends_nothing(team: Team, unknown: Message) -> None:
    assert await team.kofi.presses("Leave it", unknown) == "#1: left as it is"
    card = await team.ops.shows("❓", "left as it is by Kofi Boateng", at=unknown)
    assert card.buttons == ()
    for data in ("again:1:1", "leave:1:1"):
        said = await team.ama.presses_data(data, card)
        assert said == "Already left as it is by Kofi Boateng. See /status 1."


async def test_an_admin_may_press_anothers_buttons(team: Team, unknown: Message) -> None:
    await team.ama.presses("Send again", unknown)
    await team.phone(KWAME).gets("hello")
    await team.ops.shows("✅", "sent again by Ama Mensah", at=unknown)


async def test_another_user_may_not_press(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_TELEGRAM_USERS="222222222,333333333")
    team.gateway.next_modes.append(Mode.CLOSE_BEFORE_ANSWER)
    await team.kofi.says("/sms 0241109433 hello", to=team.ops)
    await team.phone(KWAME).gets("hello")
    card = await team.ops.shows("❓")
    for label in ("Send again", "Leave it"):
        assert await team.efua.presses(label, card) == NOT_YOURS
    await team.settled()
    assert labels(team.ops.posts[0]) == ["Send again", "Leave it"]


async def test_a_stranger_may_not_press(team: Team, unknown: Message) -> None:
    for label in ("Send again", "Leave it"):
        assert await team.efua.presses(label, unknown) == "You have no access to this bot."
        team.time_passes(61)  # a stranger is told once a minute
    await team.settled()
    assert labels(team.ops.posts[0]) == ["Send again", "Leave it"]


async def test_after_15_minutes_the_buttons_are_gone_and_an_old_press_sends_nothing(
    team: Team, unknown: Message
) -> None:
    await team.minutes_pass(16)
    card = await team.ops.shows("❓", "/resend 1 sends again what is unknown.", at=unknown)
    assert card.buttons == ()
    assert await team.kofi.presses_data("again:1:1", card) == ENDED
    await team.kofi.says("/resend 1", to=team.ops)
    await team.ops.shows("#1: sending again to 1 number")
    await team.phone(KWAME).gets("hello")
    await team.ops.shows("✅", at=unknown)


async def test_the_keyboard_of_an_earlier_turn_decides_nothing_new(team: Team, unknown: Message) -> None:
    team.gateway.next_modes.append(Mode.CLOSE_BEFORE_ANSWER)
    await team.kofi.presses("Send again", unknown)
    await team.phone(KWAME).gets("hello")
    card = await team.ops.shows("❓", "attempt 2", at=unknown)
    said = await team.ama.presses_data("again:1:1", card)
    assert said == "Already sent again by Kofi Boateng. See /status 1."
    await team.settled()
    assert len(team.gateway.sent) == 2
    await team.minutes_pass(16)
    newest = f"again:1:{1000 + 2}"  # one resend, two attempts: nobody decided on this one
    assert await team.ama.presses_data(newest, card) == ENDED


async def test_of_two_unknown_ones_sent_again_the_old_keyboard_does_not_send_a_third_time(
    start_team: StartTeam,
) -> None:
    team = await start_team(BRIDGE_MSMPUSHER_BATCH=2)
    team.gateway.next_modes.append(Mode.CLOSE_BEFORE_ANSWER)
    await team.kofi.says("/sms 0241109433, 0551234567 hello")
    card = await team.kofi.chat.shows(f"❓ {KWAME}", f"❓ {YAA}")
    old = card.buttons[0].callback_data
    team.gateway.number_modes = {YAA: Mode.CLOSE_BEFORE_ANSWER}
    await team.kofi.presses("Send again", card)
    await team.kofi.chat.shows(f"❓ {YAA}", at=card)
    for _ in range(2):
        for number in (KWAME, YAA):
            await team.phone(number).gets("hello")
    await team.settled()
    assert (await team.ama.presses_data(old, card)).startswith("Already sent again by Kofi Boateng")
    await team.settled()
    assert len(team.phone(YAA).texts) == 2


async def test_data_that_no_button_of_ours_holds_does_nothing(team: Team, unknown: Message) -> None:
    odd = [
        "",
        "again",
        "again:1",
        "again:1:",
        "again:x:1",
        "again:1:1:1",
        "boom:1:1",
        "again:99:0",
        "again:" + "9" * 58,
    ]
    for data in odd:
        said = await team.kofi.presses_data(data, unknown)
        assert said in ("This button does nothing any more.", NOT_YOURS, ENDED), data
    await team.settled()
    assert len(team.gateway.sent) == 1


async def test_a_press_on_a_card_that_was_deleted_still_counts(team: Team, unknown: Message) -> None:
    team.telegram.delete(unknown)
    assert await team.kofi.presses_data("again:1:1", unknown) == "#1: sending again to 1 number"
    await team.phone(KWAME).gets("hello")
    await team.ops.shows("✅", "attempt 2")


async def test_leave_it_on_a_card_that_asks_to_confirm_changes_nothing(asking: tuple[Team, Message]) -> None:
    team, card = asking
    assert await team.kofi.presses_data("leave:1:0", card) == "#1: no outcome is unknown."
    await team.settled()
    assert labels(team.ops.posts[0]) == ["Send now", "Cancel"]


# confirmations


async def test_cancel_takes_the_message_back(asking: tuple[Team, Message]) -> None:
    team, card = asking
    assert await team.kofi.presses("Cancel", card) == "#1: cancelled for 2 numbers"
    card = await team.ops.shows("🚫", "cancelled, not sent", "cancelled by Kofi Boateng", at=card)
    assert card.buttons == ()
    assert await team.ama.presses_data("go:1:0", card) == "Already cancelled by Kofi Boateng. See /status 1."
    assert team.gateway.calls == []


async def test_what_nobody_confirms_within_15_minutes_is_cancelled(asking: tuple[Team, Message]) -> None:
    team, card = asking
    await team.minutes_pass(16)
    card = await team.ops.shows("🚫", "nobody confirmed within 15 minutes", at=card)
    assert card.buttons == ()
    said = await team.kofi.presses_data("go:1:0", card)
    assert said == "Already cancelled: nobody confirmed within 15 minutes. See /status 1."
    assert team.gateway.calls == []


@both_databases
async def test_confirmed_twice_is_sent_once(asking: tuple[Team, Message]) -> None:
    team, card = asking
    said = [await team.ama.presses_data("go:1:0", card) for _ in range(2)]
    assert said == ["#1: sending", "Already confirmed by Ama Mensah. See /status 1."]
    for number in (KWAME, YAA):
        await team.phone(number).gets("hello")
    await team.ops.shows("✅", "confirmed by Ama Mensah", at=card)


async def test_a_stranger_confirms_nothing(asking: tuple[Team, Message]) -> None:
    team, card = asking
    assert await team.efua.presses("Send now", card) == "You have no access to this bot."
    await team.settled()
    assert team.gateway.calls == []


@pytest.mark.parametrize(("above", "asks"), [(2, False), (1, True), (0, True)])
async def test_it_asks_above_the_number_of_sms_in_the_settings_and_not_at_it(
    start_team: StartTeam, above: int, asks: bool
) -> None:
    team = await start_team(BRIDGE_CONFIRM_ABOVE=above)
    await team.kofi.says("/sms 0241109433 " + "x" * 161)
    if asks:
        await team.kofi.chat.shows("This costs 2 SMS. Send it?")
    else:
        await team.phone(KWAME).gets("x" * 161)
        await team.kofi.chat.shows("✅")


async def test_a_stale_command_asks_first(team: Team) -> None:
    await team.kofi.says("/sms 0241109433 hello", at=team.clock.now() - timedelta(minutes=10))
    card = await team.kofi.chat.shows("This command is 10 minutes old", "Send it now?")
    await team.settled()
    assert team.gateway.calls == []
    await team.kofi.presses("Send now", card)
    await team.phone(KWAME).gets("hello")
    await team.kofi.chat.shows("✅", at=card)


async def test_a_command_of_four_minutes_ago_is_sent(team: Team) -> None:
    await team.kofi.says("/sms 0241109433 hello", at=team.clock.now() - timedelta(minutes=4))
    await team.phone(KWAME).gets("hello")
    await team.kofi.chat.shows("✅")


async def test_a_number_that_is_possible_but_not_valid_asks_first(team: Team) -> None:
    await team.kofi.says("/sms +447700900000 hello")
    card = await team.kofi.chat.shows("Possible, but in no list of valid numbers", "held")
    await team.settled()
    assert team.gateway.calls == []
    await team.kofi.presses("Send now", card)
    await team.phone("+447700900000").gets("hello")
    await team.kofi.chat.shows("✅", at=card)


# typed decisions


async def test_resend_takes_failed_and_rejected_but_not_what_was_accepted(team: Team) -> None:
    team.gateway.number_modes = {KWAME: Mode.NO_BALANCE, YAA: Mode.BAD_NUMBER}
    await team.kofi.says("/sms 0241109433, 0551234567, 0201234567 hi")
    await team.phone("+233201234567").gets("hi")
    card = await team.kofi.chat.shows(f"❌ {KWAME}", f"❌ {YAA}", "✅ +233201234567")
    await team.ama.chat.shows("⚠️")
    team.gateway.number_modes = {}
    await team.kofi.says("/resend #1")
    await team.kofi.chat.shows("#1: sending again to 2 numbers")
    await team.phone(KWAME).gets("hi")
    await team.phone(YAA).gets("hi")
    await team.kofi.chat.shows(f"✅ {KWAME}", f"✅ {YAA}", at=card)
    await team.ama.chat.shows("✅ Gateway msmpusher works again")
    await team.kofi.says("/resend 1")
    await team.kofi.chat.shows("❌ #1: no outcome is unknown, failed or rejected, so nothing is sent again.")


async def test_a_stale_resend_sends_nothing(team: Team) -> None:
    team.gateway.mode = Mode.BAD_NUMBER
    await team.kofi.says("/sms 0241109433 hi")
    await team.kofi.chat.shows("❌")
    await team.kofi.says("/resend 1", at=team.clock.now() - timedelta(minutes=10))
    await team.kofi.chat.shows("❌ This command is 10 minutes old: bridge was away. Write it again")
    await team.settled()
    assert len(team.gateway.calls) == 1


async def test_cancel_of_what_was_accepted_takes_nothing_back(team: Team) -> None:
    await team.kofi.says("/sms 0241109433 hi")
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("✅")
    await team.kofi.says("/cancel 1")
    await team.kofi.chat.shows("❌ #1: nothing is queued or held any more")


class Held:
    """Calls from now on wait for `answer`, as with a gateway that takes its time."""

    def __init__(self, team: Team) -> None:
        self.answer = asyncio.Event()
        self.reached = asyncio.Event()
        team.gateway.on_request = self._hold

    async def _hold(self, call: object) -> None:
        self.reached.set()
        await self.answer.wait()


async def test_while_the_only_call_is_under_way_cancel_says_so_and_works_once_it_has_failed(team: Team) -> None:
    team.gateway.mode = Mode.BUSY_SECONDS
    team.gateway.knobs.retry_after_s = 30
    await team.kofi.says("/sms 0241109433 hi")
    card = await team.kofi.chat.shows("queued: again at")
    gateway = Held(team)
    team.time_passes(40)
    await gateway.reached.wait()
    await team.kofi.says("/cancel 1")
    await team.kofi.chat.shows(
        "❌ #1: nothing was taken back. The SMS to 1 number is with the gateway at this moment.",
        "If that fails and it is queued again, /cancel 1 takes it back then.",
    )
    gateway.answer.set()
    await team.kofi.chat.shows("queued: again at", "2 attempts so far", at=card)
    await team.kofi.says("/cancel 1")
    await team.kofi.chat.shows("#1: cancelled for 1 number", without=["with the gateway"])
    await team.kofi.chat.shows("🚫", "after 2 attempts", at=card)


async def test_cancel_takes_back_what_is_queued_and_names_what_it_cannot(team: Team) -> None:
    team.gateway.mode = Mode.BUSY_SECONDS
    team.gateway.knobs.retry_after_s = 30
    await team.kofi.says("/sms 0241109433 hi")
    await team.kofi.chat.shows("queued: again at")
    gateway = Held(team)
    many = ", ".join(f"+23324000{index:04d}" for index in range(6))
    await team.kofi.says(f"/sms {many} hi")
    card = await team.kofi.chat.shows("#2", "🕒 +233240000005 queued")
    await gateway.reached.wait()
    await team.until(lambda: len(team.gateway.calls) == 1 + 4)  # as many as there are slots
    await team.kofi.says("/cancel 2")
    await team.kofi.chat.shows("#2: cancelled for 2 numbers. The SMS to 4 numbers is with the gateway at this moment.")
    team.gateway.mode = Mode.BAD_NUMBER
    gateway.answer.set()
    await team.kofi.chat.shows("❌ +233240000000", "🚫 +233240000005 cancelled, not sent", at=card)


async def test_messages_of_others_can_be_neither_seen_nor_decided(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_TELEGRAM_USERS="222222222,333333333", BRIDGE_CONFIRM_ABOVE=0)
    await team.kofi.says("/sms 0241109433 hi")
    card = await team.kofi.chat.shows("Send it?")
    for command in ("/status 1", "/resend 1", "/cancel 1", "/status 99"):
        asked = await team.efua.says(command)
        await team.efua.chat.shows("❌ There is no message #", to=asked)
    await team.efua.says("/history")
    await team.efua.chat.shows("There are no messages yet.")
    await team.ama.says("/history")
    await team.ama.chat.shows("#1", "🕒1", "Kofi Boateng", "hi")
    await team.ama.says("/cancel 1")
    await team.ama.chat.shows("#1: cancelled for 1 number")
    await team.kofi.chat.shows("cancelled by Ama Mensah", at=card)


async def test_a_command_without_a_number_asks_for_one(team: Team) -> None:
    for command in ("/status", "/status x", "/resend", "/cancel 1 2", "/cancel -1", "/status ١x"):
        said = await team.kofi.says(command)
        await team.kofi.chat.shows("Which one? Write /", "such as", to=said)


async def test_status_shows_a_card_that_is_kept_in_step(team: Team) -> None:
    team.gateway.mode = Mode.BUSY_SECONDS
    team.gateway.knobs.retry_after_s = 60
    await team.kofi.says("/sms 0241109433 hi")
    first = await team.kofi.chat.shows("queued: again")
    asked = await team.kofi.says("/status 1")
    second = await team.kofi.chat.shows("queued: again", to=asked)
    team.gateway.mode = Mode.OK
    team.time_passes(70)
    await team.phone(KWAME).gets("hi")
    await team.kofi.chat.shows("✅", at=first)
    await team.kofi.chat.shows("✅", at=second)


async def test_history_is_own_newest_first_and_as_long_as_asked(team: Team) -> None:
    for text in ("one", "two", "three <b>"):
        await team.kofi.says(f"/sms 0241109433 {text}")
        await team.phone(KWAME).gets(text)
        await team.kofi.chat.shows("✅")
        await team.settled()
    for card in team.kofi.chat.posts:
        team.see_post(card)
    await team.kofi.says("/history 2")
    answer = await team.kofi.chat.shows("#3", "#2", "three <b>")
    assert answer.text.index("#3") < answer.text.index("#2")
    assert "#1" not in answer.text
    for odd in ("/history 0", "/history many", "/history 31", "/history 99999999999999"):
        asked = await team.kofi.says(odd)
        await team.kofi.chat.shows("from 1 to 30, such as /history 10.", without=["#3"], to=asked)


async def test_in_a_group_history_shows_no_text_that_was_written_elsewhere(team: Team) -> None:
    for number, chat, text in ((1, None, "the secret"), (2, team.ops, "for all")):
        await team.kofi.says(f"/sms 0241109433 {text}", to=chat)
        await team.phone(KWAME).gets(text)
        await (chat or team.kofi.chat).shows(f"#{number}", "✅")
    for person in (team.kofi, team.ama):
        asked = await person.says("/history", to=team.ops)
        await team.ops.shows("#1", "(not from this chat)", "#2", "for all", without=["secret"], to=asked)
        asked = await person.says("/history")
        await person.chat.shows("the secret", "for all", to=asked)


async def test_history_marks_what_an_earlier_attempt_may_have_sent(team: Team, unknown: Message) -> None:
    await team.kofi.presses("Send again", unknown)
    await team.phone(KWAME).gets("hello")
    await team.ops.shows("✅", "an earlier attempt may have been sent", at=unknown)
    await team.kofi.says("/history")
    await team.kofi.chat.shows("#1", "✅1 (❓1 may have been sent before)")
