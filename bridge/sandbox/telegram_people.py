"""What people do in Telegram: write, edit, forward, press buttons. Each act gives the bot its update."""

import asyncio
from dataclasses import dataclass
from typing import Any

from bridge.sandbox.telegram_crowd import NOBODY, Crowd
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
from bridge.sandbox.telegram_world import Answer, Query

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class PressResult:
    query_id: str
    answered: "asyncio.Future[Answer]"

    async def answer(self, timeout_s: float = 10) -> Answer:
        """What the bot answered. Raises TimeoutError where it never does: the person sees the button spin."""
        return await asyncio.wait_for(asyncio.shield(self.answered), timeout_s)


class People(Crowd):
    """Without a chat, an act is in the person's private chat with the bot."""

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
        via_bot: User | None = None,
        unheard: bool = False,
    ) -> Message:
        """A person writes (with `photo`: the text is its caption). `date`: Unix seconds, for a message of the past.

        `via_bot`: the person chose what this inline bot offered. `unheard`: the bot gets no update of it.
        """
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
            via_bot=via_bot,
            unheard=unheard,
        )

    def forward(self, user: int | User, message: Message, *, chat: int | Chat | None = None) -> Message:
        return self.say(user, message.text, chat=chat, forward_of=message, photo=message.photo)

    def edit(self, user: int | User, message: Message, text: str) -> Message:
        """A person changes an own message: the bot sees `edited_message`, or `edited_channel_post`."""
        rich = plain(text)
        current = message.chat.messages[message.id]
        if current.sender is not None and current.sender.id not in (self._user(user).id, *NOBODY):
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

    def hand_out(self, kind: str, payload: Json) -> None:
        """An update of any kind, asked for or not: what arose before a bot said what it wants, it gets all the same."""
        self.world.updates.put(kind, payload, unasked=True)
        self.world.changes.notify()

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
