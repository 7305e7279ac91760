"""What an admin must mend is said once an hour, however many messages meet it."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from sqlalchemy import Connection

from bridge.domain.wording import ALARMS
from bridge.store import posts
from bridge.store.outcomes import Finished
from bridge.store.posts import Place


def raise_alarms(
    connection: Connection, finished: Sequence[Finished], *, gateway: str, places: Sequence[Place], now: datetime
) -> None:
    """Post an alarm for each trouble of the gateway that only a person can mend."""
    for reason in sorted({one.outcome.reason for one in finished} & ALARMS.keys()):
        for place in places:
            key = f"alarm:{gateway}:{reason.value}:{place.chat_id}:{now:%Y-%m-%dT%H}"
            posts.say(connection, key, place, f"⚠️ Gateway {escape(gateway)}: {escape(ALARMS[reason])}", now)
