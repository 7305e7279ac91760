"""What the demo page is shown: the world as plain JSON, and what changed since a reader last looked."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bridge.sandbox import on_call
from bridge.sandbox.alert_source import AlertSource
from bridge.sandbox.handset import received
from bridge.sandbox.msmpusher import MsmpusherSandbox, SentSms
from bridge.sandbox.msmpusher_modes import Mode
from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_state import Chat, Kind, Message

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Switch:
    mode: Mode
    label: str
    sentence: str

    def json(self) -> Json:
        return {"mode": str(self.mode), "label": self.label, "sentence": self.sentence}


SWITCHES = (
    Switch(mode=Mode.OK, label="Works", sentence="The phone buzzes, the chat says accepted."),
    Switch(mode=Mode.NO_BALANCE, label="Balance gone (1003)", sentence="Nothing is sent. The chat says why, at once."),
    Switch(mode=Mode.BAD_KEY, label="Key mismatch (1004)", sentence="Nothing is sent. The chat says the key is wrong."),
    Switch(mode=Mode.BAD_NUMBER, label="Invalid number (1005)", sentence="Refused for good. Sending again is no help."),
    Switch(mode=Mode.FAILS, label="Fails (1009)", sentence="Not sent, so it is tried again. Switch back and watch."),
    Switch(
        mode=Mode.TIMEOUT_AFTER_ACCEPT,
        label="Time-out after accepting",
        sentence="The phone buzzes, but no answer comes. After some seconds the chat asks what to do.",
    ),
    Switch(mode=Mode.DOWN, label="Down", sentence="No connection. It waits and is tried again. Switch back and watch."),
    Switch(mode=Mode.SLOW, label="Slow", sentence="The phone buzzes, the answer takes 2 s. The chat waits with you."),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    id: int
    first_name: str
    last_name: str
    role: str

    def json(self) -> Json:
        name = f"{self.first_name} {self.last_name}".strip()
        return {"id": self.id, "name": name, "short": self.first_name, "role": self.role}


@dataclass(kw_only=True, slots=True)
class Phones:
    """What arrived, in order. `at`: Unix seconds."""

    arrived: list[Json] = field(default_factory=list)

    def buzz(self, sms: SentSms, at: float) -> None:
        got = received(sms.text)
        before = sum(item["number"] == sms.number and item["text"] == sms.text for item in self.arrived)
        item = {
            "number": sms.number,
            "text": sms.text,
            "sender": sms.sender,
            "at": at,
            "alphabet": str(got.alphabet),
            "parts": got.parts,
            "before": before,  # how often this phone already got this very text
        }
        self.arrived.append(item)


@dataclass(kw_only=True, slots=True)
class View:
    """What one reader of the page sees. `changes` gives (event, data) since the last call."""

    telegram: TelegramSandbox
    gateway: MsmpusherSandbox
    phones: Phones
    people: tuple[Person, ...]
    alert_source: AlertSource
    _messages: dict[tuple[int, int], Message] = field(default_factory=dict)
    _phones: int = 0
    _mode: str = ""
    _alerts: list[Json] = field(default_factory=list)
    _rest: str = ""

    def snapshot(self) -> Json:
        self._messages = {(m.chat_id, m.id): m for m in self._all()}
        self._phones = len(self.phones.arrived)
        self._mode = str(self.gateway.mode)
        self._alerts = self.alert_source.standing()
        rest = self._about()
        self._rest = json.dumps(rest)
        return {
            "people": [person.json() for person in self.people],
            "switches": [switch.json() for switch in SWITCHES],
            "messages": [_message(m) for m in self._all()],
            "phones": self.phones.arrived,
            "gateway": self._mode,
            "alerts": self._alerts,
            "oncall": on_call.plan(),
            "about": rest,
        }

    def changes(self) -> Iterator[tuple[str, Json | list[Json]]]:
        if self._phones > len(self.phones.arrived):  # cleared
            yield "snapshot", self.snapshot()
            return
        now = {(m.chat_id, m.id): m for m in self._all()}
        for key, message in now.items():
            if self._messages.get(key) is not message:
                yield "message", _message(message)
        for chat_id, message_id in self._messages.keys() - now.keys():
            yield "gone", {"chat": chat_id, "id": message_id}
        self._messages = now
        if new := self.phones.arrived[self._phones :]:
            self._phones += len(new)
            yield "sms", new
        if self._mode != str(self.gateway.mode):
            self._mode = str(self.gateway.mode)
            yield "gateway", {"mode": self._mode}
        if self._alerts != (standing := self.alert_source.standing()):
            self._alerts = standing
            yield "alerts", standing
        rest = self._about()
        if self._rest != (text := json.dumps(rest)):
            self._rest = text
            yield "about", rest

    def _all(self) -> list[Message]:
        return [m for chat in self.telegram.world.chats.values() for m in self.telegram.messages(chat)]

    def _about(self) -> Json:
        """What changes seldom: chats, the bot, its command menus."""
        chats = list(self.telegram.world.chats.values())
        bot = self.telegram.world.bot
        return {
            "bot": {"id": bot.id, "name": bot.first_name, "online": self.telegram.polled},
            "chats": [
                {"id": c.id, "title": c.title or bot.first_name, "private": c.kind is Kind.PRIVATE} for c in chats
            ],
            "menus": [
                {"person": person.id, "chat": chat.id, "commands": self._menu(chat, person.id)}
                for person in self.people
                for chat in chats
                if person.id in chat.members
            ],
        }

    def _menu(self, chat: Chat, person_id: int) -> list[Json]:
        """The command menu that this person sees here: the narrowest scope that is set (Bot API, BotCommandScope)."""
        private = chat.kind is Kind.PRIVATE
        scopes: list[Json] = [
            *([] if private else [{"type": "chat_member", "chat_id": chat.id, "user_id": person_id}]),
            {"type": "chat", "chat_id": chat.id},
            {"type": "all_private_chats" if private else "all_group_chats"},
            {"type": "default"},
        ]
        commands = self.telegram.world.commands
        keys = (json.dumps([scope, ""], sort_keys=True) for scope in scopes)
        return next((commands[key] for key in keys if key in commands), [])


def _message(message: Message) -> Json:
    sender = message.sender
    reply = message.reply_to
    return {
        "id": message.id,
        "chat": message.chat_id,
        "from": {"id": sender.id, "name": sender.first_name, "bot": sender.is_bot} if sender else None,
        "date": message.date,
        "text": message.text,
        "entities": message.entities,
        "keyboard": [
            [{"text": b.text, "data": b.callback_data, "url": b.url} for b in row] for row in message.keyboard
        ],
        "reply": reply
        and {"id": reply.id, "name": reply.sender.first_name if reply.sender else "", "text": reply.text[:160]},
        "edited": message.edited is not None,
    }
