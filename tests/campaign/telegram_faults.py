"""What Telegram can show: refusals, broken answers, limits, and chats that change under the bot."""

import re
from collections.abc import Mapping
from dataclasses import replace

from bridge.sandbox.telegram_errors import Refusal
from bridge.sandbox.telegram_faults import (
    BAD_GATEWAY,
    CLOSE,
    CONFLICT,
    CUT_JSON,
    HANG,
    RESET,
    SERVER_ERROR,
    SHORT_JSON,
    UNAUTHORIZED,
    Fault,
    flood,
    refused,
)
from bridge.sandbox.telegram_limits import NO_LIMITS, FloodGate, Limits, Rate
from bridge.sandbox.telegram_state import Standing
from tests.campaign.stage import Act, Stage

EVERYTHING = ("*",)
POSTS = ("sendMessage", "editMessageText")
UPDATES = ("getUpdates",)

# What it answers, and to which methods.
FAULTS: Mapping[str, tuple[Fault, tuple[str, ...]]] = {
    "429 for every post": (flood(1), POSTS),
    "429 for everything": (flood(2), EVERYTHING),
    "401": (UNAUTHORIZED, EVERYTHING),
    "404": (refused(Refusal(code=404, description="Not Found")), EVERYTHING),
    "409": (CONFLICT, UPDATES),
    "500": (SERVER_ERROR, EVERYTHING),
    "502, HTML": (BAD_GATEWAY, EVERYTHING),
    "cut JSON": (CUT_JSON, EVERYTHING),
    "half a JSON": (SHORT_JSON, EVERYTHING),
    "hangs": (HANG, EVERYTHING),
    "hangs with updates": (HANG, UPDATES),
    "resets": (RESET, EVERYTHING),
    "closes": (CLOSE, EVERYTHING),
    "takes posts, and resets": (replace(RESET, done=True), ("sendMessage",)),
    "edits, and resets: not modified next time": (replace(RESET, done=True), ("editMessageText",)),
    "gives updates, and cuts them": (replace(CUT_JSON, done=True), UPDATES),
}


def answers(fault: tuple[Fault, tuple[str, ...]]) -> Act:
    """It answers so from now on."""

    def begin(stage: Stage) -> None:
        answer, methods = fault
        for method in methods:
            stage.scene.telegram.fault(answer, method=method, times=None)

    return begin


async def is_well(stage: Stage) -> None:
    """As it should be. Connections that hang are broken, as they are some day."""
    telegram = stage.scene.telegram
    telegram.faults.clear()
    telegram.world.flood = FloodGate(NO_LIMITS, telegram.world.clock)
    telegram.world.answer_within_s = 60
    await goes_away(stage)
    await comes_back(stage)


async def goes_away(stage: Stage) -> None:
    """The port is closed, and every connection broken."""
    await stage.scene.telegram.stop()


async def comes_back(stage: Stage) -> None:
    """On the same port; it has forgotten nothing."""
    await stage.scene.telegram.start()


def limits_chats(stage: Stage) -> None:
    """A post every two seconds in each chat, far less than it publishes."""
    world = stage.scene.telegram.world
    world.flood = FloodGate(Limits(overall=None, chat=Rate(per_s=0.5, burst=1), group=None), world.clock)


def limits_all(stage: Stage) -> None:
    """Two posts a second, whatever the chat."""
    world = stage.scene.telegram.world
    world.flood = FloodGate(Limits(overall=Rate(per_s=2, burst=2), chat=None, group=None), world.clock)


def forgets_presses(stage: Stage) -> None:
    """A press can never be answered in time."""
    stage.scene.telegram.world.answer_within_s = -1


def migrates(stage: Stage) -> None:
    """The alerts' group gets another id."""
    stage.scene.telegram.migrate(stage.group)


def deletes_the_topic(stage: Stage) -> None:
    """With all that stands in it."""
    stage.scene.telegram.delete_topic(stage.topic)


def removes_the_bot(stage: Stage) -> None:
    """From the alerts' group."""
    stage.scene.telegram.kick(stage.group)


def is_blocked(stage: Stage) -> None:
    """By everybody who wrote so far."""
    telegram = stage.scene.telegram
    for user in {*stage.writers}:
        if telegram.private(user).standing is not Standing.KICKED:
            telegram.block(user)


_OF_MESSAGE = re.compile(r"#(\d+) ")
_NOT_THE_END = ("🕒", "❓")


def loses_cards(stage: Stage) -> None:
    """People delete all that the bot wrote to them. Telegram tells nobody: only an edit finds that a card is gone."""
    telegram = stage.scene.telegram
    for chat in list(telegram.world.chats.values()):
        for message in telegram.from_bot(chat):
            if (found := _OF_MESSAGE.match(message.text)) and not any(sign in message.text for sign in _NOT_THE_END):
                stage.deleted.add(int(found[1]))
            telegram.delete(message)
