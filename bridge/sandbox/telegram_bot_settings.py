"""The bot's own settings: what it is, its command menus, its webhook."""

import json
import re
from typing import Any

from bridge.sandbox.telegram_chats import chat_of
from bridge.sandbox.telegram_errors import bad_request
from bridge.sandbox.telegram_markup import units
from bridge.sandbox.telegram_updates import Webhook
from bridge.sandbox.telegram_webhook import check_address
from bridge.sandbox.telegram_world import World

Json = dict[str, Any]

MAX_CONNECTIONS = 40  # Telegram's default
MOST_CONNECTIONS = 100
COMMAND_SCOPES = frozenset(
    {
        *("default", "all_private_chats", "all_group_chats", "all_chat_administrators"),
        *("chat", "chat_administrators", "chat_member"),
    }
)


def get_me(world: World, _: Json) -> Json:
    return {
        **world.bot.json(),
        "can_join_groups": True,
        "can_read_all_group_messages": not world.privacy,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def set_my_commands(world: World, params: Json) -> bool:
    commands = params.get("commands")
    if not isinstance(commands, list):
        raise bad_request("can't parse commands JSON object")
    if len(commands) > 100:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        name, about = str(command.get("command", "")).removeprefix("/"), str(command.get("description", ""))
        if not (0 < len(name) <= 32 and name.replace("_", "a").isalnum() and name.isascii() and name == name.lower()):
            raise bad_request("BOT_COMMAND_INVALID")
        if not about or units(about) > 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    world.commands[_scope(world, params)] = commands
    return True


def get_my_commands(world: World, params: Json) -> list[Json]:
    return world.commands.get(_scope(world, params), [])


def delete_my_commands(world: World, params: Json) -> bool:
    world.commands.pop(_scope(world, params), None)
    return True


def set_webhook(world: World, params: Json) -> bool:
    url, secret = str(params.get("url", "")), str(params.get("secret_token", ""))
    if url:
        check_address(url)
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret):
        raise bad_request("secret token contains unallowed characters")
    connections = min(max(params.get("max_connections") or MAX_CONNECTIONS, 1), MOST_CONNECTIONS)
    if not url or world.webhook is None or world.webhook.url != url:
        world.webhook_error = None
    world.webhook = Webhook(url=url, secret=secret, max_connections=connections) if url else None
    if "allowed_updates" in params:
        world.updates.allow(params["allowed_updates"] or ())
    if params.get("drop_pending_updates"):
        world.updates.clear()
    world.changes.notify()
    return True


def delete_webhook(world: World, params: Json) -> bool:
    return set_webhook(world, {**params, "url": ""})


def get_webhook_info(world: World, _: Json) -> Json:
    info: Json = {
        "url": world.webhook.url if world.webhook else "",
        "has_custom_certificate": False,
        "pending_update_count": len(world.updates.unconfirmed),
    }
    if world.updates.allowed:
        info["allowed_updates"] = world.updates.allowed
    if world.webhook:
        info["max_connections"] = world.webhook.max_connections
    if world.webhook_error:
        info["last_error_date"], info["last_error_message"] = world.webhook_error
    return info


def _scope(world: World, params: Json) -> str:
    scope = params.get("scope") or {"type": "default"}
    if not isinstance(scope, dict) or scope.get("type") not in COMMAND_SCOPES:
        raise bad_request("can't parse BotCommandScope: Unsupported type specified")
    if "chat_id" in scope:
        chat_of(world, {"chat_id": scope["chat_id"]})
    return json.dumps([scope, params.get("language_code", "")], sort_keys=True)
