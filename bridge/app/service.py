"""The whole service: started and stopped in order."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from bridge.app.alert_desk import AlertDesk
from bridge.app.alert_doors import alert_doors
from bridge.app.gateways import configured_gateways
from bridge.app.heartbeat_desk import HeartbeatDesk
from bridge.app.oncall_desk import OnCallDesk
from bridge.app.outbox import Outbox, new_id, notice_places, rules_of
from bridge.clock import Clock, SystemClock
from bridge.domain.errors import BridgeError
from bridge.engine.embedded import WorkLoop
from bridge.services.chat.notices import Notices
from bridge.services.chat.pacing import Pacer
from bridge.services.chat.sync_chat import ChatSync
from bridge.services.oncall.by_name import ByName, names_in_force
from bridge.services.oncall.roster_in_force import RosterInForce
from bridge.settings import Settings
from bridge.store import switches, vitals
from bridge.store.home import home_of
from bridge.store.outcomes import Finished
from bridge.telegram.access import Access
from bridge.telegram.asking import Desk
from bridge.telegram.buttons import Buttons
from bridge.telegram.chat import TelegramChat
from bridge.telegram.incident_handlers import IncidentHandlers
from bridge.telegram.oncall_handlers import OnCallHandlers
from bridge.telegram.rendering import card_of
from bridge.telegram.service import Registers, TelegramService
from bridge.telegram.sms_handlers import SmsHandlers
from bridge.web.health import Health
from bridge.web.metrics import Metrics, MetricsRoute
from bridge.web.openapi import OpenApiRoute
from bridge.web.server import Part, bind, server, web_app
from bridge.web.sms_api import SmsApi

log = logging.getLogger(__name__)

CHAT_GATHERS_S = 0.03
"""From news to the look for posts that are out of date: the gateway call goes first, and its outcome often makes it
into the first post."""


class App:
    """The whole service. `start` returns when it is ready; `stop` when everything is written down."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        """`settings`: loaded with need=TELEGRAM + GATEWAY. Raises `SettingsError` for gateways that cannot be built."""
        for gateway in configured_gateways(settings):  # what is wrong with them is said before anything is opened
            if gateway.caution:
                log.warning("%s", gateway.caution, extra={"event": "settings.in_the_clear"})
        self._settings = settings
        self._clock = clock or SystemClock()
        self._home = home_of(settings.database_url)
        self._stops: list[asyncio.Task[None]] = []
        self.metrics = Metrics(settings.gateways)
        self.port = 0
        """Where HTTP is answered, once started."""

    async def start(self) -> None:
        """Start everything. Raises `SettingsError` or `StoreError` for what is wrong in our own settings or store."""
        settings, clock = self._settings, self._clock
        if not self.port:
            await self.take_place()
        self.database = self._home.open(self.metrics.committed)
        self.rosters = RosterInForce(region=settings.default_region, clock=clock)
        self.notices = Notices(places=notice_places(settings), admins=sorted(settings.telegram_admins))
        self._build()
        try:
            await self.oncall.keeper.start()
        except BridgeError:
            await self.database.aclose()
            self._socket.close()
            await self._home.release()
            raise
        await self.outbox.start()
        self.alerts.loop.start()
        self.oncall.loop.start()
        await self.heartbeats.start()
        self.sync_loop.start()
        self.telegram.start()
        routes = [route for part in self._web_parts() for route in part.routes()]
        self._server = server(web_app(routes, self._doors[0].astray))
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="http")
        log.info("ready on %s:%d", settings.host, self.port, extra={"event": "app.ready"})

    async def take_place(self) -> None:
        """Take what only one may have, and bring the database to this version. May wait for the service before it.

        Part of `start`; called before it by whoever may be told to stop meanwhile. Raises as `start` does.
        """
        # The lock first: a second service would otherwise hear of the port, and not of the first service.
        await self._home.take()
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self._home.release)
            self._socket = bind(self._settings.host, self._settings.port)
            undo.callback(self._socket.close)
            self.port = self._socket.getsockname()[1]
            await self._home.migrate()
            undo.pop_all()

    def _build(self) -> None:
        settings, clock = self._settings, self._clock
        self.alerts = AlertDesk(
            settings,
            self.database,
            clock,
            roster=self.rosters.roster,
            notices=self.notices,
            on_written=self._wake_delivery,
        )
        self.outbox = Outbox(settings, self.database, clock, on_finished=self._heard, pages=self.alerts.sent_pages)
        self._build_telegram()
        self.oncall = OnCallDesk(
            settings,
            self.database,
            clock,
            rosters=self.rosters,
            notices=self.notices,
            knows=self.telegram.knows,
            on_change=self.telegram.people_changed,
            on_written=lambda: self.sync_loop.wake(),
        )
        self.heartbeats = HeartbeatDesk(
            settings,
            self.database,
            clock,
            rosters=self.rosters,
            intake=self.alerts.intake,
            notices=self.notices,
            loops=self._loops(),
            try_commit=self._try_commit,
            wake=self.wake,
        )

        self._doors = alert_doors(
            settings,
            self.database,
            clock,
            self.alerts,
            roster=self.rosters.roster,
            notices=self.notices,
            wake=self.wake,
        )

    def _build_telegram(self) -> None:
        settings, clock, database = self._settings, self._clock, self.database
        access = Access(
            users=settings.telegram_users,
            admins=settings.telegram_admins,
            on_call=lambda: self.rosters.telegram_ids,
        )
        desk = Desk(database=database, access=access, clock=clock, wake=self.wake)
        token = settings.telegram_token
        if token is None:
            raise ValueError("settings must be loaded with need=TELEGRAM")
        self.telegram = TelegramService(
            token=token.get_secret_value(),
            api_url=settings.telegram_api_url,
            database=database,
            handlers=self._handlers(desk, access),
            finished=desk.finished,
            notice_places=notice_places(settings),
            access=access,
            clock=clock,
            wake=self.wake,
        )
        self.chat_sync = ChatSync(
            database=database,
            chat=TelegramChat(self.telegram.bot),
            render=partial(card_of, name_gateways=len(settings.gateways) > 1),
            notices=self.notices,
            pacer=Pacer(),
            clock=clock,
            wake=lambda: self.sync_loop.wake(),
        )
        self.sync_loop = WorkLoop("chat", self.chat_sync.step, clock, every_s=5, gather_s=CHAT_GATHERS_S)

    def _handlers(self, desk: Desk, access: Access) -> Sequence[Registers]:
        settings, clock, database = self._settings, self._clock, self.database
        incident_handlers = IncidentHandlers(
            desk=desk, roster=self.rosters.roster, intake=self.alerts.intake, clock=clock
        )
        oncall_handlers = OnCallHandlers(
            desk=desk,
            rosters=self.rosters,
            database=database,
            clock=clock,
            max_age_s=settings.command_max_age_s,
            sms_has_link=bool(settings.public_url),
            wake_roster=lambda: self.oncall.wake(),
        )
        sms_handlers = SmsHandlers(
            desk=desk,
            buttons=Buttons(desk, access, clock, incident_handlers.press),
            database=database,
            rules=rules_of(settings),
            region=settings.default_region,
            allowed_countries=settings.allowed_countries,
            names=self._names,
            clock=clock,
        )
        return incident_handlers, oncall_handlers, sms_handlers

    def _web_parts(self) -> tuple[Part, ...]:
        settings = self._settings
        names = settings.api_names()
        api = SmsApi(
            database=self.database,
            names=names,
            rules=rules_of(settings),
            region=settings.default_region,
            allowed_countries=settings.allowed_countries,
            names_of=self._names,
            clock=self._clock,
            make_id=new_id,
            wake=self.wake,
        )
        health = Health(
            clock=self._clock,
            loops=(*self._loops(), self.heartbeats.loop),
            try_commit=self._try_commit,
            degraded=self._degraded,
        )
        metrics, openapi = MetricsRoute(names, self._render_metrics), OpenApiRoute(names)
        return api, health, metrics, openapi, *self._doors, self.heartbeats.door

    def _loops(self) -> tuple[WorkLoop, ...]:
        return (
            self.alerts.loop,
            self.outbox.loop,
            self.outbox.housekeeping_loop,
            self.sync_loop,
            self.telegram.inbox_loop,
        )

    def _names(self, connection: Connection) -> ByName:
        return names_in_force(connection, self.rosters, self._clock.now())

    def _heard(self, finished: Sequence[Finished]) -> None:
        self.metrics.finished(finished)
        self.heartbeats.outgoing.outcome_written()
        if any(one.page for one in finished):
            self.alerts.loop.wake()
        self.sync_loop.wake()

    def wake(self) -> None:
        """Something was written: the loops look at once."""
        self.alerts.loop.wake()
        self.heartbeats.loop.wake()
        self._wake_delivery()

    def _wake_delivery(self) -> None:
        self.outbox.loop.wake()
        self.sync_loop.wake()

    async def _try_commit(self) -> None:
        now = self._clock.now()
        await self.database.write(partial(switches.put, name=switches.ALIVE, value="", by="", now=now))

    async def _degraded(self) -> Mapping[str, object]:
        now = self._clock.now()
        standing = await self.database.read(vitals.read)
        found: dict[str, object] = {}
        if not self.telegram.reached:
            found["telegram"] = "not reached"
        if failing := standing.failing:
            found["gateways"] = failing
        return found | standing.late(now, timedelta(seconds=10))

    async def _render_metrics(self) -> bytes:
        standing = await self.database.read(vitals.read)
        return self.metrics.render(standing, telegram=self.telegram.reached, now=self._clock.now())

    async def stop(self) -> None:
        """Stop in order: take in nothing more, finish what is under way, show it, close."""
        self._server.should_exit = True
        await self.telegram.stop()
        await asyncio.gather(self.alerts.loop.stop(), self.oncall.loop.stop(), self.heartbeats.stop())
        await self.outbox.stop()
        await self.sync_loop.stop()
        await self.chat_sync.stop(0.8)
        await self.telegram.aclose()
        await asyncio.wait([self._serving], timeout=0.5)
        await self.database.aclose()
        await self._home.release()
        log.info("stopped", extra={"event": "app.stopped"})
