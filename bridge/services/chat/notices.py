"""Words to whoever must know: the chat for notices, the incident's own, and every admin."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from sqlalchemy import Connection

from bridge.store import posts
from bridge.store.incidents import Incident
from bridge.store.posts import Place, Subject


class Notices:
    """Posts a notice once in each place."""

    def __init__(self, *, places: Sequence[Place], admins: Sequence[int]) -> None:
        """`places`: where notices go. `admins`: user ids; what nobody may miss goes to each of them as well."""
        self.places = tuple(places)
        self._admins = tuple(Place(chat_id=admin) for admin in admins)

    def tell(self, connection: Connection, key: str, words: str, now: datetime, about: Sequence[Incident] = ()) -> None:
        """Plain `words` to the places for notices, or to the chats of the incidents `about`, once for each `key`."""
        here = [place for incident in about for place in home(incident, self.places)]
        self._say(connection, key, words, here or self.places, now)

    def alarm(
        self, connection: Connection, key: str, words: str, now: datetime, about: Sequence[Incident] = ()
    ) -> None:
        """Plain `words` to the places for notices, to the chats of the incidents `about`, and to every admin."""
        here = [place for incident in about for place in home(incident, self.places)]
        self._say(connection, key, f"🚨 {words}", (*here, *self.places, *self._admins), now)

    def all_clear(self, connection: Connection, key: str, words: str, now: datetime) -> None:
        """Plain `words` to whom an alarm about no incident went."""
        self._say(connection, key, f"✅ {words}", (*self.places, *self._admins), now)

    def elsewhere(self, chat_id: int) -> tuple[Place, ...]:
        """Where notices go but for that chat; where that is nowhere, every admin."""
        places = tuple(place for place in self.places if place.chat_id != chat_id)
        return places or tuple(place for place in self._admins if place.chat_id != chat_id)

    def _say(self, connection: Connection, key: str, words: str, places: Sequence[Place], now: datetime) -> None:
        for place in dict.fromkeys(places):
            posts.say(connection, post_key(key, place), place, escape(words), now)


def post_key(key: str, place: Place) -> str:
    """The key of a post in a place: whoever posts the same there posts it under this key, and it stands once."""
    return f"{key}:{place.chat_id}:{place.thread_id or ''}"


def show_incident(connection: Connection, incident_id: int, place: Place, now: datetime) -> None:
    """Its card in that place, once."""
    posts.show_card(
        connection, post_key(f"incident:{incident_id}", place), place, Subject(incident_id=incident_id), now
    )


def show_storm(connection: Connection, storm_id: int, place: Place, now: datetime) -> None:
    """The card of a storm in that place, once."""
    posts.show_card(connection, post_key(f"storm:{storm_id}", place), place, Subject(storm_id=storm_id), now)


def home(incident: Incident, places: Sequence[Place]) -> tuple[Place, ...]:
    """Where an incident's card stands: its own chat, or the places for notices."""
    if incident.chat_id is None:
        return tuple(places)
    return (Place(chat_id=incident.chat_id, thread_id=incident.thread_id),)
