"""Somebody else's Bot API server (lo-bot-api-emulator), so that our sandbox cannot forgive what Telegram refuses.

The emulator checks every request and hands out the updates. It keeps no chats; those, and the people in them, are
our sandbox's, which here never answers the bot: it only remembers what the emulator took.

What the emulator cannot do: edited messages and channel posts (it queues messages, presses and inline queries only),
topics (it refuses `message_thread_id`), supergroup migration, flood limits, and whether a message to edit is there.
It gives its bot no user name, which every bot of Telegram has: one is added.
"""

import asyncio
from typing import Any

from aiohttp import web
from lo_bot_api_emulator import LoBotApiEmulator

from bridge.sandbox.telegram import BOT, Call, TelegramSandbox
from bridge.sandbox.telegram_markup import from_html, trimmed, with_found
from bridge.sandbox.telegram_requests import inline_keyboard
from bridge.sandbox.telegram_state import Chat, Message
from bridge.sandbox.telegram_updates import Update, Updates
from bridge.sandbox.telegram_world import Answer

Json = dict[str, Any]

QUEUED = frozenset({"message", "callback_query"})
FIRST_POST = 1_000_000  # ids of the emulator's messages: beyond those that people's messages get


class StrictTelegram(TelegramSandbox):
    """People as in the sandbox, and the emulator as the server."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.emulator = _Observed(self)
        self.world.updates = _Forwarded(self.world.now, self.emulator, self.token)
        self._runner = web.AppRunner(self.emulator.app(), access_log=None)
        self._url = ""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self._url = f"http://{host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        self.world.updates.stop()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return self._url

    def took(self, method: str, fields: Json, result: Any) -> None:
        """The emulator let a call through: what people see of it."""
        self.calls.append(Call(method=method, params=fields, at=self.world.clock(), status=200, answer={"ok": True}))
        match method:
            case "sendMessage" | "editMessageText":
                self._shows(method, fields, result)
            case "answerCallbackQuery":
                query = self.world.queries.pop(str(fields["callback_query_id"]))
                query.answered.set_result(Answer(text=str(fields.get("text", ""))))
            case "getUpdates":
                if "allowed_updates" in fields:
                    self.world.updates.allow(self.emulator.decoded(fields["allowed_updates"]))
                self.world.updates.confirm_below(int(fields.get("offset", 0)))
        if self.on_done is not None:
            self.on_done(method, fields)
        self.world.changes.notify()

    def _shows(self, method: str, fields: Json, result: Json) -> None:
        chat = self.world.chats[int(fields["chat_id"])]
        rich = with_found(trimmed(from_html(fields["text"])))
        markup = fields.get("reply_markup")
        keyboard = inline_keyboard(self.emulator.decoded(markup)) if markup else ()
        message_id = int(result["message_id"])
        if method == "editMessageText":
            changes: Json = {"text": rich.text, "entities": rich.entities, "keyboard": keyboard}
            chat.change(chat.messages[message_id], **changes, edited=self.world.seconds())
            return
        reply = self.emulator.decoded(fields.get("reply_parameters") or "{}")
        chat.put(
            Message(
                id=message_id,
                chat=chat,
                date=self.world.seconds(),
                sender=self.world.bot,
                text=rich.text,
                entities=rich.entities,
                keyboard=keyboard,
                reply_to=_replied(chat, reply),
            )
        )


def _replied(chat: Chat, reply: Json) -> Message | None:
    return chat.messages.get(int(reply.get("message_id", 0)))


class _Observed(LoBotApiEmulator):
    """Tells `telegram` of every call that it lets through."""

    def __init__(self, telegram: StrictTelegram) -> None:
        super().__init__(allow_insecure_loopback_webhooks=True)
        self.next_id = FIRST_POST
        self._telegram = telegram

    def validate(self, method: str, fields: Json, uploads: Json) -> Any:
        result = super().validate(method, fields, uploads)
        if method == "getMe":
            return {**result, "id": BOT.id, "username": BOT.username}
        self._telegram.took(method, dict(fields), result)
        return result

    def _record(self, item: Json) -> None:
        super()._record(item)
        if item.get("event") == "webhook" and 200 <= item["status"] < 300:
            for update_id in item["update_ids"]:
                self._telegram.world.updates.confirm(update_id)
            self._telegram.world.changes.notify()


class _Forwarded(Updates):
    """The sandbox's queue, each update handed to the emulator as it arises, in order."""

    def __init__(self, now: Any, emulator: LoBotApiEmulator, token: str) -> None:
        super().__init__(now)
        self._emulator = emulator
        self._token = token
        self._waiting: asyncio.Queue[Update] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def put(self, kind: str, payload: Json) -> Update | None:
        update = super().put(kind, payload)
        if update is not None:
            if kind not in QUEUED:
                raise NotImplementedError(f"the emulator cannot queue {kind}")
            self._waiting.put_nowait(update)
            self._task = self._task or asyncio.create_task(self._forward())
        return update

    async def _forward(self) -> None:
        while True:
            update = await self._waiting.get()
            await self._emulator.enqueue_update(update.json(), token=self._token)

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
