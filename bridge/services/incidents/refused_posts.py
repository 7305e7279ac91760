"""Whose posts are refused hears it in an answer that nobody reads: so people are told that alerts are being lost.

Only of senders who are known. What a post holds is not told, nor an address that is none of ours.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.services.chat.notices import Notices
from bridge.store import switches

QUIET_FOR = timedelta(hours=1)
"""For so long it is not said again; and nothing may be refused for so long before it is said to be over."""

SIGNED = "signature"
"""The name of who has no token and signs."""

NAME_SHOWN = 40
"""Characters of a token's name."""

NOWHERE = "/alerts"
"""For a source, where the address that it posts to belongs to none."""

INVALID, TOO_LARGE, ENCODED = OF_A_SOURCE = ("invalid", "too_large", "encoded")
NO_SUCH_ADDRESS, WRONG_METHOD = "no_such_address", "wrong_method"

_WORDS: Mapping[str, tuple[str, str]] = {
    INVALID: (
        "is not understood: {why}",
        "Does it belong to another address of bridge? docs/oncall.md says what each source needs.",
    ),
    TOO_LARGE: ("is larger than 8 MiB", "Let it send fewer alerts at a time (Alertmanager: max_alerts)."),
    ENCODED: ("is compressed", "Turn compression off there: it is taken in plain only."),
    NO_SUCH_ADDRESS: ("comes to an address that bridge does not have", "{why}"),
    WRONG_METHOD: ("comes by a method that is not taken", "{why}"),
}
"""Kind -> what is wrong, and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """`name`: of the token, or `SIGNED`. `source`: whose address it posts to, or `NOWHERE`."""

    source: str
    name: str

    @property
    def in_words(self) -> str:
        """What all sentences about it begin with."""
        address = self.source if self.source == NOWHERE else f"/alerts/{self.source}"
        by = "a good signature" if self.name == SIGNED else f"the token “{self.name[:NAME_SHOWN]}”"
        return f"What is posted to {address} with {by}"

    def switch(self, kind: str) -> str:
        """Where it is kept when it was said last, and when one was refused last. Short, whatever the name is."""
        return f"refused:{kind}:{self.source}:{hashlib.sha256(self.name.encode()).hexdigest()[:16]}"


class RefusedPosts:
    """Says, once an hour for each sender and kind, that posts are refused; and once that they are taken again."""

    def __init__(self, notices: Notices) -> None:
        """`notices`: to whom."""
        self._notices = notices

    def refused(self, connection: Connection, sender: Sender, kind: str, why: str, now: datetime) -> None:
        """One was refused. `why`: one sentence that quotes nothing of it."""
        switch = sender.switch(kind)
        standing = switches.get(connection, switch)
        if standing is not None and timedelta(0) <= now - (said := datetime.fromisoformat(standing.value)) < QUIET_FOR:
            switches.put(connection, switch, said.isoformat(), by="", now=now)
            return
        switches.put(connection, switch, now.isoformat(), by="", now=now)
        wrong, mend = (words.format(why=why) for words in _WORDS[kind])
        words = f"Alerts are lost. {sender.in_words} {wrong}. {mend}"
        self._notices.alarm(connection, f"{switch}:{now.isoformat()}", words, now)

    def taken(self, connection: Connection, sender: Sender, now: datetime) -> None:
        """One was taken: where some were refused, and none for an hour, that is over."""
        standing = switches.several(connection, [sender.switch(kind) for kind in OF_A_SOURCE])
        if not standing or any(timedelta(0) <= now - at < QUIET_FOR for at in standing.values()):
            return
        for switch in standing:
            switches.drop(connection, switch)
        key = f"{min(standing)}:over:{now.isoformat()}"
        self._notices.all_clear(connection, key, f"{sender.in_words} is taken again.", now)
