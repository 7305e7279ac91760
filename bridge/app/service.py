"""The whole service: started and stopped in order, and in the role that falls to it."""

import asyncio
import logging
from contextlib import AsyncExitStack

from bridge.app.gateways import configured_gateways
from bridge.app.leader import Leader
from bridge.app.oncall_desk import file_at_start
from bridge.app.replica import WRITTEN, Replica
from bridge.clock import Clock, SystemClock
from bridge.domain.errors import BridgeError, SettingsError, StoreError
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.store.homes import home_of
from bridge.store.migrate import HEAD
from bridge.web.metrics import Metrics
from bridge.web.server import bind, server, web_app

log = logging.getLogger(__name__)

AGAIN_S = 1.0
"""Between two tries to begin to lead."""
SHOWN_WITHIN_S = 0.8


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
        self._leader: Leader | None = None
        self._role = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self.metrics = Metrics(settings.gateways)
        self.outdated = asyncio.Event()
        """Set when the database is too new for this version: it must end."""
        self.port = 0
        """Where HTTP is answered, once started."""

    @property
    def leader(self) -> Leader:
        """What this process does while it leads. Raises `RuntimeError` when it does not."""
        if self._leader is None:
            raise RuntimeError("this process does not lead")
        return self._leader

    @property
    def database(self) -> Database:
        """As everybody may write it."""
        return self.replica.database

    async def start(self) -> None:
        """Start everything. Raises `SettingsError` or `StoreError` for what is wrong in our own settings or store."""
        if not self.port:
            await self.take_place()
        self.replica = Replica(
            self._settings,
            self._home,
            self._clock,
            self.metrics,
            on_lead=self._hear_role,
            on_outdated=self._must_end,
        )
        self._oncall_file = await asyncio.to_thread(file_at_start, self._settings, self._clock)
        try:
            if await self.replica.join():
                await self._lead()
            else:
                log.info("another bridge leads: this one follows", extra={"event": "app.follows"})
                await self.replica.follow()
        except BridgeError:
            await self.replica.database.aclose()
            self._socket.close()
            await self._home.release()
            raise
        self.replica.start()
        self._keeping = asyncio.create_task(self._keep_role(), name="role")
        routes = [route for part in self.replica.web_parts() for route in part.routes()]
        self._server = server(web_app(routes, self.replica.astray))
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="http")
        log.info("ready on %s:%d", self._settings.host, self.port, extra={"event": "app.ready"})

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

    def wake(self) -> None:
        """Something was written: the loops look at once."""
        self.replica.tell(*WRITTEN)

    def reload(self) -> None:
        """Read the on-call file again, soon."""
        if self._leader is not None:
            self._leader.oncall.reload()
        else:
            self._asking = asyncio.create_task(self.replica.reload())

    def _hear_role(self, leads: bool) -> None:
        if leads != (self._leader is not None):
            self._role.set()

    def _must_end(self, schema: str) -> None:
        words = "the database was brought to version %s, too new for this bridge (%s): it ends; install a newer one"
        log.error(words, schema, HEAD, extra={"event": "app.outdated"})
        self.outdated.set()

    async def _keep_role(self) -> None:
        """Begin to lead, and cease, as the lease says."""
        while True:
            await self._role.wait()
            self._role.clear()
            try:
                if self.replica.lease.leads and self._leader is None:
                    log.warning("this bridge leads now", extra={"event": "app.leads"})
                    await self._lead()
                elif not self.replica.lease.leads and self._leader is not None:
                    log.warning("this bridge leads no more: it follows", extra={"event": "app.follows"})
                    await self._cease()
            except StoreError as error:
                log.error("%s", error, extra={"event": "store.unavailable"})
                await self._cease()
                await asyncio.sleep(AGAIN_S)
                self._hear_role(self.replica.lease.leads)
            except Exception:
                log.exception("the change of role met an error of ours", extra={"event": "app.error"})
                await self._cease()
                await asyncio.sleep(AGAIN_S)
                self._hear_role(self.replica.lease.leads)

    async def _lead(self) -> None:
        """Raises `SettingsError` for an on-call file that is not good, only where it is asked for at a start."""
        self._leader = self.replica.leader = leader = Leader(self.replica)
        try:
            await leader.prepare(self._oncall_file)
        except SettingsError as error:
            if self._keeping is None:
                raise
            log.error("%s", error, extra={"event": "oncall.refused"})  # whoever paged until now must not stop
        await leader.start()

    async def _cease(self) -> None:
        leader, self._leader, self.replica.leader = self._leader, None, None
        if leader is not None:
            await leader.stop_work()
            await leader.stop_showing(SHOWN_WITHIN_S)

    async def _stand_down(self) -> None:
        await self._cease()
        await self.replica.stand_down()

    async def stop(self) -> None:
        """Stop in order: take in nothing more, finish what is under way, show it, close."""
        self._server.should_exit = True
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._home.shared:
            # Calls under way take seconds to end: another process leads meanwhile, and shows what comes of them.
            await asyncio.gather(self._stand_down(), self.replica.stop())
        else:
            if self._leader is not None:
                await self._leader.stop_work()
            await self.replica.stop()
        if self._leader is not None:
            await self._leader.stop_showing(SHOWN_WITHIN_S)
        await asyncio.wait([self._serving], timeout=0.5)
        await self.replica.leave()
        await self._home.release()
        log.info("stopped", extra={"event": "app.stopped"})
