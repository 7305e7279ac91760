"""Who may do what, through which door: one table, walked.

A command, a button or another kind of handler that has no row here fails a test.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from telegram.ext import CallbackQueryHandler, CommandHandler

from bridge.sandbox.msmpusher import Mode
from bridge.sandbox.telegram import BOT
from bridge.sandbox.telegram_state import Kind, Message
from bridge.telegram import buttons
from bridge.telegram.access import Role
from bridge.telegram.buttons import Buttons
from bridge.telegram.incident_handlers import IncidentHandlers
from bridge.telegram.oncall_handlers import OnCallHandlers
from bridge.telegram.replies import COMMANDS
from bridge.telegram.sms_handlers import SmsHandlers
from tests.flows.conftest import StartTeam
from tests.support.team import Person, Team

KWAME = "+233241109433"
ASK = "You have no access. Your id is 333333333"
ADMINS_ONLY = "❌ Only an admin can do that."
NOT_IN_THE_FILE = "Nobody in the on-call file has your id"
SILENCE = ""


@dataclass(frozen=True)
class Row:
    """What each role is told. A stranger is told nothing in a group, and nearly the same to all in private."""

    typed: str
    user: str
    admin: str
    stranger: str = ASK

    def answer(self, role: Role, place: str) -> str:
        """What the chat shows; empty for nothing."""
        if role is Role.STRANGER:
            return self.stranger if place == "private" else SILENCE
        return self.admin if role is Role.ADMIN else self.user


# Message #1 is Kofi's, and was rejected. Each /sms here waits for a confirmation. The rows are walked in this order.
COMMAND_ROWS: dict[str, Row] = {
    "sms": Row("/sms 0241109433 hello", "Send it?", "Send it?"),
    "status": Row("/status 1", "#1", "#1"),
    "history": Row("/history", "#1", "#1"),
    "resend": Row("/resend 1", "#1: sending again to 1 number", "#1: sending again to 1 number"),
    "cancel": Row("/cancel 1", "nothing is queued or held", "nothing is queued or held"),
    "page": Row("/page", "What about?", "What about?"),
    "alerts": Row("/alerts", "Nothing is open", "Nothing is open"),
    "ack": Row("/ack", "Which one?", "Which one?"),
    "resolve": Row("/resolve", "Which one?", "Which one?"),
    "oncall": Row("/oncall", "There is no on-call file", "There is no on-call file"),
    "take": Row("/take 2h", NOT_IN_THE_FILE, NOT_IN_THE_FILE),
    "handback": Row("/handback", NOT_IN_THE_FILE, NOT_IN_THE_FILE),
    "reload": Row("/reload", ADMINS_ONLY, "The on-call file oncall.toml cannot be taken; none is in force."),
    "pause": Row("/pause", ADMINS_ONLY, "Paused"),
    "resume": Row("/resume", ADMINS_ONLY, "Resumed."),
    "whoami": Row("/whoami", "your role: user", "your role: admin"),
    "help": Row("/help", "I send SMS", "I send SMS"),
    "start": Row("/start", "I send SMS", "I send SMS"),
}

# Verb of a button -> what its owner and admins are answered. All others are refused.
BUTTON_ROWS: dict[str, str] = {
    "go": "#1: sending",
    "no": "#1: cancelled for 1 number",
    "again": "#1: sending again to 1 number",
    "leave": "#1: left as it is",
}
NO_ACCESS = "You have no access to this bot."
NOT_YOURS = "Only the person who sent this, and admins, may press here."

# SmsHandlers that are no command's and no button's, each with the test that walks its door.
OTHER_HANDLERS = {
    "edited": "test_no_other_door_sends_anything",
    "forwarded": "test_no_other_door_sends_anything",
    "moved": "test_no_other_door_sends_anything",
    "unknown": "test_no_other_door_sends_anything",
    "talk": "test_no_other_door_sends_anything",
}


def who(team: Team, role: Role) -> Person:
    return {Role.STRANGER: team.efua, Role.USER: team.kofi, Role.ADMIN: team.ama}[role]


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
    SmsHandlers(
        desk=nothing,
        buttons=Buttons(nothing, nothing, nothing, nothing),
        database=nothing,
        rules=nothing,
        region="GH",
        allowed_countries=frozenset(),
        names=nothing,
        clock=nothing,
    ).register(registry)  # type: ignore[arg-type]
    IncidentHandlers(desk=nothing, roster=nothing, intake=nothing, clock=nothing).register(registry)  # type: ignore[arg-type]
    OnCallHandlers(
        desk=nothing, rosters=nothing, database=nothing, clock=nothing, max_age_s=300, wake_roster=nothing
    ).register(registry)  # type: ignore[arg-type]
    return registry.handlers


# the table is whole


def test_every_registered_command_has_a_row(registered: list[Any]) -> None:
    commands = {name for one in registered if isinstance(one, CommandHandler) for name in one.commands}
    assert commands == COMMAND_ROWS.keys()


def test_the_menu_holds_no_command_without_a_row_and_offers_each_role_only_what_it_may(registered: list[Any]) -> None:
    assert {name for name, _, _ in COMMANDS} == COMMAND_ROWS.keys() - {"start"}
    for name, _, least in COMMANDS:
        assert (COMMAND_ROWS[name].user == ADMINS_ONLY) == (least is Role.ADMIN)


def test_every_button_verb_has_a_row() -> None:
    assert buttons.VERBS.keys() == BUTTON_ROWS.keys()


def test_every_other_handler_has_a_door_that_is_walked(registered: list[Any]) -> None:
    found = set()
    for one in registered:
        name = one.callback.__name__
        if isinstance(one, CallbackQueryHandler):
            assert name == "press"
        elif not (isinstance(one, CommandHandler) and name in (*one.commands, "help")):
            found.add(name)
    assert found == OTHER_HANDLERS.keys()


# commands


@pytest.mark.parametrize("place", ["private", "group", "topic"])
@pytest.mark.parametrize("role", list(Role))
async def test_a_command_does_for_each_role_what_its_row_says(start_team: StartTeam, role: Role, place: str) -> None:
    team = await start_team(BRIDGE_CONFIRM_ABOVE=0)
    forum = team.group("Forum", kind=Kind.SUPERGROUP, forum=True)
    topic = forum.topic("db1")
    await _rejected_message(team)
    calls = len(team.gateway.calls)
    person = who(team, role)
    chat, where = {
        "private": (person.chat, {}),
        "group": (team.ops, {"to": team.ops}),
        "topic": (forum, {"to": forum, "thread": topic}),
    }[place]
    before = len(chat.posts)
    for row in COMMAND_ROWS.values():
        said = await person.says(row.typed, **where)
        if wanted := row.answer(role, place):
            answer = await chat.shows(wanted, to=said)
            assert answer.thread_id == (topic.id if place == "topic" else None)
        await team.settled()
        if not wanted:
            assert len(chat.posts) == before
        team.time_passes(61)  # a stranger is told once a minute
    assert team.gateway.sent == []
    if role is Role.STRANGER:
        assert len(team.gateway.calls) == calls
        assert await team.message_count() == 1


async def _rejected_message(team: Team) -> None:
    """Kofi's message #1, which the gateway rejects, as all that follow."""
    team.gateway.mode = Mode.BAD_NUMBER
    await team.kofi.says("/sms 0241109433 hello")
    await team.kofi.presses("Send now", await team.kofi.chat.shows("Send it?"))
    await team.kofi.chat.shows("❌")
    await team.settled()


async def test_a_stranger_is_told_once_a_minute_how_to_ask(team: Team) -> None:
    for text in ("hello", "/sms 0241109433 hi", "/help", "/whoami", "/start", "/foo", "hello?"):
        await team.efua.says(text)
    await team.efua.chat.shows(ASK, "this is all that I answer", "once a minute")
    await team.settled()
    assert len(team.efua.chat.posts) == 1
    team.time_passes(61)
    said = await team.efua.says("hello?")
    await team.efua.chat.shows(ASK, to=said)


# buttons


@pytest.mark.parametrize("role", [Role.USER, Role.ADMIN])
@pytest.mark.parametrize("verb", BUTTON_ROWS)
async def test_a_button_obeys_only_its_owner_and_admins(start_team: StartTeam, verb: str, role: Role) -> None:
    other_id = 444444444
    team = await start_team(BRIDGE_CONFIRM_ABOVE=0, BRIDGE_TELEGRAM_USERS=f"222222222,{other_id}")
    other = team.person(other_id, "Yaw")
    card = await _card_with_button(team, verb)
    label = next(button.text for button in card.buttons if button.callback_data.startswith(f"{verb}:"))
    sent = len(team.gateway.sent)
    assert await team.efua.presses(label, card) == NO_ACCESS
    assert await other.presses(label, card) == NOT_YOURS
    await team.settled()
    assert len(team.gateway.sent) == sent
    assert team.ops.posts[-1].buttons == card.buttons
    assert await who(team, role).presses(label, card) == BUTTON_ROWS[verb]
    await team.settled()
    for sms in team.unseen_sms():
        assert verb in ("go", "again")
        team.see_sms(sms)


async def _card_with_button(team: Team, verb: str) -> Message:
    await team.kofi.says("/sms 0241109433 hello", to=team.ops)
    card = await team.ops.shows("Send it?")
    if verb in ("go", "no"):
        return card
    team.gateway.next_modes.append(Mode.CLOSE_BEFORE_ANSWER)
    await team.kofi.presses("Send now", card)
    await team.phone(KWAME).gets("hello")
    return await team.ops.shows("❓", at=card)


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
