"""Groups, topics, and a Telegram that refuses, moves and breaks."""

import io
import logging
from collections.abc import Iterator

import pytest

from bridge import logs
from bridge.sandbox import telegram_errors as errors
from bridge.sandbox.msmpusher import Mode
from bridge.sandbox.telegram_faults import BAD_GATEWAY, CLOSE, CUT_JSON, SERVER_ERROR, Break, Fault, flood, refused
from bridge.sandbox.telegram_state import Kind
from tests.flows.conftest import StartTeam
from tests.support.team import Team, commands_shown

KWAME = "+233241109433"

PARSE = refused(errors.bad_request("can't parse entities: Unsupported start tag"))


async def busy(team: Team) -> None:
    """The gateway is busy: what is sent now waits a minute."""
    team.gateway.mode = Mode.BUSY_SECONDS
    team.gateway.knobs.retry_after_s = 60


def a_minute_later(team: Team) -> None:
    """And the gateway takes it."""
    team.gateway.mode = Mode.OK
    team.time_passes(70)


@pytest.fixture
def plain_log() -> Iterator[io.StringIO]:
    """What `bridge run` would print, with logging as it was afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    names = (*logs._QUIET, "bridge")
    levels = {name: logging.getLogger(name).level for name in names}
    stream = io.StringIO()
    logs.set_up("INFO", "text", (), stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)


# where the answer stands


async def test_in_a_topic_the_answer_goes_to_that_topic(team: Team) -> None:
    forum = team.group("Forum", kind=Kind.SUPERGROUP, forum=True)
    topic = forum.topic("db1")
    said = await team.kofi.says("/sms 0241109433 hello", to=forum, thread=topic)
    await team.phone(KWAME).gets("hello")
    card = await forum.shows("✅", to=said)
    assert card.thread_id == topic.id


async def test_in_the_general_topic_the_answer_stays_there(team: Team) -> None:
    forum = team.group("Forum", kind=Kind.SUPERGROUP, forum=True)
    said = await team.kofi.says("/whoami", to=forum)
    answer = await forum.shows("your role: user", to=said)
    assert answer.thread_id is None


async def test_in_a_plain_group_a_reply_is_answered_though_telegram_gives_it_a_thread(team: Team) -> None:
    asked = await team.efua.says("Disk full", to=team.ops)
    said = await team.kofi.says("/sms 0241109433", to=team.ops, reply_to=asked)
    await team.phone(KWAME).gets("Disk full")
    await team.ops.shows("✅ +2332…433", to=said)


async def test_the_card_of_a_deleted_topic_goes_to_the_group_itself(team: Team) -> None:
    forum = team.group("Forum", kind=Kind.SUPERGROUP, forum=True)
    topic = forum.topic("db1")
    await busy(team)
    await team.kofi.says("/sms 0241109433 hello", to=forum, thread=topic)
    await forum.shows("queued: again")
    team.telegram.delete_topic(topic)
    a_minute_later(team)
    await team.phone(KWAME).gets("hello")
    card = await forum.shows("✅")
    assert card.thread_id is None


async def test_the_card_of_a_group_that_becomes_a_supergroup_moves_along(team: Team) -> None:
    small = team.group("Small")
    await busy(team)
    await team.kofi.says("/sms 0241109433 hello", to=small)
    await small.shows("queued: again", "+2332…433")
    new = team.telegram.migrate(small.chat)
    await team.settled()
    a_minute_later(team)
    await team.phone(KWAME).gets("hello")
    await team.until(lambda: "✅" in team.telegram.last_text(new))
    for post in team.telegram.from_bot(new):
        team.see_post(post)
    assert KWAME not in team.telegram.last_text(new)


async def test_a_deleted_card_is_posted_anew(team: Team) -> None:
    await busy(team)
    said = await team.kofi.says("/sms 0241109433 hello")
    card = await team.kofi.chat.shows("queued: again")
    team.telegram.delete(card)
    team.telegram.delete(said)
    a_minute_later(team)
    await team.phone(KWAME).gets("hello")
    assert (await team.kofi.chat.shows("✅")).reply_to is None


# a Telegram in trouble


async def test_a_post_whose_markup_is_refused_goes_out_plain(team: Team) -> None:
    team.telegram.fault(PARSE, method="sendMessage")
    await team.kofi.says("/whoami")
    answer = await team.kofi.chat.shows("Your id is 222222222, your role: user.")
    assert [entity["type"] for entity in answer.entities if entity["type"] == "code"] == []


async def test_an_edit_whose_markup_is_refused_goes_out_plain(team: Team) -> None:
    await busy(team)
    await team.kofi.says("/sms 0241109433 a<b")
    card = await team.kofi.chat.shows("queued: again")
    team.telegram.fault(PARSE, method="editMessageText")
    a_minute_later(team)
    await team.phone(KWAME).gets("a<b")
    await team.kofi.chat.shows("#1", "✅", at=card, without=["<b>#1", "<code>"])


@pytest.mark.parametrize("fault", [BAD_GATEWAY, CLOSE, CUT_JSON, SERVER_ERROR], ids=["502", "closed", "cut", "500"])
async def test_a_post_that_telegram_could_not_take_is_posted_later(team: Team, fault: Fault) -> None:
    team.telegram.fault(fault, method="sendMessage")
    await team.kofi.says("/whoami")
    await team.until(lambda: team.telegram.calls_of("sendMessage"))
    await team.settled()
    team.time_passes(6)
    await team.kofi.chat.shows("your role: user")


@pytest.mark.filterwarnings("ignore:Deprecated since version v22.2")  # python-telegram-bot warns of its own attribute
async def test_a_flood_limit_is_waited_for_and_other_chats_go_on(team: Team) -> None:
    team.time_flies = False
    team.telegram.fault(flood(30), method="sendMessage")
    await team.kofi.says("/whoami")
    await team.until(lambda: [call for call in team.telegram.calls_of("sendMessage") if call.status == 429])
    await team.kofi.says("/history")
    await team.settled()
    await team.ama.says("/whoami")  # written down after the second answer to Kofi, which had its turn before it
    await team.ama.chat.shows("your role: admin")
    assert team.kofi.chat.posts == []
    assert len(team.telegram.calls_of("sendMessage")) == 2
    team.time_passes(31)
    await team.kofi.chat.shows("your role: user")
    await team.kofi.chat.shows("There are no messages yet.")


async def test_while_telegram_is_in_trouble_the_log_holds_lines_and_no_traceback_or_token(
    team: Team, plain_log: io.StringIO
) -> None:
    for fault in (BAD_GATEWAY, CUT_JSON, SERVER_ERROR):
        team.telegram.fault(fault, method="sendMessage")
        await team.kofi.says("/whoami")
        await team.settled()
        team.time_passes(70)
        await team.settled()
    for post in team.kofi.chat.posts:
        team.see_post(post)
    assert len(team.kofi.chat.posts) == 3
    text = plain_log.getvalue()
    assert "Telegram does not take posts just now" in text
    assert "Traceback" not in text
    assert "<html>" not in text
    assert team.telegram.token not in text


async def test_an_edit_that_was_done_without_an_answer_is_not_posted_twice(team: Team) -> None:
    await busy(team)
    await team.kofi.says("/sms 0241109433 hello")
    card = await team.kofi.chat.shows("queued: again")
    await team.settled()
    team.telegram.fault(Fault(breaks=Break.CLOSE, done=True), method="editMessageText")
    a_minute_later(team)
    await team.phone(KWAME).gets("hello")
    await team.kofi.chat.shows("✅", at=card)
    team.time_passes(10)
    await team.settled()
    assert len(team.kofi.chat.posts) == 1


async def test_somebody_who_blocks_the_bot_still_has_the_sms_sent_and_others_are_served(team: Team) -> None:
    await busy(team)
    await team.kofi.says("/sms 0241109433 hello")
    card = await team.kofi.chat.shows("queued: again")
    team.telegram.block(team.kofi.user)
    a_minute_later(team)
    await team.phone(KWAME).gets("hello")
    await team.settled()
    await team.ama.says("/status 1")
    await team.ama.chat.shows("✅")
    await team.kofi.says("/status 1")
    await team.kofi.chat.shows("✅")
    assert "queued" in team.kofi.chat.chat.messages[card.id].text


async def test_a_group_that_removed_the_bot_is_given_up_and_the_sms_goes_out(team: Team) -> None:
    await busy(team)
    await team.kofi.says("/sms 0241109433 hello", to=team.ops)
    await team.ops.shows("queued: again")
    team.telegram.kick(team.ops.chat, by=team.ama.user)
    a_minute_later(team)
    await team.phone(KWAME).gets("hello")
    await team.settled()


# odd things


async def test_names_with_markup_and_emoji_are_shown_as_they_are(team: Team) -> None:
    odd = team.person(222222222, "<b>Kofi</b> & 🎉", "&amp;")
    team.gateway.next_modes.append(Mode.CLOSE_BEFORE_ANSWER)
    await odd.says("/sms 0241109433 hello")
    await team.phone(KWAME).gets("hello")
    card = await odd.chat.shows("❓")
    await odd.presses("Leave it", card)
    await odd.chat.shows("left as it is by <b>Kofi</b> & 🎉 &amp;", at=card)
    await team.ama.says("/history")
    await team.ama.chat.shows("<b>Kofi</b> & 🎉 &amp;")


async def test_a_text_of_4096_characters_is_refused_or_sent_whole(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_MAX_SEGMENTS=255, BRIDGE_CONFIRM_ABOVE=255)
    text = "&<" * 2048
    asked = await team.efua.says(text, to=team.ops)
    await team.kofi.says("/sms 0241109433", to=team.ops, reply_to=asked)
    await team.phone(KWAME).gets(text)
    await team.ops.shows("27 segments = 27 SMS", "✅")
    await team.kofi.says("/history")
    await team.kofi.chat.shows("#1", "&<&<")


async def test_many_bad_items_are_named_within_one_message(team: Team) -> None:
    await team.kofi.says("/sms " + ",".join(f"&{index}{'<' * 60}" for index in range(45)) + " hi")
    answer = await team.kofi.chat.shows("❌ Nothing was sent.", "“&0<", "… and 25 more")
    assert len(answer.text) <= 4096


async def test_a_long_history_full_of_emoji_is_shown_as_far_as_it_fits(start_team: StartTeam) -> None:
    team = await start_team(BRIDGE_DAILY_LIMIT=0, BRIDGE_DAILY_LIMIT_ALL=0)
    happy = team.person(222222222, "🎉" * 30, "🎉" * 30)
    for index in range(30):
        await happy.says(f"/sms 0241109433 {index:02d}{'🎉' * 60}")
        await team.phone(KWAME).gets(f"{index:02d}{'🎉' * 60}")
    await team.settled()
    for post in happy.chat.posts:
        team.see_post(post)
    await team.ama.says("/history 30")
    await team.ama.chat.shows("#30", "#10", "🎉")


async def test_an_answer_to_a_press_is_cut_to_what_telegram_takes(team: Team) -> None:
    happy = team.person(111111111, "🎉" * 64, "🎉" * 64)
    team.gateway.next_modes.append(Mode.CLOSE_BEFORE_ANSWER)
    await team.kofi.says("/sms 0241109433 hello")
    await team.phone(KWAME).gets("hello")
    card = await team.kofi.chat.shows("❓")
    await happy.says("/pause")
    await happy.chat.shows("Paused")
    assert (await team.kofi.presses("Send again", card)).startswith("Sending is paused by 🎉")


# the menu


async def test_each_role_has_the_menu_of_what_it_may_do(team: Team) -> None:
    everybody = ["whoami", "help"]
    incidents = ["page", "alerts", "ack", "resolve", "oncall", "take", "handback"]
    users = ["sms", "status", "history", "resend", "cancel", *incidents]
    admins = ["reload", "pause", "resume"]
    await team.until(lambda: len(team.telegram.world.commands) == 3)
    assert commands_shown(team.telegram, {"type": "default"}) == everybody
    assert commands_shown(team.telegram, {"type": "chat", "chat_id": 222222222}) == users + everybody
    assert commands_shown(team.telegram, {"type": "chat", "chat_id": 111111111}) == users + admins + everybody
