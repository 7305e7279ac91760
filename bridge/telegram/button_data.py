"""What a button carries: written by the cards, read when it is pressed. It outlives the program that drew it."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Verb(StrEnum):
    """What is asked for."""

    SEND = "go"
    CANCEL = "no"
    SEND_AGAIN = "again"
    LEAVE = "leave"
    ACK = "ack"
    RESOLVE = "res"
    ESCALATE = "esc"


@dataclass(frozen=True, slots=True)
class OfMessage:
    """`turn`: of the message when it was drawn, so that an older button does nothing."""

    verb: Verb
    message_id: int
    turn: int

    @property
    def data(self) -> str:
        """At most 64 bytes, as the Bot API takes it."""
        return f"{self.verb.value}:{self.message_id}:{self.turn}"


@dataclass(frozen=True, slots=True)
class OfIncident:
    """`code`: `A7`, `P12` or `S1`. `seen`: what its card showed (`codes.pressed`); of Escalate the position."""

    verb: Verb
    code: str
    seen: int | None = None

    @property
    def data(self) -> str:
        """At most 64 bytes, as the Bot API takes it."""
        return f"{self.verb.value}:{self.code}{'' if self.seen is None else f':{self.seen}'}"


_OF_MESSAGE = re.compile(r"(go|no|again|leave):([0-9]{1,18}):([0-9]{1,18})")
_OF_INCIDENT = re.compile(r"(ack|res|esc):([APS][0-9]{1,18})(?::([0-9]{1,18}))?")
# 18 digits: what a column of the database can hold


def read(data: str) -> OfMessage | OfIncident | None:
    """None for what is none of ours."""
    if found := _OF_MESSAGE.fullmatch(data):
        return OfMessage(Verb(found[1]), int(found[2]), int(found[3]))
    if found := _OF_INCIDENT.fullmatch(data):
        return OfIncident(Verb(found[1]), found[2], int(found[3]) if found[3] else None)
    return None
