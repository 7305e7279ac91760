"""The command menu that Telegram shows: for everybody, for users, for admins."""

import logging

from telegram import Bot, BotCommand, BotCommandScopeChat, BotCommandScopeDefault
from telegram.error import BadRequest, Forbidden, TelegramError

from bridge.telegram.access import Access, Role
from bridge.telegram.replies import COMMANDS

log = logging.getLogger(__name__)


def menu(role: Role) -> list[BotCommand]:
    """The commands for this role."""
    return [BotCommand(name, words[:256]) for name, words, least in COMMANDS if role >= least]


async def register(bot: Bot, access: Access, shown: dict[int, Role]) -> None:
    """Set the menus; those of people who never pressed Start cannot be set, and are at the next start.

    `shown`: the roles whose menus are set already, by user id; who has no role any more gets everybody's again.
    """
    try:
        if not shown:
            await bot.set_my_commands(menu(Role.STRANGER), scope=BotCommandScopeDefault())
        people = access.people
        for user_id, role in (dict.fromkeys(shown, Role.STRANGER) | people).items():
            if shown.get(user_id) is not role:
                await _register_one(bot, user_id, role)
                shown[user_id] = role
    except TelegramError as error:
        # Telegram is in trouble, whoever is asked about: one line, not one for each person.
        log.warning("the command menus could not be set: %s", type(error).__name__, extra={"event": "menu.failed"})


async def _register_one(bot: Bot, user_id: int, role: Role) -> None:
    try:
        await bot.set_my_commands(menu(role), scope=BotCommandScopeChat(user_id))
    except (BadRequest, Forbidden) as error:
        log.info("no command menu for user %d yet: %s", user_id, type(error).__name__, extra={"event": "menu.failed"})
