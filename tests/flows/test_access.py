"""Strangers, and the doors that are no command's and no button's: those are in the matrix (`test_access_matrix`).

Another kind of handler that has no door here fails a test.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from telegram.ext import CallbackQueryHandler, CommandHandler

from bridge.sandbox.telegram import BOT
from bridge.telegram.asking import Desk
from bridge.telegram.buttons import Buttons
from bridge.telegram.incident_handlers import IncidentHandlers
from bridge.telegram.oncall_handlers import OnCallHandlers
from bridge.telegram.sms_handlers import SmsHandlers
from bridge.telegram.strangers import MOST
from tests.flows.conftest import StartTeam
from tests.support.team import Team

ASK = "You have no access. Your id is 333333333"
SILENCE = ""
NO_ACCESS = "You have no access to this bot."

# Handlers that are no command's and no button's, each with the test that walks its door.
OTHER_HANDLERS = {
    "edited": "test_no_other_door_sends_anything",
    "forwarded": "test_no_other_door_sends_anything",
    "moved": "test_no_other_door_sends_anything",
    "unknown": "test_no_other_door_sends_anything",
    "talk": "test_no_other_door_sends_anything",
}


class Registry:
    """Stands where python-telegram-bot's application would, and only remembers."""

    def __init__(self) -> None:
        self.handlers: list[Any] = []

    def add_handler(self, handler: Any) -> None:
        self.handlers.append(handler)


@pytest.fixture
def registered() -> list[Any]:
    registry = Registry()
    nothing: Any = None
    desk = Desk(database=nothing, access=nothing, clock=nothing, wake=nothing)
    SmsHandlers(
        desk=desk,
        buttons=Buttons(desk, nothing, nothing, nothing),
        database=nothing,
        rules=nothing,
        region="GH",
        allowed_countries=frozenset(),
        names=nothing,
        clock=nothing,
    ).register(registry)  # type: ignore[arg-type]
    IncidentHandlers(desk=desk, roster=nothing, intake=nothing, clock=nothing).register(registry)  # type: ignore[arg-type]
    OnCallHandlers(
        desk=desk,
        rosters=nothing,
        database=nothing,
        notices=nothing,
        clock=nothing,
        max_age_s=300,
        sms_has_link=True,
        wake_roster=nothing,
    ).register(registry)  # type: ignore[arg-type]
    return registry.handlers


def test_every_other_handler_has_a_door_that_is_walked(registered: list[Any]) -> None:
    found = set()
    for one in registered:
        name = one.callback.__name__
        if isinstance(one, CallbackQueryHandler):
            assert name == "press"
        elif not (isinstance(one, CommandHandler) and name in (*one.commands, "help")):
            found.add(name)
    assert found == OTHER_HANDLERS.keys()


# strangers


async def test_a_stranger_is_told_once_a_minute_how_to_ask(team: Team) -> None:
    for text in ("hello", "/sms 0241109433 hi", "/help", "/whoami", "/start", "/foo", "hello?"):
        await team.efua.says(text)
    await team.efua.chat.shows(ASK, "this is all that I answer", "once a minute")
    await team.settled()
    assert len(team.efua.chat.posts) == 1
    for seconds in (58, 61):  # the minute is one of sixty seconds, not the clock's
        team.time_passes(seconds)
        said = await team.efua.says("hello?")
        await team.settled()
    assert [post.reply_to for post in team.efua.chat.posts][1:] == [said]
    await team.efua.chat.shows(ASK, to=said)


async def test_many_strangers_are_told_a_bounded_number_of_times_and_users_at_once(team: Team) -> None:
    crowd = [team.person(900_000_000 + number, "Bot") for number in range(2 * MOST)]
    for one in crowd:
        await one.says("hello")
    said = await team.kofi.says("/whoami")
    await team.kofi.chat.shows("your role: user", to=said)
    await team.settled()
    await team.until(lambda: sum(bool(one.chat.posts) for one in crowd) == MOST)
    for one in crowd:
        for post in one.chat.posts:
            team.see_post(post)
    team.time_passes(61)
    await crowd[-1].says("hello")
    await crowd[-1].chat.shows("You have no access")


async def test_a_restart_does_not_make_the_bot_say_more(team: Team) -> None:
    await team.efua.says("hello")
    await team.efua.chat.shows(ASK)
    await team.restart(after_s=10)
    await team.efua.says("hello?")
    await team.settled()
    assert len(team.efua.chat.posts) == 1


# all other doors


async def _edited_message(team: Team) -> str:
    said = await team.efua.says("hello", to=team.ops)
    await team.efua.edits(said, "/sms 0241109433 hello")
    return SILENCE


async def _forwarded_by_a_stranger(team: Team) -> str:
    said = await team.kofi.says("hello", to=team.ops)
    forged = team.telegram.say(team.kofi.user, "hello", chat=team.ops.chat)
    team.telegram.say(team.efua.user, "/sms 0241109433 hello", chat=team.ops.chat, forward_of=forged)
    del said
    return SILENCE


async def _forwarded_from_a_stranger(team: Team) -> str:
    said = await team.efua.says("/sms 0241109433 hello", to=team.ops)
    team.telegram.forward(team.kofi.user, said, chat=team.ops.chat)
    return "A forwarded command does nothing."


async def _forwarded_from_a_stranger_in_private(team: Team) -> str:
    said = await team.efua.says("/sms 0241109433 hello", to=team.ops)
    team.telegram.forward(team.kofi.user, said)
    await team.kofi.chat.shows("A forwarded command does nothing.")
    return SILENCE


async def _reply_by_a_stranger(team: Team) -> str:
    said = await team.kofi.says("hello", to=team.ops)
    await team.efua.says("/sms 0241109433", to=team.ops, reply_to=said)
    return SILENCE


async def _anonymous_admin(team: Team) -> str:
    await team.ama.says("/sms 0241109433 hello", to=team.ops, as_anonymous_admin=True)
    return SILENCE


async def _somebody_in_the_name_of_a_channel(team: Team) -> str:
    await team.kofi.says("/sms 0241109433 hello", to=team.ops, as_channel=team.telegram.add_channel("News"))
    return SILENCE


async def _channel_post(team: Team) -> str:
    team.telegram.post_in_channel(team.telegram.add_channel("News"), "/sms 0241109433 hello")
    return SILENCE


async def _channel_post_in_its_linked_group(team: Team) -> str:
    channel = team.telegram.add_channel("News")
    team.telegram.post_in_channel(channel, "/sms 0241109433 hello", linked_group=team.ops.chat)
    return SILENCE


async def _another_bot(team: Team) -> str:
    other = team.telegram.add_user(4_004_004, "Other", is_bot=True)
    team.telegram.bot_says(other, "/sms 0241109433 hello", chat=team.ops.chat)
    return SILENCE


async def _a_bot_with_the_id_of_nobody_listed_as_user(team: Team) -> str:
    ghost = team.person(1087968824, "Group")  # stands in BRIDGE_TELEGRAM_USERS in this walk
    await ghost.says("/sms 0241109433 hello")
    return SILENCE


async def _forged_press(team: Team) -> str:
    said = await team.kofi.says("/whoami", to=team.ops)
    post = await team.ops.shows("your role: user", to=said)
    assert await team.efua.presses_data("go:1:0", post) == NO_ACCESS
    team.time_passes(61)
    assert await team.efua.presses_data("again:1:0", post) == NO_ACCESS
    return SILENCE


async def _an_unknown_command_in_private(team: Team) -> str:
    await team.kofi.says("/smss 0241109433 hello")
    await team.kofi.chat.shows("There is no command /smss.")
    return SILENCE


async def _an_unknown_command_in_a_group(team: Team) -> str:
    await team.kofi.says("/smss 0241109433 hello", to=team.ops)
    await team.kofi.says("/smss@another_bot 0241109433 hello", to=team.ops)
    await team.efua.says(f"/smss@{BOT.username} 0241109433 hello", to=team.ops)
    return SILENCE


async def _an_unknown_command_that_names_us_in_a_group(team: Team) -> str:
    await team.kofi.says(f"/smss@{BOT.username.upper()} 0241109433 hello", to=team.ops)
    return "There is no command /smss@"


async def _a_number_and_a_text_without_a_command(team: Team) -> str:
    await team.kofi.says("0241109433 hello")
    await team.kofi.chat.shows("I only read commands", "/help", without=["/history"])
    return SILENCE


async def _a_command_behind_other_words(team: Team) -> str:
    await team.kofi.says("please /sms 0241109433 hello", to=team.ops)
    return SILENCE


async def _a_group_that_becomes_a_supergroup(team: Team) -> str:
    team.telegram.migrate(team.group("Small").chat)
    return SILENCE


async def _a_stranger_who_adds_the_bot_to_a_group(team: Team) -> str:
    group = team.telegram.add_group("Strangers", [team.efua.user.id])
    team.telegram.say(team.efua.user, "/sms 0241109433 hello", chat=group)
    team.telegram.say(team.efua.user, "/whoami", chat=group)
    await team.settled()
    assert team.telegram.from_bot(group) == []
    return SILENCE


DOORS: tuple[Callable[[Team], Awaitable[str]], ...] = (
    _edited_message,
    _forwarded_by_a_stranger,
    _forwarded_from_a_stranger,
    _forwarded_from_a_stranger_in_private,
    _reply_by_a_stranger,
    _anonymous_admin,
    _somebody_in_the_name_of_a_channel,
    _channel_post,
    _channel_post_in_its_linked_group,
    _another_bot,
    _a_bot_with_the_id_of_nobody_listed_as_user,
    _forged_press,
    _an_unknown_command_in_private,
    _an_unknown_command_in_a_group,
    _an_unknown_command_that_names_us_in_a_group,
    _a_number_and_a_text_without_a_command,
    _a_command_behind_other_words,
    _a_group_that_becomes_a_supergroup,
    _a_stranger_who_adds_the_bot_to_a_group,
)
"""Each goes through one door; gives what the group is told, beyond what the door itself has looked at."""


@pytest.mark.parametrize("privacy", [True, False], ids=["privacy mode", "the bot hears everything"])
async def test_no_other_door_sends_anything(start_team: StartTeam, privacy: bool) -> None:
    team = await start_team(BRIDGE_TELEGRAM_USERS="222222222,1087968824,136817688,777000")
    team.telegram.world.privacy = privacy
    for door in DOORS:
        before = {post.id for post in team.ops.posts}
        words = await door(team)
        if words:
            await team.ops.shows(words)
        await team.settled()
        new = [post.text for post in team.ops.posts if post.id not in before]
        assert all((words and words in text) or "your role" in text for text in new), (door.__name__, new)
        assert team.gateway.calls == [], door.__name__
        assert await team.message_count() == 0, door.__name__
