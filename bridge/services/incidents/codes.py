"""What a code stands for: `A7` one incident, `P12` those of a page, `S3` those of a storm.

Nobody answers for what they have not seen: a card may be behind, and alerts join while somebody reads it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.alerts import Severity
from bridge.domain.errors import NotFound, Refused
from bridge.domain.incident import IncidentState
from bridge.domain.wording import count
from bridge.store import incidents, pages, storms
from bridge.store.incidents import Incident
from bridge.store.storms import Storm

UNREAD_FOR = timedelta(seconds=10)
"""Who types a storm's code has not read what joined it so shortly before."""

_CODE = re.compile(r"([APS])([0-9]{1,18})", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Meant:
    """`unseen`: incidents of the code that are left as they are, because they came too late to be seen."""

    ids: tuple[int, ...]
    unseen: int = 0

    @property
    def rest(self) -> str:
        """Words about what is left, behind those of the answer; "" for nothing."""
        return f"; {self.unseen} more came meanwhile, still open" if self.unseen else ""


def typed(connection: Connection, code: str, now: datetime) -> Meant:
    """Of a code that somebody wrote just now. Raises `NotFound`, and `Refused` where none of it can have been read."""
    found = _of(connection, code)
    if not _is_storm(code):
        return _all(found)
    return _seen_of(found, [one for one in found if one.opened_at <= now - UNREAD_FOR])


def pressed(connection: Connection, code: str, seen: int | None) -> Meant:
    """Of a button. `seen`: what its card showed: of an incident and a storm by the functions below, of a page
    how many it stands for; None for a card of an older version.

    Raises `NotFound`, and `Refused` where the code stands for something else by now.
    """
    found = _of(connection, code)
    if seen is None:
        return _all(found)
    if _is_storm(code):
        return _seen_of(found, [one for one in found if one.id <= seen])
    if code.startswith("P") and len(found) != seen:
        words = f"{code} stands for {count(len(found), 'incident')} by now: /ack {code} acknowledges all of them."
        raise Refused("changed", words)
    if code.startswith("A") and found[0].state is IncidentState.OPEN and seen_of_incident(found[0]) > seen:
        raise Refused("changed", f"{code} became critical meanwhile: look at its card again, or type the code.")
    return _all(found)


def seen_of_incident(incident: Incident) -> int:
    """What its card shows: 1 for a critical one."""
    return int(incident.severity is Severity.CRITICAL)


def seen_of_storm(storm: Storm) -> int:
    """What its card shows: all up to the newest."""
    return storm.last_id


def _of(connection: Connection, code: str) -> list[Incident]:
    found = _CODE.fullmatch(code.strip())
    if found is None:
        raise NotFound(f"“{code[:20]}” is no code such as A7 or P12: /alerts shows them.")
    kind, number = found[1].upper(), int(found[2])
    of_many = {"P": pages.incident_ids, "S": storms.incident_ids}.get(kind)
    there = incidents.of_ids(connection, of_many(connection, number) if of_many else [number])
    if not there:
        raise NotFound(f"There is nothing with the code {kind}{number}: /alerts shows what is open.")
    return there


def _is_storm(code: str) -> bool:
    return code.strip().upper().startswith("S")


def _all(found: Sequence[Incident]) -> Meant:
    return Meant(ids=tuple(one.id for one in found))


def _seen_of(found: Sequence[Incident], seen: Sequence[Incident]) -> Meant:
    left = {one.id for one in found if one.state is IncidentState.OPEN} - {one.id for one in seen}
    if not seen:
        raise Refused("changed", "All of them came this moment: look at the card, and write it again.")
    return Meant(ids=tuple(one.id for one in seen), unseen=len(left))
