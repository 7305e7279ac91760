"""The methods of the Bot API that a bot like ours calls.

Each takes the world and typed parameters, and gives `result` or raises Refusal.
"""

import json
from collections.abc import Callable
from typing import Any

from bridge.sandbox import telegram_errors as errors
from bridge.sandbox.telegram_errors import bad_request, forbidden
from bridge.sandbox.telegram_markup import MarkupError, Rich, from_html, trimmed, units, with_found
from bridge.sandbox.telegram_requests import inline_keyboard
from bridge.sandbox.telegram_state import Chat, Keyboard, Kind, Message, Standing
from bridge.sandbox.telegram_world import Answer, Webhook, World

Json = dict[str, Any]
Method = Callable[[World, Json], Any]

TEXT_LIMIT = 4096
ANSWER_LIMIT = 200
ACTIONS = frozenset(
    {
        *("typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document"),
        *("choose_sticker", "find_location", "record_video_note", "upload_video_note"),
    }
)
COMMAND_SCOPES = frozenset(
    {
        *("default", "all_private_chats", "all_group_chats", "all_chat_administrators"),
        *("chat", "chat_administrators", "chat_member"),
    }
)
GONE = {  # why the bot may not write: by kind of chat and standing
    (Kind.PRIVATE, Standing.KICKED): "bot was blocked by the user",
    (Kind.GROUP, Standing.KICKED): "bot was kicked from the group chat",
    (Kind.SUPERGROUP, Standing.KICKED): "bot was kicked from the supergroup chat",
    (Kind.CHANNEL, Standing.KICKED): "bot was kicked from the channel chat",
    (Kind.GROUP, Standing.LEFT): "bot is not a member of the group chat",
    (Kind.SUPERGROUP, Standing.LEFT): "bot is not a member of the supergroup chat",
    (Kind.CHANNEL, Standing.LEFT): "bot is not a member of the channel chat",
}


def get_me(world: World, _: Json) -> Json:
    return {
        **world.bot.json(),
        "can_join_groups": True,
        "can_read_all_group_messages": not world.privacy,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def send_message(world: World, params: Json) -> Json:
    rich = _text(params)
    keyboard = inline_keyboard(params.get("reply_markup"))
    chat = _chat(world, params, write=True)
    thread = _thread(chat, params.get("message_thread_id") or 0)
    reply_to, quote = _reply(chat, params)
    if units(rich.text) > TEXT_LIMIT:
        raise bad_request("message is too long")
    _flood(world, chat)
    if thread is None and reply_to is not None and reply_to.topic:
        thread = reply_to.thread_id
    message = chat.put(
        Message(
            id=world.next_message_id(chat),
            chat=chat,
            date=world.seconds(),
            sender=None if chat.kind is Kind.CHANNEL else world.bot,
            sender_chat=chat if chat.kind is Kind.CHANNEL else None,
            text=rich.text,
            entities=rich.entities,
            keyboard=keyboard,
            reply_to=reply_to or (chat.messages.get(thread) if thread else None),
            quote=quote,
            thread_id=thread,
            topic=thread is not None,
        )
    )
    return message.json()


def edit_message_text(world: World, params: Json) -> Json:
    rich = _text(params)
    keyboard = inline_keyboard(params.get("reply_markup"))
    message = _own_message(world, params)
    if message.photo:
        raise bad_request("there is no text in the message to edit")
    if units(rich.text) > TEXT_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    return _edit(world, message, rich, keyboard)


def edit_message_reply_markup(world: World, params: Json) -> Json:
    keyboard = inline_keyboard(params.get("reply_markup"))
    message = _own_message(world, params)
    return _edit(world, message, message.rich, keyboard)


def delete_message(world: World, params: Json) -> bool:
    chat = _chat(world, params)
    message = chat.messages.get(params.get("message_id", 0))
    if message is None:
        raise bad_request("message to delete not found")
    ours = message.sender is world.bot or chat.kind is Kind.PRIVATE or chat.standing is Standing.ADMINISTRATOR
    if not ours or world.now() - message.date > 48 * 3600:
        raise bad_request("message can't be deleted for everyone")
    del chat.messages[message.id]
    return True


def answer_callback_query(world: World, params: Json) -> bool:
    text = str(params.get("text", ""))
    query = world.queries.get(str(params.get("callback_query_id", "")))
    if query is None or world.clock() - query.at > world.answer_within_s:
        raise bad_request(errors.QUERY_TOO_OLD)
    if units(text) > ANSWER_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    del world.queries[query.id]
    if not query.answered.done():
        query.answered.set_result(Answer(text=text, alert=bool(params.get("show_alert"))))
    return True


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


def get_chat(world: World, params: Json) -> Json:
    chat = _chat(world, params)
    return {**chat.json(), "accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}


_NO_GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)


def send_chat_action(world: World, params: Json) -> bool:
    if params.get("action") not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    _thread(_chat(world, params, write=True), params.get("message_thread_id") or 0)
    return True


def set_webhook(world: World, params: Json) -> bool:
    url = str(params.get("url", ""))
    if url and not url.startswith("https://"):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    world.webhook = Webhook(url=url, allowed_updates=tuple(params.get("allowed_updates") or ()))
    if "allowed_updates" in params:
        world.updates.allow(params["allowed_updates"] or ())
    if params.get("drop_pending_updates"):
        world.updates.clear()
    return True


def delete_webhook(world: World, params: Json) -> bool:
    return set_webhook(world, {**params, "url": ""})


def get_webhook_info(world: World, _: Json) -> Json:
    info: Json = {
        "url": world.webhook.url,
        "has_custom_certificate": False,
        "pending_update_count": len(world.updates.unconfirmed),
    }
    if world.webhook.url:
        info |= {"max_connections": world.webhook.max_connections}
    return info


METHODS: dict[str, Method] = {
    "getme": get_me,
    "sendmessage": send_message,
    "editmessagetext": edit_message_text,
    "editmessagereplymarkup": edit_message_reply_markup,
    "deletemessage": delete_message,
    "answercallbackquery": answer_callback_query,
    "setmycommands": set_my_commands,
    "getmycommands": get_my_commands,
    "deletemycommands": delete_my_commands,
    "getchat": get_chat,
    "sendchataction": send_chat_action,
    "setwebhook": set_webhook,
    "deletewebhook": delete_webhook,
    "getwebhookinfo": get_webhook_info,
}


def _text(params: Json) -> Rich:
    text, mode = str(params.get("text", "")), str(params.get("parse_mode", "")).lower()
    if not text:
        raise bad_request("message text is empty")
    if len(text.encode()) > 1 << 15:
        raise bad_request("text is too long")
    if mode in ("", "none"):
        rich = Rich(text=text, entities=tuple(params.get("entities") or ()))
    elif mode == "html":
        try:
            rich = from_html(text)
        except MarkupError as error:
            raise bad_request(f"can't parse entities: {error}") from None
    elif mode in ("markdown", "markdownv2"):
        raise bad_request("unsupported parse_mode (the sandbox reads HTML only)")
    else:
        raise bad_request("unsupported parse_mode")
    rich = with_found(trimmed(rich))
    if not rich.text:
        raise bad_request("text must be non-empty")
    return rich


def _chat(world: World, params: Json, *, write: bool = False) -> Chat:
    """The chat of `chat_id`, where the bot may be there (`write`: and may write)."""
    wanted = params.get("chat_id", "")
    if wanted == "":
        raise bad_request("chat_id is empty")
    if isinstance(wanted, str):
        named = [c for c in world.chats.values() if c.username and f"@{c.username}".lower() == wanted.lower()]
        chat = next((c for c in named if c.kind is not Kind.PRIVATE), None)
    else:
        chat = world.chats.get(wanted)
        if chat is None and wanted in world.users:
            raise forbidden("bot can't initiate conversation with a user" if write else "user not found")
    if chat is None:
        raise bad_request("chat not found")
    if chat.migrated_to is not None and write:
        raise bad_request("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to)
    if (why := GONE.get((chat.kind, chat.standing))) and (write or chat.kind is not Kind.PRIVATE):
        raise forbidden(why)
    return chat


def _thread(chat: Chat, wanted: int) -> int | None:
    """The topic to write to. Where there are no topics, Telegram ignores the parameter; General (1) has no thread."""
    if not wanted or not chat.forum:
        return None
    if wanted not in chat.topics:
        raise bad_request("message thread not found")
    return wanted


def _reply(chat: Chat, params: Json) -> tuple[Message | None, str]:
    wanted = params.get("reply_parameters") or {}
    if not isinstance(wanted, dict):
        raise bad_request("object expected as reply parameters")
    try:
        message_id = int(wanted.get("message_id") or 0)
    except (TypeError, ValueError):
        raise bad_request('field "message_id" must be a valid Number') from None
    if not message_id:
        return None, ""
    message = chat.messages.get(message_id)
    if message is None and not wanted.get("allow_sending_without_reply"):
        raise bad_request("message to be replied not found")
    quote = str(wanted.get("quote", "")) if message else ""
    if message and quote not in message.text:
        raise bad_request("QUOTE_TEXT_INVALID")
    return message, quote


def _own_message(world: World, params: Json) -> Message:
    chat = _chat(world, params)
    message_id = params.get("message_id", 0)
    if not message_id:
        raise bad_request("message identifier is not specified")
    message = chat.messages.get(message_id)
    if message is None:
        raise bad_request("message to edit not found")
    if message.sender is not world.bot and message.sender_chat is not chat:
        raise bad_request("message can't be edited")
    if chat.standing is Standing.KICKED and chat.kind is Kind.PRIVATE:
        raise forbidden("bot was blocked by the user")
    return message


def _edit(world: World, message: Message, rich: Rich, keyboard: Keyboard) -> Json:
    if rich == message.rich and keyboard == message.keyboard:
        raise bad_request(errors.NOT_MODIFIED)
    _flood(world, message.chat)
    changes: Json = {"text": rich.text, "entities": rich.entities, "keyboard": keyboard}
    if rich != message.rich:
        changes["edited"] = world.seconds()
    return message.chat.change(message, **changes).json()


def _flood(world: World, chat: Chat) -> None:
    if wait := world.flood.wait_s(chat.id, group=chat.kind is not Kind.PRIVATE):
        raise errors.too_many(wait)


def _scope(world: World, params: Json) -> str:
    scope = params.get("scope") or {"type": "default"}
    if not isinstance(scope, dict) or scope.get("type") not in COMMAND_SCOPES:
        raise bad_request("can't parse BotCommandScope: Unsupported type specified")
    if "chat_id" in scope:
        _chat(world, {"chat_id": scope["chat_id"]})
    return json.dumps([scope, params.get("language_code", "")], sort_keys=True)
