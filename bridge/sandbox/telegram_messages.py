"""The methods that write: send, edit and delete a message, and answer a pressed button."""

from typing import Any

from bridge.sandbox import telegram_errors as errors
from bridge.sandbox.telegram_chats import chat_of, thread_of
from bridge.sandbox.telegram_errors import bad_request, forbidden
from bridge.sandbox.telegram_markup import MarkupError, Rich, from_html, trimmed, units, with_found
from bridge.sandbox.telegram_requests import inline_keyboard
from bridge.sandbox.telegram_state import Chat, Keyboard, Kind, Message, Standing
from bridge.sandbox.telegram_world import Answer, World

Json = dict[str, Any]

TEXT_LIMIT = 4096
ANSWER_LIMIT = 200


def send_message(world: World, params: Json) -> Json:
    rich = _text(params)
    keyboard = inline_keyboard(params.get("reply_markup"))
    chat = chat_of(world, params, write=True)
    thread = thread_of(chat, params.get("message_thread_id") or 0)
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
    chat = chat_of(world, params)
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
    chat = chat_of(world, params)
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
