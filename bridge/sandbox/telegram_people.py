"""What people do in Telegram: write, edit, press buttons, block the bot. Each act gives the bot its update."""

import asyncio
import itertools
from dataclasses import dataclass
from typing import Any

from bridge.sandbox.telegram_markup import plain
from bridge.sandbox.telegram_state import (
    ANONYMOUS_ADMIN,
    CHANNEL_BOT,
    TELEGRAM,
    Chat,
    Kind,
    Message,
    Standing,
    Topic,
    User,
)
from bridge.sandbox.telegram_world import Answer, Query, World

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class PressResult:
    query_id: str
    answered: "asyncio.Future[Answer]"

    async def answer(self, timeout_s: float = 10) -> Answer:
        """What the bot answered. Raises TimeoutError where it never does: the person sees the button spin."""
        return await asyncio.wait_for(asyncio.shield(self.answered), timeout_s)


class People:
    """`user` may be an id or a User, `chat` an id or a Chat; without a chat, the person's private chat with the bot."""

    world: World

    def __init__(self, world: World) -> None:
        self.world = world
        self._group_ids = itertools.count(5_000_001)

    # who and where

    def add_user(
        self,
        user_id: int,
        first_name: str,
        last_name: str = "",
        *,
        username: str = "",
        is_bot: bool = False,
        started: bool = True,
    ) -> User:
        """`started`: has pressed Start some day, so the bot may write to them."""
        user = User(id=user_id, first_name=first_name, last_name=last_name, username=username, is_bot=is_bot)
        self.world.users[user_id] = user
        if started and not is_bot:
            self.private(user_id)
        return user

    def private(self, user: int | User) -> Chat:
        """The person's chat with the bot; it exists from now on."""
        person = self._user(user)
        if person.id not in self.world.chats:
            chat = Chat(id=person.id, kind=Kind.PRIVATE, user=person, members={person.id, self.world.bot.id})
            self.world.chats[person.id] = chat
            self.world.changes.notify()
        return self.world.chats[person.id]

    def add_group(
        self,
        title: str,
        members: list[int] | None = None,
        *,
        chat_id: int | None = None,
        kind: Kind = Kind.GROUP,
        forum: bool = False,
        administrator: bool = False,
        username: str = "",
    ) -> Chat:
        """A group with the bot in it. `forum` makes it a supergroup. `administrator`: the bot is one, and sees all."""
        kind = Kind.SUPERGROUP if forum else kind
        number = next(self._group_ids)
        chat = Chat(
            id=chat_id or (-number if kind is Kind.GROUP else -1_000_000_000_000 - number),
            kind=kind,
            title=title,
            forum=forum,
            username=username,
            standing=Standing.ADMINISTRATOR if administrator else Standing.MEMBER,
            members={*(members or []), self.world.bot.id},
        )
        self.world.chats[chat.id] = chat
        self.world.changes.notify()
        return chat

    def add_channel(self, title: str, *, chat_id: int | None = None, username: str = "") -> Chat:
        return self.add_group(title, chat_id=chat_id, kind=Kind.CHANNEL, administrator=True, username=username)

    def add_topic(self, group: int | Chat, name: str) -> Topic:
        """Opens a topic: its id is that of the service message that stands at its top."""
        chat = self._chat(group)
        message_id = self.world.next_message_id(chat)
        if message_id == 1:  # General has it
            message_id = self.world.next_message_id(chat)
        creator = next((self.world.users[m] for m in sorted(chat.members) if m != self.world.bot.id), self.world.bot)
        chat.topics[message_id] = topic = Topic(id=message_id, name=name, chat_id=chat.id)
        created = {"forum_topic_created": {"name": name, "icon_color": 7322096}}
        self._post(chat, creator, message_id=message_id, service=created, thread_id=message_id, topic=True)
        return topic

    def delete_topic(self, topic: Topic) -> None:
        chat = self._chat(topic.chat_id)
        del chat.topics[topic.id]
        chat.messages = {i: m for i, m in chat.messages.items() if m.thread_id != topic.id}
        self.world.changes.notify()

    # what they write

    def say(
        self,
        user: int | User,
        text: str,
        *,
        chat: int | Chat | None = None,
        reply_to: Message | None = None,
        quote: str = "",
        thread: int | Topic | None = None,
        date: int | None = None,
        as_anonymous_admin: bool = False,
        as_channel: Chat | None = None,
        forward_of: Message | None = None,
        photo: bool = False,
    ) -> Message:
        """A person writes (with `photo`: the text is its caption). `date`: Unix seconds, for a message of the past."""
        person = self._user(user)
        where = self._chat(chat) if chat is not None else self.private(person)
        if where.kind is not Kind.PRIVATE and person.id not in where.members:
            raise ValueError(f"{person.name} is not in {where.title}")
        if where.kind is Kind.PRIVATE and where.standing is Standing.KICKED:
            self.unblock(person)
        if thread is None and reply_to is not None and reply_to.topic:
            thread = reply_to.thread_id
        thread_id = thread.id if isinstance(thread, Topic) else thread
        rich = plain(text)
        sender, sender_chat = person, None
        if as_anonymous_admin:
            sender, sender_chat = ANONYMOUS_ADMIN, where
        elif as_channel:
            sender, sender_chat = CHANNEL_BOT, as_channel
        return self._post(
            where,
            sender,
            sender_chat=sender_chat,
            text=rich.text,
            entities=forward_of.entities if forward_of and not text else rich.entities,
            photo=photo,
            date=date,
            reply_to=reply_to or (where.messages.get(thread_id) if thread_id else None),
            quote=quote,
            thread_id=thread_id,
            topic=thread_id is not None and where.forum,
            forward_origin=_origin(forward_of) if forward_of else None,
        )

    def forward(self, user: int | User, message: Message, *, chat: int | Chat | None = None) -> Message:
        return self.say(user, message.text, chat=chat, forward_of=message, photo=message.photo)

    def edit(self, user: int | User, message: Message, text: str) -> Message:
        """A person changes an own message: the bot sees `edited_message`, or `edited_channel_post`."""
        rich = plain(text)
        current = message.chat.messages[message.id]
        if current.sender is not None and current.sender.id not in (self._user(user).id, *_NOBODY):
            raise ValueError("people edit their own messages only")
        changed = message.chat.change(current, text=rich.text, entities=rich.entities, edited=self.world.seconds())
        self._tell(changed, edited=True)
        return changed

    def delete(self, message: Message) -> None:
        """Telegram tells bots nothing about it."""
        message.chat.messages.pop(message.id, None)
        self.world.changes.notify()

    def post_in_channel(self, channel: int | Chat, text: str, *, linked_group: int | Chat | None = None) -> Message:
        """A post; with `linked_group` it is forwarded there by Telegram itself, as linked channels do."""
        chat = self._chat(channel)
        rich = plain(text)
        post = self._post(chat, None, sender_chat=chat, text=rich.text, entities=rich.entities)
        if linked_group is not None:
            origin = {"type": "channel", "date": post.date, "chat": chat.json(), "message_id": post.id}
            self._post(
                self._chat(linked_group),
                TELEGRAM,
                sender_chat=chat,
                text=rich.text,
                entities=rich.entities,
                forward_origin=origin,
                automatic_forward=True,
            )
        return post

    def bot_says(self, other: int | User, text: str, *, chat: int | Chat) -> Message:
        """Another bot writes: ours never sees it, but a person can reply to it."""
        rich = plain(text)
        return self._post(self._chat(chat), self._user(other), text=rich.text, entities=rich.entities)

    async def press(self, user: int | User, message: Message, button: str) -> PressResult:
        """Presses the button with this text or callback data, on the message as it stands now.

        Raises LookupError where the message is gone or has no such button: a person could not press it.
        """
        current = message.chat.messages.get(message.id)
        if current is None:
            raise LookupError("the message is gone")
        found = next((b for b in current.buttons if button in (b.text, b.callback_data)), None)
        if found is None:
            raise LookupError(f"no button {button!r} among {[b.text for b in current.buttons]}")
        return self.press_data(user, current, found.callback_data)

    def press_data(self, user: int | User, message: Message, data: str) -> PressResult:
        """Any callback data at all, as a modified client can send it. The message may be gone."""
        person = self._user(user)
        query = Query(
            id=str(next(self.world.query_ids)),
            user=person,
            message=message,
            data=data,
            at=self.world.clock(),
            answered=asyncio.get_running_loop().create_future(),
        )
        self.world.queries[query.id] = query
        shown = message.chat.messages.get(message.id)
        gone = {"chat": message.chat.json(), "message_id": message.id, "date": 0}  # an InaccessibleMessage
        payload = {
            "id": query.id,
            "from": person.json(),
            "message": shown.json() if shown else gone,
            "chat_instance": str(-8_000_000_000_000_000_000 + message.chat.id % 1_000_003),
            "data": data,
        }
        self.world.update("callback_query", payload)
        return PressResult(query_id=query.id, answered=query.answered)

    # what happens to the bot

    def block(self, user: int | User) -> None:
        chat = self.private(user)
        self._stand(chat, Standing.KICKED, self._user(user))

    def unblock(self, user: int | User) -> None:
        chat = self.private(user)
        self._stand(chat, Standing.MEMBER, self._user(user))

    def kick(self, group: int | Chat, *, by: int | User | None = None) -> None:
        chat = self._chat(group)
        self._stand(chat, Standing.KICKED, self._user(by) if by is not None else self._somebody(chat))

    def invite(self, group: int | Chat, *, by: int | User | None = None) -> None:
        chat = self._chat(group)
        self._stand(chat, Standing.MEMBER, self._user(by) if by is not None else self._somebody(chat))

    def migrate(self, group: int | Chat) -> Chat:
        """The group becomes a supergroup with another id; the old id answers with `migrate_to_chat_id`."""
        old = self._chat(group)
        if old.kind is not Kind.GROUP:
            raise ValueError("only a small group can become a supergroup")
        new = self.add_group(old.title, sorted(old.members - {self.world.bot.id}), kind=Kind.SUPERGROUP)
        old.migrated_to = new.id
        person = self._somebody(old)
        self._post(old, person, service={"migrate_to_chat_id": new.id})
        self._post(new, ANONYMOUS_ADMIN, sender_chat=new, service={"migrate_from_chat_id": old.id})
        return new

    # within

    def _post(
        self, chat: Chat, sender: User | None, *, message_id: int | None = None, date: int | None = None, **fields: Any
    ) -> Message:
        message = Message(
            id=message_id or self.world.next_message_id(chat),
            chat=chat,
            date=date if date is not None else self.world.seconds(),
            sender=sender,
            **fields,
        )
        chat.put(message)
        self._tell(message)
        return message

    def _tell(self, message: Message, *, edited: bool = False) -> None:
        if self._bot_sees(message):
            kind = "channel_post" if message.chat.kind is Kind.CHANNEL else "message"
            self.world.update(f"edited_{kind}" if edited else kind, message.json())
        else:
            self.world.changes.notify()

    def _bot_sees(self, message: Message) -> bool:
        """Bot API, privacy mode: commands (not another bot's), replies to the bot, mentions of it, service messages."""
        chat, bot = message.chat, self.world.bot
        if chat.standing in (Standing.KICKED, Standing.LEFT):
            return False
        if message.sender and message.sender.is_bot and message.sender.id not in _NOBODY:
            return False
        if chat.kind in (Kind.PRIVATE, Kind.CHANNEL) or message.service or not self.world.privacy:
            return True
        if chat.standing is Standing.ADMINISTRATOR:
            return True
        if message.reply_to and message.reply_to.sender is bot:
            return True
        return any(self._addresses(message, entity) for entity in message.entities)

    def _addresses(self, message: Message, entity: Json) -> bool:
        start, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
        word = message.text.encode("utf-16-le")[start:end].decode("utf-16-le").lower()
        name = f"@{self.world.bot.username}".lower()
        if entity["type"] == "bot_command":
            return "@" not in word or word.endswith(name)
        return entity["type"] == "mention" and word == name

    def _stand(self, chat: Chat, standing: Standing, by: User) -> None:
        old, chat.standing = chat.standing, standing
        bot = self.world.bot.json()
        payload = {
            "chat": chat.json(),
            "from": by.json(),
            "date": self.world.seconds(),
            "old_chat_member": _member(bot, old),
            "new_chat_member": _member(bot, standing),
        }
        self.world.update("my_chat_member", payload)

    def _user(self, user: int | User) -> User:
        return self.world.users[user.id if isinstance(user, User) else user]

    def _chat(self, chat: int | Chat) -> Chat:
        return chat if isinstance(chat, Chat) else self.world.chats[chat]

    def _somebody(self, chat: Chat) -> User:
        return next((self.world.users[m] for m in sorted(chat.members) if m != self.world.bot.id), TELEGRAM)


_NOBODY = (ANONYMOUS_ADMIN.id, CHANNEL_BOT.id, TELEGRAM.id)

_RIGHTS = (
    *("can_be_edited", "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members"),
    *("can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories"),
    *("can_delete_stories", "is_anonymous"),
)


def _member(bot: Json, standing: Standing) -> Json:
    member: Json = {"user": bot, "status": str(standing)}
    if standing is Standing.KICKED:
        member["until_date"] = 0
    if standing is Standing.ADMINISTRATOR:
        member |= dict.fromkeys(_RIGHTS, False)
    return member


def _origin(message: Message) -> Json:
    if message.sender_chat and message.chat.kind is Kind.CHANNEL:
        return {
            "type": "channel",
            "date": message.date,
            "chat": message.sender_chat.json(),
            "message_id": message.id,
        }
    if message.sender_chat:
        return {"type": "chat", "date": message.date, "sender_chat": message.sender_chat.json()}
    sender = message.sender or TELEGRAM
    return {"type": "user", "date": message.date, "sender_user": sender.json()}
