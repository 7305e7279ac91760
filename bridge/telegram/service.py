"""Telegram's side of the service: connects, and connects again; receives, dispatches, shows."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import httpx
from telegram.error import BadRequest, Forbidden, TelegramError
from telegram.ext import Application, ApplicationBuilder, ExtBot
from telegram.request import HTTPXRequest

from bridge.clock import Clock
from bridge.engine.work_loop import WorkLoop
from bridge.services.chat.notices import Notices
from bridge.store import inbox
from bridge.store.database import Database
from bridge.telegram import menu
from bridge.telegram.access import Access, Role
from bridge.telegram.deafness import Deafness
from bridge.telegram.dispatch import BotApplication, Dispatcher
from bridge.telegram.receive import Keep, KeepingRequest, Poller
from bridge.telegram.trouble import in_words
from bridge.telegram.webhook import Webhook, WebhookKeeper

log = logging.getLogger(__name__)

RETRY_S = 30.0


def make_bot(token: str, api_url: str, keep: Keep) -> ExtBot[None]:
    """A bot whose updates are kept before they are confirmed."""
    # One context for both clients: reading the list of authorities takes 80 ms. Without https nobody is trusted.
    tls = httpx.create_ssl_context() if api_url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust = {"verify": tls}
    return ExtBot(
        token=token,
        base_url=f"{api_url}/bot",
        base_file_url=f"{api_url}/file/bot",
        request=HTTPXRequest(
            connection_pool_size=16, read_timeout=10, write_timeout=10, pool_timeout=5, httpx_kwargs=trust
        ),
        get_updates_request=KeepingRequest(keep, httpx_kwargs=trust),
    )


class Registers(Protocol):
    """A set of handlers."""

    def register(self, application: Application[Any, Any, Any, Any, Any, Any]) -> None:
        """Tell python-telegram-bot which update goes where; of two that fit, the first one registered gets it."""
        ...


class TelegramService:
    """Keeps the connection to Telegram. Nothing of it, refused or unreachable, ends the process."""

    def __init__(
        self,
        *,
        token: str,
        api_url: str,
        database: Database,
        handlers: Sequence[Registers],
        finished: set[int],
        notices: Notices,
        access: Access,
        clock: Clock,
        wake: Callable[[], None],
        webhook: Webhook | None = None,
    ) -> None:
        """`wake`: a connection is there (again): posts may be shown. `webhook`: where Telegram brings updates; without
        one it is asked for them.
        """
        self._database = database
        self._clock = clock
        self._access = access
        self._wake = wake
        self._never = asyncio.Event()
        self.bot = make_bot(token, api_url, self._keep)
        self._application: BotApplication = ApplicationBuilder().bot(self.bot).updater(None).job_queue(None).build()
        for some in handlers:
            some.register(self._application)
        dispatcher = Dispatcher(
            database=database,
            application=self._application,
            clock=clock,
            finished=finished,
            notice_places=notices.places,
        )
        self.inbox_loop = WorkLoop("inbox", dispatcher.step, clock, every_s=5)
        deafness = Deafness(database, notices, clock)
        self._receiver: Poller | WebhookKeeper = (
            Poller(self.bot, deafness, clock, self.inbox_loop.wake)
            if webhook is None
            else WebhookKeeper(self.bot, webhook, database, deafness, clock)
        )
        self._task: asyncio.Task[None] | None = None
        self._menus: asyncio.Task[None] | None = None
        self._menus_shown: dict[int, Role] = {}

    @property
    def reached(self) -> bool:
        """Whether Telegram answered last time."""
        return self._receiver.reach.ok

    def start(self) -> None:
        """Connect in the background."""
        self._task = asyncio.create_task(self._run(), name="telegram")

    async def stop(self) -> None:
        """Receive nothing more, and end what is being handled. Updates that are not kept stay with Telegram."""
        for task in (self._task, self._menus):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self.inbox_loop.stop()

    def people_changed(self) -> None:
        """Others may use the bot than before: they get their menus, once Telegram can be reached."""
        if self._menus is not None:
            self._set_menus()

    def _set_menus(self) -> None:
        if self._menus is not None:
            self._menus.cancel()  # of an earlier connection, or for other people
        self._menus = asyncio.create_task(menu.register(self.bot, self._access, self._menus_shown))

    async def knows(self, user_id: int) -> bool | None:
        """Whether Telegram lets the bot write to this person, as far as it tells; None where it does not answer."""
        if not self.reached:
            return None
        try:
            await self.bot.get_chat(user_id)
        except (BadRequest, Forbidden):
            return False
        except TelegramError:
            return None
        return True

    async def aclose(self) -> None:
        """Close the connections, after the last post is shown."""
        try:
            await self._application.shutdown()
            await self.bot.shutdown()
        except (TelegramError, RuntimeError) as error:
            log.debug("Telegram's connections: %s", type(error).__name__, extra={"event": "telegram.close"})

    async def _keep(self, updates: Sequence[tuple[int, str]]) -> None:
        now = self._clock.now()
        await self._database.write(lambda connection: inbox.keep(connection, updates, now))

    async def _run(self) -> None:
        while True:
            try:
                await self._connect()
                await self._receiver.run()
            except TelegramError as error:
                self._say(in_words(error))
            except Exception:
                log.exception("the Telegram side met an error of ours", extra={"event": "telegram.error"})
            await self._clock.wait(self._never, RETRY_S)

    def _say(self, trouble: str) -> None:
        log.error(
            "%s: tried again every %.0f s; SMS and HTTP go on", trouble, RETRY_S, extra={"event": "telegram.down"}
        )

    async def _connect(self) -> None:
        """`getMe`, the inbox loop running, the menus set. Raises `TelegramError`."""
        await self._application.initialize()
        if not self.inbox_loop.started:
            self.inbox_loop.start()
        self._menus_shown.clear()
        self._set_menus()
        log.info("Telegram: @%s", self.bot.username, extra={"event": "telegram.connected"})
        self._receiver.reach.ok = True
        self._wake()
