"""Every command × every way in which it can reach us × everybody: one table, walked.

A command, or a kind of update, without a row here fails a test. The buttons are in `test_access_buttons`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import pytest
from telegram.constants import UpdateType

from bridge.sandbox.telegram_state import ANONYMOUS_ADMIN, TELEGRAM, Message
from bridge.telegram import replies
from bridge.telegram.receive import ALLOWED_UPDATES
from tests.flows.access_scene import KNOWN, Scene, Who, start_scene
from tests.flows.conftest import StartTeam
from tests.support.acts import acts, said

pytestmark = pytest.mark.unwatched  # each test compares all that was said, and all that was done

ASK = "You have no access. Your id is 333333333"
ADMINS_ONLY = "❌ Only an admin can do that."
NOT_IN_THE_FILE = "Nobody in the on-call file has your id"
NOT_TO_BE_SEEN = "❌ There is no message #1 of yours."

# what a way does with a command

DOES = "does what the command's row says"
SILENCE = ""


@dataclass(frozen=True)
class Row:
    """A command as it is typed, and what those who may use it are told; `other`: who is told something else."""

    typed: str
    told: str
    other: Mapping[Who, str] = field(default_factory=dict)

    def words(self, who: Who) -> str:
        return self.other.get(who, self.told)


def admins(typed: str, told: str) -> Row:
    return Row(typed, told, dict.fromkeys(KNOWN - {Who.ADMIN}, ADMINS_ONLY))


def owners(typed: str, told: str, refused: str) -> Row:
    return Row(typed, told, {Who.ON_CALL: refused, Who.OTHER: refused})


def on_call(typed: str, told: str) -> Row:
    return Row(typed, told, {Who.OTHER: NOT_IN_THE_FILE, Who.OWNER: NOT_IN_THE_FILE})


# Each would do something to what is there (`access_scene`), had it been let through. Walked in this order.
COMMANDS: dict[str, Row] = {
    "history": Row("/history", "#1", dict.fromkeys((Who.ON_CALL, Who.OTHER), "There are no messages yet")),
    "status": owners("/status 1", "#1", NOT_TO_BE_SEEN),
    "resend": owners("/resend 3", "#3: sending again to 1 number", NOT_TO_BE_SEEN.replace("#1", "#3")),
    "cancel": owners("/cancel 2", "#2: cancelled for 1 number", NOT_TO_BE_SEEN.replace("#1", "#2")),
    "sms": Row("/sms 0241109433 hello", "Send it?"),
    "page": Row("/page database is on fire", "A4 is open"),
    "alerts": Row("/alerts", "A1"),
    "ack": Row("/ack A1", "A1 disk a: acknowledged"),
    "resolve": Row("/resolve A2", "A2 disk b: resolved"),
    "oncall": Row("/oncall", "primary"),
    "take": on_call("/take 2h", "is on call from Mon 09:0"),
    "handback": on_call("/handback", "✅ Handed back."),
    "reload": admins("/reload", "The on-call file oncall.toml cannot be taken"),
    "pause": admins("/pause", "Paused"),
    "resume": admins("/resume", "Resumed."),
    "whoami": Row("/whoami", "your role: user", {Who.ADMIN: "your role: admin"}),
    "help": Row("/help", "I send SMS"),
    "start": Row("/start", "I send SMS"),
}

Say = Callable[[Scene, Who, str], Awaitable[Message | None]]
"""(scene, who, a command as typed): the bot gets the update; gives the message that may be answered."""


@dataclass(frozen=True)
class Way:
    """How a command reaches us, and what somebody with a role and a stranger are told."""

    kind: str  # of update
    say: Say
    known: str
    stranger: str = SILENCE


async def _private(scene: Scene, who: Who, text: str) -> Message:
    return await scene.people[who].says(text)


async def _group(scene: Scene, who: Who, text: str) -> Message:
    return await scene.people[who].says(text, to=scene.team.ops)


async def _topic(scene: Scene, who: Who, text: str) -> Message:
    return await scene.people[who].says(text, to=scene.forum, thread=scene.topic)


async def _reply(scene: Scene, who: Who, text: str) -> Message:
    root = await scene.team.kofi.says("look at this", to=scene.team.ops)
    return await scene.people[who].says(text, to=scene.team.ops, reply_to=root)


async def _by_our_name(scene: Scene, who: Who, text: str) -> Message:
    command, _, rest = text.partition(" ")
    return await _group(scene, who, f"{command}@{scene.team.telegram.world.bot.username} {rest}".rstrip())


async def _migrated(scene: Scene, who: Who, text: str) -> Message:
    small = scene.team.group("Small")
    small.chat.members.update(one.user.id for one in scene.people.values())
    chat = scene.team.telegram.migrate(small.chat)
    return scene.team.telegram.say(scene.people[who].user, text, chat=chat)


async def _edited_in_private(scene: Scene, who: Who, text: str) -> Message:
    person = scene.people[who]
    message = scene.team.telegram.say(person.user, "hello", unheard=True)
    await person.edits(message, text)
    return message


async def _edited_in_a_group(scene: Scene, who: Who, text: str) -> Message:
    person = scene.people[who]
    message = await person.says("hello", to=scene.team.ops)
    await person.edits(message, text)
    return message


async def _forwarded_in_private(scene: Scene, who: Who, text: str) -> Message:
    theirs = scene.team.telegram.say(scene.team.ama.user, text, chat=scene.team.ops.chat, unheard=True)
    return scene.team.telegram.forward(scene.people[who].user, theirs)


async def _forwarded_in_a_group(scene: Scene, who: Who, text: str) -> Message:
    theirs = scene.team.telegram.say(scene.team.ama.user, text, chat=scene.team.ops.chat, unheard=True)
    return scene.team.telegram.forward(scene.people[who].user, theirs, chat=scene.team.ops.chat)


async def _by_an_inline_bot(scene: Scene, who: Who, text: str) -> Message:
    inline = scene.team.telegram.add_user(4_004_004, "Inline", is_bot=True)
    return await scene.people[who].says(text, to=scene.team.ops, via_bot=inline)


async def _caption_in_private(scene: Scene, who: Who, text: str) -> Message:
    return await scene.people[who].says(text, photo=True)


async def _caption_in_a_group(scene: Scene, who: Who, text: str) -> Message:
    return await scene.people[who].says(text, to=scene.team.ops, photo=True)


async def _behind_other_words(scene: Scene, who: Who, text: str) -> Message:
    return await scene.people[who].says(f"please {text}", to=scene.team.ops)


async def _to_another_bot(scene: Scene, who: Who, text: str) -> Message:
    command, _, rest = text.partition(" ")
    return await scene.people[who].says(f"{command}@another_bot {rest}", to=scene.team.ops)


async def _anonymous_admin(scene: Scene, who: Who, text: str) -> Message:
    return await scene.people[who].says(text, to=scene.team.ops, as_anonymous_admin=True)


async def _in_the_name_of_a_channel(scene: Scene, who: Who, text: str) -> Message:
    channel = scene.team.telegram.add_channel("News")
    return await scene.people[who].says(text, to=scene.team.ops, as_channel=channel)


async def _post_of_a_linked_channel(scene: Scene, _who: Who, text: str) -> Message:
    channel = scene.team.telegram.add_channel("News")
    return scene.team.telegram.post_in_channel(channel, text, linked_group=scene.team.ops.chat)


async def _by_another_bot(scene: Scene, who: Who, text: str) -> Message:
    """A bot with the id of somebody who has a role: as if a bot stood in the settings, and ours could hear it."""
    message = scene.team.telegram.say(scene.people[who].user, text, chat=scene.team.ops.chat, unheard=True)
    payload = message.json()
    payload["from"] |= {"is_bot": True}
    scene.team.telegram.hand_out("message", payload)
    return message


async def _by_telegram_itself(scene: Scene, _who: Who, text: str) -> Message:
    message = scene.team.telegram.say(scene.team.ama.user, text, unheard=True)
    scene.team.telegram.hand_out("message", message.json() | {"from": TELEGRAM.json()})
    return message


async def _by_somebody_s_anonymous_id(scene: Scene, _who: Who, text: str) -> Message:
    message = scene.team.telegram.say(scene.team.ama.user, text, chat=scene.team.ops.chat, unheard=True)
    somebody = ANONYMOUS_ADMIN.json() | {"is_bot": False}
    scene.team.telegram.hand_out("message", message.json() | {"from": somebody})
    return message


def _unasked(kind: str) -> Say:
    """A kind that holds a message, which we did not ask for, and which may have arisen before."""

    async def say(scene: Scene, who: Who, text: str) -> None:
        message = scene.team.telegram.say(scene.people[who].user, text, unheard=True)
        business = {"business_connection_id": "b1"} if "business" in kind else {}
        scene.team.telegram.hand_out(kind, message.json() | business)

    return say


FORWARDED, EDITED, TALK = replies.FORWARDED, replies.EDITED, "I only read commands"

WAYS: dict[str, Way] = {
    "in private": Way("message", _private, DOES, ASK),
    "in a group": Way("message", _group, DOES),
    "in a topic": Way("message", _topic, DOES),
    "as a reply": Way("message", _reply, DOES),
    "by our name": Way("message", _by_our_name, DOES),
    "in a migrated group": Way("message", _migrated, DOES),
    "edited in private": Way("edited_message", _edited_in_private, EDITED),
    "edited in a group": Way("edited_message", _edited_in_a_group, EDITED),
    "forwarded in private": Way("message", _forwarded_in_private, FORWARDED, ASK),
    "forwarded in a group": Way("message", _forwarded_in_a_group, FORWARDED),
    "by an inline bot": Way("message", _by_an_inline_bot, FORWARDED),
    "as a caption in private": Way("message", _caption_in_private, TALK, ASK),
    "as a caption in a group": Way("message", _caption_in_a_group, SILENCE),
    "behind other words": Way("message", _behind_other_words, SILENCE),
    "to another bot": Way("message", _to_another_bot, SILENCE),
    "by an anonymous admin": Way("message", _anonymous_admin, SILENCE),
    "in the name of a channel": Way("message", _in_the_name_of_a_channel, SILENCE),
    "by a linked channel": Way("message", _post_of_a_linked_channel, SILENCE),
    "by another bot": Way("message", _by_another_bot, SILENCE),
    "by Telegram itself": Way("message", _by_telegram_itself, SILENCE),
    "by an anonymous id": Way("message", _by_somebody_s_anonymous_id, SILENCE),
    **{
        f"as {kind}": Way(kind, _unasked(kind), SILENCE)
        for kind in (
            *("channel_post", "edited_channel_post", "business_message", "edited_business_message"),
            "guest_message",
        )
    },
}

NO_COMMAND = {
    "callback_query": "test_access_buttons walks it",
    **dict.fromkeys(
        (
            *("inline_query", "chosen_inline_result", "shipping_query", "pre_checkout_query", "poll", "poll_answer"),
            *("my_chat_member", "chat_member", "chat_join_request", "chat_boost", "removed_chat_boost"),
            *("message_reaction", "message_reaction_count", "business_connection", "deleted_business_messages"),
            *("purchased_paid_media", "managed_bot"),
        ),
        "holds no message; not asked for",
    ),
}
"""Kinds of update in which no command can come, and why they are no row of `WAYS`."""


# the table is whole


async def test_every_command_has_a_row(start_team: StartTeam) -> None:
    team = await start_team()
    handlers = team.app.leader.telegram._application.handlers[0]
    commands = {name for one in handlers for name in getattr(one, "commands", ())}
    assert commands == COMMANDS.keys()
    assert {name for name, _, _ in replies.COMMANDS} == COMMANDS.keys() - {"start"}


def test_every_kind_of_update_has_a_row() -> None:
    assert {str(kind) for kind in UpdateType} <= {way.kind for way in WAYS.values()} | NO_COMMAND.keys()
    assert set(ALLOWED_UPDATES) == {"message", "edited_message", "callback_query"}


# the walk


ALLOWED = [name for name, way in WAYS.items() if way.known == DOES]


@pytest.mark.parametrize("way", ALLOWED)
@pytest.mark.parametrize("who", sorted(KNOWN))
async def test_who_has_a_role_gets_what_the_command_s_row_says(start_team: StartTeam, who: Who, way: str) -> None:
    scene = await start_scene(start_team)
    for row in COMMANDS.values():
        message = await WAYS[way].say(scene, who, row.typed)
        assert message is not None
        answers = await scene.team.until(lambda: answers_to(scene, message))  # noqa: B023 - called before the next turn
        assert any(row.words(who) in text for text in answers), (row.typed, answers)
    await scene.team.settled()


def answers_to(scene: Scene, message: Message) -> list[str]:
    """What the bot answered to this very message."""
    posts = scene.team.telegram.from_bot(message.chat)
    return [post.text for post in posts if post.reply_to is not None and post.reply_to.id == message.id]


WALKED = [(name, who) for name, way in WAYS.items() for who in Who if way.known != DOES or who is Who.STRANGER]


@pytest.mark.parametrize("way", list(dict.fromkeys(name for name, _ in WALKED)))
async def test_all_else_does_nothing_and_is_told_what_its_row_says(start_team: StartTeam, way: str) -> None:
    scene = await start_scene(start_team)
    for who in (who for name, who in WALKED if name == way):
        done, before = await acts(scene.team), said(scene.team)
        told = WAYS[way].stranger if who is Who.STRANGER else WAYS[way].known
        for row in COMMANDS.values():
            await WAYS[way].say(scene, who, row.typed)
        assert await acts(scene.team) == done, who
        new = said(scene.team)
        for text in before:
            new.remove(text)
        # A stranger is answered once a minute, whatever is written meanwhile.
        times = 0 if told == SILENCE else 1 if who is Who.STRANGER else len(COMMANDS)
        assert len(new) == times, (who, new)
        assert all(told in text for text in new), (who, new)
