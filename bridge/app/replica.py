"""What every process does: it answers HTTP, delivers what it has claimed, and says that it is there.

Of several processes on one database one leads, and does the rest (`app/leader.py`).
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Protocol

from sqlalchemy import Connection

from bridge import __version__
from bridge.app.alert_desk import sent_pages
from bridge.app.alert_doors import alert_doors
from bridge.app.from_settings import notice_places, rules_of
from bridge.app.housekeeping import housekeeping_desk
from bridge.app.identity import new_id, process_name
from bridge.app.oncall_desk import oncall_file
from bridge.app.outbox import Outbox
from bridge.clock import Clock
from bridge.domain.errors import SettingsError, StoreError
from bridge.engine.work_loop import WorkLoop
from bridge.services.chat.notices import Notices
from bridge.services.heartbeats.incoming import Heartbeats
from bridge.services.incidents.intake import Intake
from bridge.services.oncall import keep_roster
from bridge.services.oncall.by_name import ByName, names_in_force
from bridge.services.oncall.roster_in_force import RosterInForce
from bridge.services.processes.lease import BEAT_S, Lease
from bridge.settings import Settings
from bridge.store import processes, switches, vitals
from bridge.store.bell import Work
from bridge.store.home import Home
from bridge.store.leading import Led
from bridge.store.outcomes import Finished
from bridge.web.health import Health
from bridge.web.heartbeats import HeartbeatDoor
from bridge.web.metrics import Metrics, MetricsRoute
from bridge.web.openapi import OpenApiRoute
from bridge.web.server import Part
from bridge.web.sms_api import SmsApi
from bridge.web.telegram import TelegramDoor

log = logging.getLogger(__name__)

WRITTEN = (Work.STEPS, Work.DELIVERY, Work.CHAT)
"""What to look at after a write that may concern anything."""

_FOR_ALL = frozenset({Work.DELIVERY, Work.ROSTER, Work.LEAD})
"""Work for every process; of the rest only the leader does anything."""


class Leading(Protocol):
    """The leader, as the process that it is part of sees it."""

    @property
    def loops(self) -> Sequence[WorkLoop]:
        """Those that must turn."""
        ...

    @property
    def reaches_telegram(self) -> bool:
        """Whether Telegram answered last time."""
        ...

    def look(self, news: Collection[Work]) -> None:
        """There is something to see to."""
        ...


class Replica:
    """One process: all that it does whether it leads or not. `leader`: what it does beside that while it leads."""

    def __init__(
        self,
        settings: Settings,
        home: Home,
        clock: Clock,
        metrics: Metrics,
        *,
        on_lead: Callable[[bool], None],
        on_outdated: Callable[[str], None],
    ) -> None:
        """Opens the database. `on_lead`, `on_outdated`: as `Lease` has them."""
        self.settings, self.clock, self._home, self._metrics = settings, clock, home, metrics
        self.database = home.open(metrics.committed)
        self.leader: Leading | None = None
        self.rosters = RosterInForce(region=settings.default_region, clock=clock)
        self.notices = Notices(places=notice_places(settings), admins=sorted(settings.telegram_admins))
        self._bell = home.bell()
        pages = sent_pages(settings, self.rosters, self.notices)
        self.outbox = Outbox(
            settings,
            self.database,
            clock,
            on_finished=self._heard,
            pages=pages,
            leased=home.shared,
            leads=lambda: self.leads,
        )
        self.housekeeping = housekeeping_desk(settings, self.database, clock, pages, self.outbox.claims)
        self.lease = Lease(
            self.database,
            self.outbox.claims,
            clock,
            make_id=new_id,
            process=process_name(),
            version=__version__,
            on_lead=on_lead,
            on_gone=lambda: self._look([Work.GONE]),
            on_outdated=on_outdated,
        )
        self.heartbeats = Heartbeats(
            database=self.database,
            roster=self.rosters.roster,
            in_force=lambda: self.rosters.is_readable,
            intake=Intake(notices=self.notices),
            notices=self.notices,
            clock=clock,
            on_written=lambda: self.tell(*WRITTEN),
            leads=lambda: self.leads,
            led=Led(self.database),
        )
        self._lease_loop = WorkLoop("lease", self.lease.step, clock, every_s=BEAT_S)
        self._roster_loop = WorkLoop("roster", self._follow_roster, clock, every_s=5)
        self._doors = alert_doors(
            settings,
            self.database,
            clock,
            roster=self.rosters.roster,
            notices=self.notices,
            on_kept=lambda: self.tell(Work.ALERTS),
            wake=lambda: self.tell(*WRITTEN),
        )
        self.astray = self._doors[0].astray

    @property
    def leads(self) -> bool:
        """Whether this process leads."""
        return self.leader is not None

    async def join(self) -> bool:
        """Say that it is here; gives whether it leads. Raises `StoreUnavailable`."""
        if not self._home.shared:
            await self.database.write(partial(processes.forget_others, name=self.outbox.claims.name))
        return await self.lease.enter()

    async def follow(self) -> None:
        """Be ready to deliver beside others. Raises `SettingsError` as a leader does at its start."""
        await self.rosters.refresh(self.database)
        if not self.rosters.has_file:
            written = await asyncio.to_thread(oncall_file(self.settings).read)
            if written.problems:
                raise SettingsError(written.trouble)
        await self.housekeeping.come_in()

    def start(self) -> None:
        """Deliver, and look after the others."""
        self._bell.start(self._look)
        self.outbox.start()
        if self._home.shared:
            self._lease_loop.start()
            self._roster_loop.start()

    async def stand_down(self) -> None:
        """Let another process lead, while this one ends what it has claimed."""
        await self.lease.stand_down()
        self.tell_others(Work.LEAD)

    async def stop(self) -> None:
        """Claim nothing more, and write down what came of the rest."""
        await self.outbox.stop()
        await self._roster_loop.stop()

    async def leave(self) -> None:
        """Let go of everything: what was not settled here has nobody who sends it."""
        await self._lease_loop.stop()
        await self.housekeeping.leave()
        await self.lease.leave()
        await self.database.aclose()
        await self._bell.aclose()

    def tell(self, *news: Work) -> None:
        """Something was written here: whoever sees to it looks at once, in whichever process."""
        if far := [one for one in news if not self.leads or one in _FOR_ALL]:
            self.tell_others(*far)
        self._look(news)

    def tell_others(self, *news: Work) -> None:
        """As `tell`, where this process has seen to it already."""
        self._bell.ring(*news)

    def _look(self, news: Collection[Work]) -> None:
        if Work.DELIVERY in news:
            self.outbox.loop.wake()
        if Work.LEAD in news:
            self._lease_loop.wake()
        if Work.ROSTER in news:
            self._roster_loop.wake()
        if self.leader is not None:
            self.leader.look(news)

    async def reload(self) -> None:
        """Have the leader read its on-call file again."""
        try:
            await self.database.write(lambda connection: keep_roster.ask(connection, None, self.clock.now()))
        except StoreError as error:
            log.error("the on-call file is not read again: %s", error, extra={"event": "store.unavailable"})
        self.tell(Work.ROSTER)

    async def _follow_roster(self) -> None:
        """The leader reads the file and calendars, and what it accepted is in force here, too."""
        if not self.leads:
            await self.rosters.refresh(self.database)

    def _heard(self, finished: Sequence[Finished]) -> None:
        self._metrics.finished(finished)
        paged = any(one.page for one in finished)
        self.tell(Work.OUTCOMES, *([Work.STEPS] if paged else []))

    def web_parts(self) -> tuple[Part, ...]:
        """All that answers HTTP."""
        settings = self.settings
        names = settings.api_names()
        api = SmsApi(
            database=self.database,
            names=names,
            rules=rules_of(settings),
            region=settings.default_region,
            allowed_countries=settings.allowed_countries,
            names_of=self.names,
            clock=self.clock,
            make_id=new_id,
            wake=lambda: self.tell(*WRITTEN),
        )
        health = Health(
            clock=self.clock,
            loops=self._loops,
            try_commit=self.try_commit,
            degraded=self._degraded,
            role=lambda: "leader" if self.leads else "follower",
        )
        metrics, openapi = MetricsRoute(names, self._render_metrics), OpenApiRoute(names)
        heartbeats = HeartbeatDoor(heartbeats=self.heartbeats, names=settings.alert_names())
        # Open while we poll, too: of three processes that are restarted for a change one may still poll, or not yet.
        telegram = TelegramDoor(
            database=self.database,
            secret=settings.webhook_secret,
            clock=self.clock,
            on_kept=lambda: self.tell(Work.INBOX),
        )
        return api, health, metrics, openapi, *self._doors, heartbeats, telegram

    def names(self, connection: Connection) -> ByName:
        """Recipients by name, as of now."""
        return names_in_force(connection, self.rosters, self.clock.now())

    def _loops(self) -> tuple[WorkLoop, ...]:
        mine = (self.outbox.loop, self._lease_loop, self._roster_loop)
        return (*mine, *(self.leader.loops if self.leader else ()))

    async def try_commit(self) -> None:
        """Return when a commit went through. Raises `StoreUnavailable`."""
        now = self.clock.now()
        await self.database.write(partial(switches.put, name=switches.TRIED, value="", by="", now=now))

    async def _degraded(self) -> Mapping[str, object]:
        now = self.clock.now()
        standing = await self.database.read(vitals.read)
        found: dict[str, object] = {}
        if self.leader is not None and not self.leader.reaches_telegram:
            found["telegram"] = "not reached"
        if failing := standing.failing(self.outbox.gateways):
            found["gateways"] = failing
        return found | standing.late(now, timedelta(seconds=10))

    async def _render_metrics(self) -> bytes:
        standing = await self.database.read(vitals.read)
        reached = self.leader.reaches_telegram if self.leader else None
        counts = await self.database.read(vitals.count)
        return self._metrics.render(standing, counts, telegram=reached, leads=self.leads, now=self.clock.now())
