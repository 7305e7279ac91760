"""The composition root: builds the service from its settings, starts and stops it in order."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx

from bridge.clock import Clock, SystemClock
from bridge.domain.outcome import NotSent
from bridge.engine.embedded import WorkLoop
from bridge.gateways import Gateway, msmpusher
from bridge.services.alarms import Alarms
from bridge.services.deliver import Deliverer
from bridge.services.housekeeping import Housekeeping
from bridge.services.pacing import Pacer
from bridge.services.retry import RetryPolicy
from bridge.services.send_sms import Rules
from bridge.services.sync_chat import ChatSync
from bridge.settings import Settings
from bridge.store import posts, queue, switches
from bridge.store.database import Database
from bridge.store.lock import DeliveryLock
from bridge.store.migrate import database_file, migrate
from bridge.store.outcomes import Finished
from bridge.store.posts import Place
from bridge.telegram.access import Access
from bridge.telegram.asking import Desk
from bridge.telegram.buttons import Buttons
from bridge.telegram.chat import TelegramChat
from bridge.telegram.handlers import Handlers
from bridge.telegram.rendering import card_of
from bridge.telegram.service import TelegramService
from bridge.web.health import Health
from bridge.web.metrics import Metrics, MetricsRoute
from bridge.web.openapi import OpenApiRoute
from bridge.web.server import bind, server, web_app
from bridge.web.sms_api import SmsApi

log = logging.getLogger(__name__)

CALLS_MAY_END_WITHIN_S = 7.0
"""On SIGTERM: how long calls under way are waited for."""


CHAT_GATHERS_S = 0.03
"""From news to the look for posts that are out of date: the gateway call goes first, and its outcome often makes it
into the first post."""


def new_id() -> str:
    """An id that nobody has."""
    return uuid.uuid4().hex


def rules_of(settings: Settings) -> Rules:
    """What a message must keep to."""
    return Rules(
        max_segments=settings.max_segments,
        confirm_above=settings.confirm_above,
        command_max_age_s=settings.command_max_age_s,
        daily_limit=settings.daily_limit,
        daily_limit_all=settings.daily_limit_all,
        batch=settings.msmpusher_batch,
    )


def notice_places(settings: Settings) -> tuple[Place, ...]:
    """Where admins read notices."""
    return tuple(Place(chat_id=chat, thread_id=topic) for chat, topic in settings.notice_chats)


def gateway_slots(settings: Settings, clock: Clock) -> list[Gateway]:
    """Gateway objects, one for each call that may run at once."""
    private, public = settings.msmpusher_private_key, settings.msmpusher_public_key
    if private is None or public is None or settings.msmpusher_sender is None:
        raise ValueError("settings must be loaded with need=GATEWAY")
    # One context for all: reading the list of authorities takes 20 ms.
    tls = httpx.create_ssl_context() if settings.msmpusher_url.startswith("https:") else None
    return [
        msmpusher.build(
            url=settings.msmpusher_url,
            private_key=private.get_secret_value(),
            public_key=public.get_secret_value(),
            sender=settings.msmpusher_sender,
            method=settings.msmpusher_method,
            timeout_s=settings.gateway_timeout_s,
            now=clock.now,
            ssl_context=tls,
        )
        for _ in range(settings.gateway_slots)
    ]


class Outbox:
    """The delivering half: needs neither Telegram nor HTTP. `bridge send --wait` runs it alone."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        *,
        on_finished: Callable[[Sequence[Finished]], None] = lambda finished: None,
        only_message: int | None = None,
    ) -> None:
        """`on_finished` hears of outcomes once they are written. `only_message`: deliver nothing but this one."""
        places = notice_places(settings)
        absence = timedelta(seconds=settings.command_max_age_s)

        self._on_finished = on_finished
        self.alarms = Alarms(database, clock, gateway="msmpusher", places=places)
        self.deliverer = Deliverer(
            database=database,
            slots=gateway_slots(settings, clock),
            retry=RetryPolicy(settings.retry_for_s),
            clock=clock,
            batch=settings.msmpusher_batch,
            make_id=new_id,
            wake=lambda: self.loop.wake(),
            on_finished=self._heard,
            # Who delivers one message is not the service: what else lies there is not its to judge.
            absence=absence if only_message is None else timedelta.max,
            only_message=only_message,
        )
        # The poll is how messages that another process adds (bridge send) are seen within a second.
        self.loop = WorkLoop("delivery", self.deliverer.step, clock, every_s=0.5)
        self.housekeeping = Housekeeping(database, clock, absence=absence, notice_places=places)
        self.housekeeping_loop = WorkLoop("housekeeping", self.housekeeping.step, clock, every_s=5)

    def _heard(self, finished: Sequence[Finished]) -> None:
        self.alarms.heard(finished)
        self._on_finished(finished)

    async def start(self) -> None:
        """Take over what an earlier process left, then deliver."""
        await self.housekeeping.take_over()
        self.loop.start()
        self.housekeeping_loop.start()

    async def stop(self) -> None:
        """Claim nothing more, let calls under way end, write down the rest as unknown."""
        await asyncio.gather(self.loop.stop(), self.housekeeping_loop.stop())
        await self.deliverer.stop(CALLS_MAY_END_WITHIN_S)
        await self.alarms.stop()
        await self.housekeeping.leave()


class App:
    """The whole service. `start` returns when it is ready; `stop` when everything is written down."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        """`settings`: loaded with need=TELEGRAM + GATEWAY."""
        self._settings = settings
        self._clock = clock or SystemClock()
        self._path: Path = database_file(settings.database_url)
        self._lock = DeliveryLock(self._path)
        self._stops: list[asyncio.Task[None]] = []
        self.metrics = Metrics()
        self._gateway_trouble = ""  # why the last call was certainly not sent; empty: the gateway takes messages
        self.port = 0
        """Where HTTP is answered, once started."""

    async def start(self) -> None:
        """Start everything. Raises `SettingsError` or `StoreError` for what is wrong in our own settings or store."""
        settings, clock = self._settings, self._clock
        # The lock first: a second service would otherwise hear of the port, and not of the first service.
        await self._lock.take_within(0.5)
        with ExitStack() as undo:
            undo.callback(self._lock.release)
            self._socket = bind(settings.host, settings.port)
            undo.callback(self._socket.close)
            self.port = self._socket.getsockname()[1]
            migrate(self._path)
            undo.pop_all()
        self.database = Database(self._path, on_commit=self.metrics.committed)
        self.outbox = Outbox(settings, self.database, clock, on_finished=self._heard)
        self._build_telegram()
        await self.outbox.start()
        self.sync_loop.start()
        self.telegram.start()
        self._server = server(web_app([route for part in self._web_parts() for route in part.routes()]))
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="http")
        log.info("ready on %s:%d", settings.host, self.port, extra={"event": "app.ready"})

    def _build_telegram(self) -> None:
        settings, clock, database = self._settings, self._clock, self.database
        access = Access(users=settings.telegram_users, admins=settings.telegram_admins)
        desk = Desk(database=database, access=access, clock=clock, wake=self.wake)
        handlers = Handlers(
            desk=desk,
            buttons=Buttons(desk, access, clock),
            database=database,
            rules=rules_of(settings),
            region=settings.default_region,
            allowed_countries=settings.allowed_countries,
            clock=clock,
        )
        token = settings.telegram_token
        if token is None:
            raise ValueError("settings must be loaded with need=TELEGRAM")
        self.telegram = TelegramService(
            token=token.get_secret_value(),
            api_url=settings.telegram_api_url,
            database=database,
            handlers=handlers,
            finished=desk.finished,
            notice_places=notice_places(settings),
            access=access,
            clock=clock,
            wake=self.wake,
        )
        self.chat_sync = ChatSync(
            database=database,
            chat=TelegramChat(self.telegram.bot),
            render=card_of,
            pacer=Pacer(),
            clock=clock,
            wake=lambda: self.sync_loop.wake(),
        )
        self.sync_loop = WorkLoop("chat", self.chat_sync.step, clock, every_s=5, gather_s=CHAT_GATHERS_S)

    def _web_parts(self) -> tuple[SmsApi | Health | MetricsRoute | OpenApiRoute, ...]:
        settings = self._settings
        names = settings.api_names()
        api = SmsApi(
            database=self.database,
            names=names,
            rules=rules_of(settings),
            region=settings.default_region,
            allowed_countries=settings.allowed_countries,
            clock=self._clock,
            make_id=new_id,
            wake=self.wake,
        )
        health = Health(
            clock=self._clock,
            loops=(self.outbox.loop, self.outbox.housekeeping_loop, self.sync_loop, self.telegram.inbox_loop),
            try_commit=self._try_commit,
            degraded=self._degraded,
        )
        return api, health, MetricsRoute(names, self._render_metrics), OpenApiRoute(names)

    def _heard(self, finished: Sequence[Finished]) -> None:
        self.metrics.finished(finished)
        last = finished[-1].outcome
        self._gateway_trouble = last.reason.value if isinstance(last, NotSent) else ""
        self.sync_loop.wake()

    def wake(self) -> None:
        """Something was written: the loops look at once."""
        self.outbox.loop.wake()
        self.sync_loop.wake()

    async def _try_commit(self) -> None:
        now = self._clock.now()
        await self.database.write(partial(switches.put, name=switches.ALIVE, value="", by="", now=now))

    async def _degraded(self) -> Mapping[str, object]:
        now = self._clock.now()
        due = await self.database.read(queue.next_due)
        found: dict[str, object] = {}
        if not self.telegram.reached:
            found["telegram"] = "not reached"
        if self._gateway_trouble:
            found["gateways"] = {"msmpusher": self._gateway_trouble}
        if due is not None and now - due > timedelta(seconds=10):
            found["oldest_due_delivery_s"] = int((now - due).total_seconds())
        return found

    async def _render_metrics(self) -> bytes:
        counts = await self.database.read(queue.counts)
        oldest_due = await self.database.read(queue.next_due)
        oldest_post = await self.database.read(posts.oldest_open)
        return self.metrics.render(
            counts=counts,
            oldest_due=oldest_due,
            oldest_post=oldest_post,
            telegram=self.telegram.reached,
            now=self._clock.now(),
        )

    async def stop(self) -> None:
        """Stop in order: take in nothing more, finish what is under way, show it, close."""
        self._server.should_exit = True
        await self.telegram.stop()
        await self.outbox.stop()
        await self.sync_loop.stop()
        await self.chat_sync.stop(0.8)
        await self.telegram.aclose()
        await asyncio.wait([self._serving], timeout=0.5)
        await self.database.aclose()
        self._lock.release()
        log.info("stopped", extra={"event": "app.stopped"})
