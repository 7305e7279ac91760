"""Who is there: people, groups, topics, channels, and where the bot may be; and which messages it gets to see."""

import itertools
from typing import Any

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
from bridge.sandbox.telegram_world import World

Json = dict[str, Any]


class Crowd:
    """`user` may be an id or a User, `chat` and `group` an id or a Chat."""

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
        self,
        chat: Chat,
        sender: User | None,
        *,
        message_id: int | None = None,
        date: int | None = None,
        unheard: bool = False,
        **fields: Any,
    ) -> Message:
        message = Message(
            id=message_id or self.world.next_message_id(chat),
            chat=chat,
            date=date if date is not None else self.world.seconds(),
            sender=sender,
            **fields,
        )
        chat.put(message)
        if not unheard:
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
        if message.sender and message.sender.is_bot and message.sender.id not in NOBODY:
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


NOBODY = (ANONYMOUS_ADMIN.id, CHANNEL_BOT.id, TELEGRAM.id)

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
