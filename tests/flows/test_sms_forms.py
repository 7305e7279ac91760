"""`/sms` in all its forms: who gets it, and which text."""

import pytest

from bridge.sandbox.telegram import BOT
from bridge.sandbox.telegram_state import Kind
from tests.flows.conftest import StartTeam
from tests.support.team import Team

KWAME = "+233241109433"
YAA = "+233551234567"
ESI = "+233201234567"

NO_BREAK = "\N{NO-BREAK SPACE}"


FORMS: list[tuple[str, list[str], str]] = [
    ("/sms 0241109433 Disk full", [KWAME], "Disk full"),  # national
    ("/sms +233241109433 Disk full", [KWAME], "Disk full"),  # plus
    ("/sms 00233241109433 Disk full", [KWAME], "Disk full"),  # 00
    ("/sms 233241109433 Disk full", [KWAME], "Disk full"),  # bare international
    ("/sms ٠٢٤١١٠٩٤٣٣ Disk full", [KWAME], "Disk full"),  # arabic digits
    ("/sms 0241109433,0551234567 hi", [KWAME, YAA], "hi"),  # comma
    ("/sms 0241109433 , 0551234567 hi", [KWAME, YAA], "hi"),  # blanks around a comma
    ("/sms 0241109433، 0551234567，0201234567 hi", [KWAME, YAA, ESI], "hi"),  # other commas
    ("/sms\n0241109433\nhi\nthere", [KWAME], "hi\nthere"),  # a line end behind the command
    ("/sms 024 110-94.33, (055) 1234567\nhi", [KWAME, YAA], "hi"),  # first line is the list
    (f"/sms{NO_BREAK}0241109433{NO_BREAK}hi", [KWAME], "hi"),  # no-break spaces
    ("/SMS 0241109433 hi", [KWAME], "hi"),  # capitals
    (f"/sms@{BOT.username} 0241109433 hi", [KWAME], "hi"),  # addressed
    (f"/sms@{BOT.username.upper()} 0241109433 hi", [KWAME], "hi"),  # addressed in capitals
    ("/sms 0241109433 a  b\n c <b> & ﹤", [KWAME], "a  b\n c <b> & ﹤"),  # text kept as typed
    ("/sms 0241109433 call 0551234567", [KWAME], "call 0551234567"),  # a number in the text
]


@pytest.mark.parametrize(("typed", "numbers", "text"), FORMS)
async def test_recipients_and_text_are_read_by_the_rules(team: Team, typed: str, numbers: list[str], text: str) -> None:
    said = await team.kofi.says(typed)
    for number in numbers:
        await team.phone(number).gets(text)
    await team.kofi.chat.shows(*(f"✅ {number}" for number in numbers), to=said)


REFUSED: list[tuple[str, list[str]]] = [
    ("/sms", ["There is no recipient.", "/sms 0241109433 Disk full", "reply to a message"]),  # nothing
    ("/sms 0241109433", ["There is no text.", "/sms 0241109433 Disk full", "reply to a message"]),  # no text
    ("/sms 0241109433 0551234567 hi", ["put a comma between recipients"]),  # comma forgotten
    ("/sms @ama hi", ["“@ama”", "no on-call file"]),  # a name
    ("/sms 0241109433, 0241x09433, 12 hi", ["“0241x09433”", "“12”"]),  # each bad item is named
    ("/sms 0241109433;0551234567 hi", ["“;”"]),  # a semicolon
    ("/sms <b>,&amp; hi", ["“<b>”", "“&amp;”"]),  # markup
    ("/sms 447820125799x12 hi", ["“x”"]),  # an extension
    ("/sms 0241109433 " + "x" * 919, ["The text has 7 segments; at most 6 are allowed"]),  # too long
    ("/sms 0241109433 " + "ж" * 403, ["7 segments in Unicode; at most 6 are allowed"]),  # too long in Unicode
]


async def test_a_request_that_cannot_be_taken_sends_nothing_and_says_why(team: Team) -> None:
    for typed, words in REFUSED:
        said = await team.kofi.says(typed)
        await team.kofi.chat.shows("❌", *words, to=said)
    await team.settled()
    assert team.gateway.calls == []
    assert await team.message_count() == 0


# replies


async def test_a_reply_relays_the_text_of_whoever_wrote_it(team: Team) -> None:
    asked = await team.efua.says("@nobody Disk full <on> db1", to=team.ops)
    await team.kofi.says("/sms 0241109433", to=team.ops, reply_to=asked)
    await team.phone(KWAME).gets("@nobody Disk full <on> db1")
    await team.ops.shows("✅")


async def test_a_reply_relays_a_caption(team: Team) -> None:
    photo = await team.efua.says("The rack is on fire", to=team.ops, photo=True)
    await team.kofi.says("/sms 0241109433", to=team.ops, reply_to=photo)
    await team.phone(KWAME).gets("The rack is on fire")
    await team.ops.shows("✅")


async def test_a_reply_to_a_quote_relays_only_what_is_quoted(team: Team) -> None:
    asked = await team.efua.says("Disk full on db1 since noon", to=team.ops)
    await team.kofi.says("/sms 0241109433", to=team.ops, reply_to=asked, quote="Disk full")
    await team.phone(KWAME).gets("Disk full")
    await team.ops.shows("✅")


async def test_typed_text_wins_over_the_message_replied_to(team: Team) -> None:
    asked = await team.efua.says("Disk full", to=team.ops)
    await team.kofi.says("/sms 0241109433 Look at the chat", to=team.ops, reply_to=asked)
    await team.phone(KWAME).gets("Look at the chat")
    await team.ops.shows("✅")


async def test_a_reply_to_another_bot_relays_its_text(team: Team) -> None:
    other = team.telegram.add_user(4_004_004, "Grafana", is_bot=True)
    alert = team.telegram.bot_says(other, "[FIRING] db1", chat=team.ops.chat)
    await team.kofi.says("/sms 0241109433", to=team.ops, reply_to=alert)
    await team.phone(KWAME).gets("[FIRING] db1")
    await team.ops.shows("✅")


async def test_a_reply_to_a_message_without_text_says_that_there_is_none(team: Team) -> None:
    photo = await team.efua.says("", to=team.ops, photo=True)
    await team.kofi.says("/sms 0241109433", to=team.ops, reply_to=photo)
    await team.ops.shows("❌", "There is no text.")


async def test_the_root_of_a_topic_is_no_reply(team: Team) -> None:
    forum = team.group("Forum", kind=Kind.SUPERGROUP, forum=True)
    topic = forum.topic("Alerts")
    forum.chat.change(forum.chat.messages[topic.id], text="What stands at the top")
    await team.kofi.says("/sms 0241109433", to=forum, thread=topic)
    await forum.shows("❌", "There is no text.")
    await team.settled()
    assert team.gateway.calls == []


async def test_a_command_in_a_caption_sends_nothing(team: Team) -> None:
    await team.kofi.says("/sms 0241109433 hello", to=team.ops, photo=True)
    await team.settled()
    assert team.gateway.calls == []


# edits, forwards and repeats


async def test_an_edit_never_sends_and_says_so(team: Team) -> None:
    said = await team.kofi.says("/sms 0241109433 hello")
    await team.phone(KWAME).gets("hello")
    await team.kofi.chat.shows("✅")
    await team.kofi.edits(said, "/sms 0551234567 hello")
    await team.kofi.chat.shows("An edit sends nothing.")
    await team.kofi.edits(said, f"/SMS@{BOT.username} 0551234567 hello")
    await team.until(lambda: len(team.kofi.chat.posts) == 3)
    team.see_post(team.kofi.chat.posts[-1])
    assert "An edit sends nothing." in team.kofi.chat.posts[-1].text


async def test_a_text_that_is_edited_into_a_command_never_sends(team: Team) -> None:
    said = await team.kofi.says("hello", to=team.ops)
    await team.kofi.edits(said, "/sms 0551234567 hello")
    await team.ops.shows("An edit sends nothing.")


async def test_a_command_that_names_another_bot_is_none_of_ours(start_team: StartTeam) -> None:
    team = await start_team()
    noisy = team.group("All seen", kind=Kind.SUPERGROUP, admin=True)
    await team.kofi.says("/sms@some_other_bot 0241109433 hello", to=noisy)
    await team.kofi.says("/whoami", to=noisy)
    await noisy.shows("your role: user")
    await team.settled()
    assert team.gateway.calls == []
