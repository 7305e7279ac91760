"""What the chat shows, and what it should show."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Row, Update, bindparam, case, func, select, update

from bridge.store.dialect import insert_new
from bridge.store.many import slices
from bridge.store.tables import IS_OUT_OF_DATE, IS_PRESSED, incidents, page_requests, posts


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where in Telegram: a chat, a topic of it, and the message that is answered."""

    chat_id: int
    thread_id: int | None = None
    reply_to: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What a post is rendered from: the id of one of these; of none: it is a fixed text."""

    message_id: int | None = None
    incident_id: int | None = None
    storm_id: int | None = None
    page_id: int | None = None


FIXED = Subject()


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """A chat message of ours: a fixed `text`, or rendered from its subject; `telegram_id` once it is posted."""

    id: int
    place: Place
    subject: Subject
    text: str
    telegram_id: int | None
    wanted: int
    tries: int
    pressed: bool


def say(connection: Connection, key: str, place: Place, text: str, now: datetime) -> bool:
    """Post a fixed text (Telegram HTML), once for each `key`; True when it is new."""
    return _add(connection, key, place, text, FIXED, now)


def show(connection: Connection, key: str, place: Place, message_id: int, now: datetime) -> bool:
    """Post a message's card and keep it in step with its state, once for each `key`; True when it is new."""
    return show_card(connection, key, place, Subject(message_id=message_id), now)


def show_card(connection: Connection, key: str, place: Place, subject: Subject, now: datetime) -> bool:
    """The same for any subject."""
    return _add(connection, key, place, "", subject, now)


def _add(connection: Connection, key: str, place: Place, text: str, subject: Subject, now: datetime) -> bool:
    return insert_new(
        connection,
        posts,
        {
            "key": key,
            "chat_id": place.chat_id,
            "thread_id": place.thread_id,
            "reply_to": place.reply_to,
            "message_id": subject.message_id,
            "incident_id": subject.incident_id,
            "storm_id": subject.storm_id,
            "page_id": subject.page_id,
            "text": text,
            "wanted": 1,
            "shown": 0,
            "due_at": now,
            "tries": 0,
            "trouble": "",
        },
    )


def _touching(column: Column[Any]) -> Update:
    return update(posts).where(column.in_(bindparam("b_ids", expanding=True))).values(wanted=posts.c.wanted + 1)


_TOUCH = _touching(posts.c.message_id)
_TOUCH_INCIDENTS = _touching(posts.c.incident_id)
_TOUCH_STORMS = _touching(posts.c.storm_id)
_TOUCH_PAGES = _touching(posts.c.page_id)


def touch(connection: Connection, message_ids: Collection[int]) -> None:
    """The state of these messages changed: every post that shows one of them is out of date."""
    _run(connection, _TOUCH, message_ids)


def touch_incidents(connection: Connection, ids: Collection[int]) -> None:
    """These incidents changed: so did their cards, the storms they belong to, and the pages about them."""
    for some in slices(ids):
        connection.execute(_TOUCH_INCIDENTS, {"b_ids": some})
        storms = select(incidents.c.storm_id).where(incidents.c.id.in_(some), incidents.c.storm_id.is_not(None))
        pages = select(page_requests.c.page_id).where(
            page_requests.c.incident_id.in_(some), page_requests.c.page_id.is_not(None)
        )
        _run(connection, _TOUCH_STORMS, set(connection.execute(storms).scalars()))
        _run(connection, _TOUCH_PAGES, set(connection.execute(pages).scalars()))


def _run(connection: Connection, statement: Update, ids: Collection[int]) -> None:
    for some in slices(ids):
        connection.execute(statement, {"b_ids": some})


# What nobody has seen yet goes before edits; of these, the ones that were edited least: else a few cards that change
# all the time would take every call of a busy chat.
_DUE = (
    select(posts)
    .where(IS_OUT_OF_DATE, posts.c.due_at <= bindparam("now"))
    .order_by(posts.c.telegram_id.is_not(None), posts.c.shown, posts.c.due_at, posts.c.id)
)
_PRESSED = select(posts).where(IS_PRESSED, posts.c.due_at <= bindparam("now")).order_by(posts.c.due_at, posts.c.id)
_NEXT_DUE = select(func.min(posts.c.due_at)).where(IS_OUT_OF_DATE, posts.c.due_at > bindparam("after"))
_OLDEST = select(func.min(posts.c.due_at)).where(IS_OUT_OF_DATE)


def due(connection: Connection, now: datetime, limit: int, without: Collection[int] = ()) -> list[Post]:
    """Posts that are out of date, oldest first, leaving out the chats `without`."""
    query = _DUE.where(posts.c.chat_id.not_in(sorted(without))) if without else _DUE
    return [_post(row) for row in connection.execute(query.limit(limit), {"now": now})]


def due_pressed(connection: Connection, now: datetime, limit: int) -> list[Post]:
    """Posts that are out of date and that somebody pressed."""
    return [_post(row) for row in connection.execute(_PRESSED.limit(limit), {"now": now})]


def press(connection: Connection, chat_id: int, telegram_id: int) -> None:
    """Somebody pressed a button of this post, and looks at it."""
    connection.execute(
        update(posts).where(posts.c.chat_id == chat_id, posts.c.telegram_id == telegram_id).values(pressed=1)
    )


def _post(row: Row[Any]) -> Post:
    return Post(
        id=row.id,
        place=Place(chat_id=row.chat_id, thread_id=row.thread_id, reply_to=row.reply_to),
        subject=Subject(
            message_id=row.message_id,
            incident_id=row.incident_id,
            storm_id=row.storm_id,
            page_id=row.page_id,
        ),
        text=row.text,
        telegram_id=row.telegram_id,
        wanted=row.wanted,
        tries=row.tries,
        pressed=bool(row.pressed),
    )


def next_due(connection: Connection, after: datetime) -> datetime | None:
    """When the next post that waits becomes due; None when none waits."""
    return connection.execute(_NEXT_DUE, {"after": after}).scalar()


def oldest_open(connection: Connection) -> datetime | None:
    """Since when the oldest post that is out of date is due."""
    return connection.execute(_OLDEST).scalar()


def shown(connection: Connection, post: Post, telegram_id: int) -> None:
    """Telegram shows the version `post.wanted` under `telegram_id`."""
    connection.execute(
        # A chat that moved meanwhile has other ids.
        update(posts)
        .where(posts.c.id == post.id, posts.c.chat_id == post.place.chat_id)
        .values(
            shown=post.wanted,
            telegram_id=telegram_id,
            tries=0,
            pressed=case((posts.c.wanted == post.wanted, 0), else_=posts.c.pressed),
        )
    )


def lost(connection: Connection, post: Post) -> None:
    """Telegram has no such message any more: post it anew."""
    connection.execute(update(posts).where(posts.c.id == post.id).values(telegram_id=None, reply_to=None))


def delay(connection: Connection, post: Post, due_at: datetime) -> None:
    """Not now: try again at `due_at`."""
    connection.execute(update(posts).where(posts.c.id == post.id).values(due_at=due_at, tries=post.tries + 1))


def without_thread(connection: Connection, post: Post) -> None:
    """The topic is gone: post into the chat itself."""
    connection.execute(update(posts).where(posts.c.id == post.id).values(thread_id=None, reply_to=None))


def give_up(connection: Connection, post: Post, trouble: str) -> None:
    """Telegram will never take it (blocked, kicked, no such chat)."""
    connection.execute(update(posts).where(posts.c.id == post.id).values(trouble=trouble[:200]))


def chat_moved(connection: Connection, old: int, new: int) -> None:
    """A group became a supergroup: its posts move along (their old Telegram ids mean nothing there)."""
    connection.execute(update(posts).where(posts.c.chat_id == old).values(chat_id=new, telegram_id=None, reply_to=None))


def not_later_than(connection: Connection, now: datetime, latest: datetime) -> None:
    """A post that waits for a time after `latest` is due now."""
    connection.execute(update(posts).where(IS_OUT_OF_DATE, posts.c.due_at > latest).values(due_at=now))
