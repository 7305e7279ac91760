"""What there is in Telegram: users, chats, topics, messages, and how each looks as Bot API JSON.

Messages are frozen and replaced when they change, so what a test holds in its hand stays what it was.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from bridge.sandbox.telegram_markup import Entity, Rich

Json = dict[str, Any]


class Kind(StrEnum):
    PRIVATE = "private"
    GROUP = "group"
    SUPERGROUP = "supergroup"
    CHANNEL = "channel"


class Standing(StrEnum):
    """What the bot is in a chat; for a private chat, what the person lets it do."""

    MEMBER = "member"
    ADMINISTRATOR = "administrator"
    KICKED = "kicked"  # a person who blocked the bot, or a group that removed it for good
    LEFT = "left"


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    is_bot: bool = False
    language_code: str = "en"

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def json(self) -> Json:
        data: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        if self.last_name:
            data["last_name"] = self.last_name
        if self.username:
            data["username"] = self.username
        if not self.is_bot:
            data["language_code"] = self.language_code
        return data


TELEGRAM = User(id=777000, first_name="Telegram")
ANONYMOUS_ADMIN = User(id=1087968824, first_name="Group", username="GroupAnonymousBot", is_bot=True)
CHANNEL_BOT = User(id=136817688, first_name="Channel", username="Channel_Bot", is_bot=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Button:
    text: str
    callback_data: str = ""
    url: str = ""

    def json(self) -> Json:
        return {"text": self.text, **({"url": self.url} if self.url else {"callback_data": self.callback_data})}


Keyboard = tuple[tuple[Button, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """A forum topic. `id` is both its thread and the id of the service message that opened it."""

    id: int
    name: str
    chat_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message as it is now. `date`, `edited`: Unix seconds."""

    id: int
    chat: "Chat"
    date: int
    sender: User | None
    sender_chat: "Chat | None" = None
    text: str = ""
    entities: tuple[Entity, ...] = ()
    photo: bool = False  # then `text` is the caption
    keyboard: Keyboard = ()
    reply_to: "Message | None" = None
    quote: str = ""
    thread_id: int | None = None
    topic: bool = False
    forward_origin: Json | None = None
    automatic_forward: bool = False
    via_bot: User | None = None  # the inline bot whose offer this is
    service: Json | None = None  # the field of a service message, such as `forum_topic_created`
    edited: int | None = None

    @property
    def chat_id(self) -> int:
        return self.chat.id

    @property
    def buttons(self) -> tuple[Button, ...]:
        return tuple(button for row in self.keyboard for button in row)

    @property
    def rich(self) -> Rich:
        return Rich(text=self.text, entities=self.entities)

    def json(self, *, with_reply: bool = True) -> Json:
        """As the Bot API shows it: a reply is shown one level deep."""
        data: Json = {"message_id": self.id, "date": self.date, "chat": self.chat.json()}
        if self.sender:
            data["from"] = self.sender.json()
        if self.sender_chat:
            data["sender_chat"] = self.sender_chat.json()
        if self.thread_id is not None:
            data["message_thread_id"] = self.thread_id
        if self.topic:
            data["is_topic_message"] = True
        if self.edited is not None:
            data["edit_date"] = self.edited
        if self.forward_origin:
            data["forward_origin"] = self.forward_origin
        if self.automatic_forward:
            data["is_automatic_forward"] = True
        if self.via_bot:
            data["via_bot"] = self.via_bot.json()
        if self.service:
            data |= self.service
        data |= self._content()
        if self.keyboard:
            data["reply_markup"] = {"inline_keyboard": [[b.json() for b in row] for row in self.keyboard]}
        if self.reply_to and with_reply:
            data["reply_to_message"] = self.reply_to.json(with_reply=False)
            if self.quote:
                start = max(self.reply_to.text.find(self.quote), 0)
                data["quote"] = {"text": self.quote, "position": start, "is_manual": True}
        return data

    def _content(self) -> Json:
        words, marks = ("caption", "caption_entities") if self.photo else ("text", "entities")
        data: Json = {}
        if self.photo:
            size = {"file_id": f"photo-{self.id}", "file_unique_id": f"u{self.id}", "width": 90, "height": 60}
            data["photo"] = [size]
        if self.text:
            data[words] = self.text
        if self.entities:
            data[marks] = list(self.entities)
        return data


@dataclass(kw_only=True, eq=False, slots=True)
class Chat:
    """A chat with its messages. Two chats are the same only if they are one object."""

    id: int
    kind: Kind
    title: str = ""
    user: User | None = None
    username: str = ""
    forum: bool = False
    standing: Standing = Standing.MEMBER
    members: set[int] = field(default_factory=set)
    topics: dict[int, Topic] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    migrated_to: int | None = None

    def __repr__(self) -> str:
        return f"Chat({self.id}, {self.kind}, {self.title or (self.user and self.user.name)!r})"

    def json(self) -> Json:
        data: Json = {"id": self.id, "type": str(self.kind)}
        if self.user:
            data |= {k: v for k, v in self.user.json().items() if k in ("first_name", "last_name", "username")}
        if self.title:
            data["title"] = self.title
        if self.username:
            data["username"] = self.username
        if self.forum:
            data["is_forum"] = True
        return data

    def put(self, message: Message) -> Message:
        self.messages[message.id] = message
        return message

    def change(self, message: Message, **changes: Any) -> Message:
        return self.put(replace(message, **changes))
