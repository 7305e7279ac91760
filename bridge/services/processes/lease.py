"""What each process says once a second: I am here. The leader counts who does not say so, and one of them leads.

What a process that is gone has claimed becomes `unknown`. One that was taken for gone and is not (it hung, or the
database did not hear it) goes on under another name; its late answers still settle their own attempts.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bridge.clock import Clock
from bridge.domain.errors import StoreError, StoreUnavailable
from bridge.services.sms.claims import Claims
from bridge.store import leading, processes
from bridge.store.database import Database
from bridge.store.migrate import HEAD

log = logging.getLogger(__name__)

BEAT_S = 1.0
MISSED = 6
"""After so many beats of the leader without one of its own a process is gone; so is a leader for those who follow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """What came of saying so. `name`: as who. `gone`: those who said nothing for too long. `schema`: the database's."""

    name: str
    leads: bool
    gone: tuple[str, ...]
    schema: str
    leader: processes.Process | None  # as it was seen last; None where nobody says to lead


class Lease:
    """`enter` before the first claim; then `step`, called by a `WorkLoop`; `leave` after the last outcome."""

    def __init__(
        self,
        database: Database,
        claims: Claims,
        clock: Clock,
        *,
        make_id: Callable[[], str],
        process: str,
        version: str,
        may_lead: bool = True,
        on_lead: Callable[[bool], None] = lambda leads: None,
        on_gone: Callable[[], None] = lambda: None,
        on_outdated: Callable[[str], None] = lambda schema: None,
    ) -> None:
        """`process`, `version`: for people. `on_lead` hears whether this process leads, each time; `on_gone`: there may
        be claims that have nobody who sends them; `on_outdated`: the database is too new for this version.
        """
        self._database = database
        self._claims = claims
        self._clock = clock
        self._make_id = make_id
        self._process = process
        self._version = version
        self._may_lead = may_lead
        self._on_lead = on_lead
        self._on_gone = on_gone
        self._on_outdated = on_outdated
        self._entered = ""
        self._leader: tuple[str, datetime] | None = None
        self._silent = 0
        self._schema = HEAD
        self._heard_at = clock.monotonic()
        self.leads = False
        """Whether it led at its last beat."""

    async def enter(self) -> bool:
        """It is here from now on; gives whether it leads. Raises `StoreUnavailable`."""
        await self.step()
        return self.leads

    async def step(self) -> float | None:
        """Say that it is here; lead, if nobody does. Raises `StoreUnavailable`."""
        # A name of its own to go on by, if it was taken for gone: an operation may run twice, and makes none.
        name, spare = self._claims.name, self._make_id()
        try:
            found = await self._database.write(lambda connection: self._beat(connection, name, spare))
        except StoreUnavailable:
            self._doubt()
            raise
        self._heard_at = self._clock.monotonic()
        if found.name != name:
            log.warning(
                "this process was taken for gone: what it was sending is unknown until it is answered",
                extra={"event": "process.renamed"},
            )
            if self._claims.name == name:
                self._claims.name = found.name
        self._entered = found.name
        if found.gone:
            log.warning(
                "other processes are gone (%d): what they were sending is unknown",
                len(found.gone),
                extra={"event": "process.gone"},
            )
            self._on_gone()
        self.leads = found.leads
        self._on_lead(found.leads)
        self._compare(found.schema)
        await self._watch(found.leader)
        return None

    async def stand_down(self) -> None:
        """Lead no more, and be here still: what this process sends is its own to settle."""
        self._may_lead = self.leads = False
        try:
            await self._database.write(leading.give_up)
        except StoreError as error:
            log.error("%s", error, extra={"event": "store.unavailable"})

    async def leave(self) -> None:
        """It goes. What it did not settle becomes unknown."""
        try:
            await self._database.write(lambda connection: processes.leave(connection, self._claims.name))
        except StoreError as error:
            log.error("%s", error, extra={"event": "store.unavailable"})

    def _doubt(self) -> None:
        """The database does not hear this process: by now another may lead, whom two pollers would disturb."""
        if self.leads and self._clock.monotonic() - self._heard_at > MISSED * BEAT_S:
            self.leads = False
            self._on_lead(False)

    def _beat(self, connection: Connection, name: str, spare: str) -> Beat:
        leads = self._may_lead and leading.take(connection)
        if not processes.beat(connection, name, leads=leads):
            name = spare if name == self._entered else name
            processes.enter(connection, name, process=self._process, version=self._version, leads=leads)
        gone = processes.count_missing(connection, name, MISSED) if leads else []
        everybody = [] if leads else processes.everybody(connection)
        return Beat(
            name=name,
            leads=leads,
            gone=tuple(gone),
            schema=processes.schema(connection),
            leader=next((one for one in everybody if one.leads), None),
        )

    async def _watch(self, leader: processes.Process | None) -> None:
        """A leader that hangs keeps its session, and the lead with it: who follows ends that session."""
        seen = (leader.name, leader.seen_at) if leader else None
        self._silent = self._silent + 1 if seen and seen == self._leader else 0
        self._leader = seen
        if leader is None or self._silent < MISSED:
            return
        if await self._database.read(lambda connection: processes.end_session(connection, leader.session)):
            log.warning("the leader (%s) hangs: its session is ended", leader.process, extra={"event": "leader.hangs"})

    def _compare(self, schema: str) -> None:
        """A version beside the next one is what an upgrade in turn looks like; it goes on, and says so once."""
        if schema <= HEAD or schema == self._schema:
            return
        self._schema = schema
        if int(schema) > int(HEAD) + 1:
            self._on_outdated(schema)
            return
        words = "the database was brought to version %s by a newer bridge; this one (%s) goes on until it is replaced"
        log.warning(words, schema, HEAD, extra={"event": "store.newer"})
