"""The methods of the Bot API that a bot like ours calls, but getUpdates: that one waits, and stands with the server."""

from collections.abc import Callable
from typing import Any

from bridge.sandbox import telegram_bot_settings as bot
from bridge.sandbox import telegram_chats as chats
from bridge.sandbox import telegram_messages as messages
from bridge.sandbox.telegram_world import World

Json = dict[str, Any]
Method = Callable[[World, Json], Any]

# By name in lower case: Telegram takes any. Each takes the world and typed parameters, and gives `result` or
# raises Refusal.
METHODS: dict[str, Method] = {
    "getme": bot.get_me,
    "sendmessage": messages.send_message,
    "editmessagetext": messages.edit_message_text,
    "editmessagereplymarkup": messages.edit_message_reply_markup,
    "deletemessage": messages.delete_message,
    "answercallbackquery": messages.answer_callback_query,
    "setmycommands": bot.set_my_commands,
    "getmycommands": bot.get_my_commands,
    "deletemycommands": bot.delete_my_commands,
    "getchat": chats.get_chat,
    "sendchataction": chats.send_chat_action,
    "setwebhook": bot.set_webhook,
    "deletewebhook": bot.delete_webhook,
    "getwebhookinfo": bot.get_webhook_info,
}
