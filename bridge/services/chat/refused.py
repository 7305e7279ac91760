"""A chat that refuses the bot: whoever must see its cards sees them elsewhere, and hears why."""

from datetime import datetime

from sqlalchemy import Connection

from bridge.services.chat.notices import Notices, show_incident, show_storm
from bridge.services.chat.standing_alarm import StandingAlarm
from bridge.store import incident_log, incidents
from bridge.store.posts import FIXED, Post


def refused(connection: Connection, notices: Notices, post: Post, why: str, now: datetime) -> None:
    """Telegram will never take this post. A card that stands at its home moves to where notices go, or to the admins.

    That is told once while it lasts. A private copy is nobody's loss but that person's: a hand-over tells of it.
    """
    if not _is_at_home(connection, notices, post):
        return
    chat_id, subject = post.place.chat_id, post.subject
    for place in notices.elsewhere(chat_id):
        if subject.incident_id is not None:
            show_incident(connection, subject.incident_id, place, now)
        elif subject.storm_id is not None:
            show_storm(connection, subject.storm_id, place, now)
    if subject.incident_id is not None:
        incident_log.note(connection, [subject.incident_id], "card.refused", f"by the chat {chat_id}: {why}", now)
    words = (
        f"Cards of alerts cannot be posted in the chat {chat_id}: {why}. "
        "They stand where notices go instead, or come to the admins."
    )
    _alarm(notices, chat_id).say(connection, words, now)


def taken(connection: Connection, notices: Notices, post: Post, now: datetime) -> None:
    """Telegram shows this post. A new one tells that the chat takes them again; an edit may work where none does."""
    chat_id = post.place.chat_id
    if post.telegram_id is None:
        words = f"Cards of alerts can be posted in the chat {chat_id} again."
        _alarm(notices, chat_id).end(connection, words, now)


def _is_at_home(connection: Connection, notices: Notices, post: Post) -> bool:
    """Whether this is where an alert's card or a notice belongs, and no private copy."""
    chat_id, subject = post.place.chat_id, post.subject
    for_notices = chat_id in {place.chat_id for place in notices.places}
    if subject == FIXED:
        return for_notices and chat_id < 0
    if subject.incident_id is None and subject.storm_id is None:
        return False
    if chat_id > 0 and subject.incident_id is not None:
        incident = incidents.get(connection, subject.incident_id)
        return incident is not None and incident.chat_id == chat_id
    return chat_id < 0 or not for_notices  # an admin's private chat is one of several


def _alarm(notices: Notices, chat_id: int) -> StandingAlarm:
    return StandingAlarm(notices, f"chat:refused:{chat_id}", again_after=None)
