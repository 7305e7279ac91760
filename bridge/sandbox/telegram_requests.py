"""What stands in a Bot API request: parameters from the query, JSON, a form or multipart, and their types."""

import json
from collections.abc import Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from bridge.sandbox.telegram_errors import bad_request
from bridge.sandbox.telegram_state import Button, Keyboard

Json = dict[str, Any]

STRUCTURES = {  # what it is called when it cannot be parsed
    "reply_markup": "reply keyboard markup JSON object",
    "reply_parameters": "reply parameters JSON object",
    "link_preview_options": "link preview options JSON object",
    "commands": "commands JSON object",
    "scope": "BotCommandScope JSON object",
    "entities": "entities JSON object",
    "allowed_updates": "allowed updates JSON object",
}
INTEGERS = frozenset({"message_id", "message_thread_id", "offset", "limit", "timeout", "max_connections"})
FLAGS = frozenset({"show_alert", "disable_notification", "protect_content", "drop_pending_updates"})


def parameters(query: str, content_type: str, body: bytes) -> Json:
    """Raises Refusal (400) for a body that is not what its type says."""
    raw: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    raw |= _body(content_type, body)
    return {name: _typed(name, value) for name, value in raw.items()}


def _body(content_type: str, body: bytes) -> Mapping[str, Any]:
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return {}
    if kind == "application/json":
        try:
            found = json.loads(body)
        except ValueError:
            raise bad_request("can't parse JSON object") from None
        if not isinstance(found, dict):
            raise bad_request("object expected")
        return found
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body.decode(errors="surrogateescape"), keep_blank_values=True))
    if kind == "multipart/form-data":
        message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
        parts = {}
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            payload = part.get_payload(decode=True)
            if isinstance(name, str) and isinstance(payload, bytes) and part.get_filename() is None:
                parts[name] = payload.decode(errors="surrogateescape")
        return parts
    return {}


def _typed(name: str, value: Any) -> Any:
    if name in STRUCTURES:
        return _structure(name, value)
    if name in INTEGERS:
        try:
            return int(value)
        except (TypeError, ValueError):
            return 0  # as the Bot API does
    if name in FLAGS:
        return value is True or str(value).lower() in ("true", "yes", "1")
    if name == "chat_id":
        text = str(value).strip()
        return int(text) if text.lstrip("-").isdigit() else text
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise bad_request("strings must be encoded in UTF-8") from None
        return value
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _structure(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not value:
        return None
    try:
        return json.loads(value)
    except ValueError:
        raise bad_request(f"can't parse {STRUCTURES[name]}") from None


def inline_keyboard(markup: Any) -> Keyboard:
    """The inline buttons that Telegram would show; buttons with an empty text are dropped, as Telegram does.

    Raises Refusal (400). Other keyboards than inline ones are taken and not kept: this bot has none.
    """
    if markup is None:
        return ()
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    rows = markup.get("inline_keyboard", [])
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "inline_keyboard" must be an Array of Arrays')
    parsed = (tuple(_button(button) for button in row) for row in rows)
    shown = (tuple(button for button in row if button.text) for row in parsed)
    keyboard = tuple(row for row in shown if row)
    if any(len(row) > 8 for row in keyboard) or sum(map(len, keyboard)) > 100:
        raise bad_request("reply markup is too long")
    return keyboard


def _button(button: Any) -> Button:
    prefix = "can't parse inline keyboard button: "
    if not isinstance(button, dict):
        raise bad_request(prefix + "InlineKeyboardButton must be an Object")
    if not isinstance(button.get("text"), str):
        raise bad_request(prefix + 'Can\'t find field "text"')
    data, url = button.get("callback_data") or "", button.get("url") or ""
    if not isinstance(data, str) or not isinstance(url, str):
        raise bad_request(prefix + 'Field "callback_data" must be of type String')
    if not data and not url:
        raise bad_request(prefix + "Text buttons are unallowed in the inline keyboard")
    if len(data.encode()) > 64:
        raise bad_request("BUTTON_DATA_INVALID")
    return Button(text=button["text"], callback_data="" if url else data, url=url)
