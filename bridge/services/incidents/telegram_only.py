"""People without a phone are paged in their private chat: no certain page, for nothing tells whether they heard it."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from sqlalchemy import Connection

from bridge.oncall.records import Person
from bridge.services.chat.notices import post_key, show_incident
from bridge.store import incident_log, posts, reached
from bridge.store.incident_log import TELEGRAM_ONLY
from bridge.store.incidents import Incident
from bridge.store.posts import Place

CARDS_AT_ONCE = 5
"""More incidents than that are one message."""


def page(connection: Connection, people: Sequence[Person], some: Sequence[Incident], now: datetime) -> bool:
    """A card of each incident for each of these people, or one message for many. Whoever has the card hears of it anew.

    Gives whether the private chat of one of them is known to be open.
    """
    chats = [(person, person.telegram) for person in people if person.telegram is not None]
    for person, chat_id in chats:
        words = f"{person.name}: by Telegram only"
        if len(some) > CARDS_AT_ONCE:
            what = f"{some[0].code} {some[0].title} and {len(some) - 1} more: /alerts shows them."
            _say(connection, Place(chat_id=chat_id), some[0], what, now)
        else:
            for incident in some:
                _show(connection, Place(chat_id=chat_id), incident, words, now)
        incident_log.note(connection, [incident.id for incident in some], TELEGRAM_ONLY, words, now)
    return bool(reached.open_chats(connection, [chat_id for _, chat_id in chats]))


def _show(connection: Connection, place: Place, incident: Incident, words: str, now: datetime) -> None:
    before = incident_log.of_events(connection, incident.id, (TELEGRAM_ONLY,))
    show_incident(connection, incident.id, place, now)
    if any(entry.words == words for entry in before):  # an edited card makes no sound
        what = f"{incident.code} {incident.title}: nobody has acknowledged it. /ack {incident.code}"
        _say(connection, place, incident, what, now)


def _say(connection: Connection, place: Place, incident: Incident, words: str, now: datetime) -> None:
    key = post_key(f"paged:{incident.id}:{now.timestamp():.6f}", place)
    posts.say(connection, key, place, f"📟 {escape(words)}", now)
