"""What one process does for all: receives and handles updates, pages, shows in the chat, keeps the roster, tidies up.

Built when this process begins to lead, and thrown away when it does no more. What it writes goes by `Led`: whoever
does not lead any more writes nothing of it.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from functools import partial

from bridge.app.alert_desk import AlertDesk, sent_pages
from bridge.app.from_settings import rules_of
from bridge.app.heartbeat_desk import HeartbeatDesk
from bridge.app.housekeeping import housekeeping_desk
from bridge.app.oncall_desk import OnCallDesk
from bridge.app.replica import WRITTEN, Replica
from bridge.engine.work_loop import WorkLoop
from bridge.services.chat.pacing import Pacer
from bridge.services.chat.sync_chat import ChatSync
from bridge.services.oncall.oncall_file import AtStart
from bridge.store.bell import Work
from bridge.store.leading import Led
from bridge.telegram.access import Access
from bridge.telegram.asking import Desk
from bridge.telegram.buttons import Buttons
from bridge.telegram.chat import TelegramChat
from bridge.telegram.incident_handlers import IncidentHandlers
from bridge.telegram.oncall_handlers import OnCallHandlers
from bridge.telegram.rendering import card_of
from bridge.telegram.service import Registers, TelegramService
from bridge.telegram.sms_handlers import SmsHandlers
from bridge.telegram.webhook import Webhook
from bridge.web.telegram import PATH

log = logging.getLogger(__name__)

CHAT_GATHERS_S = 0.03
"""From news to the look for posts that are out of date: the gateway call goes first, and its outcome often makes it
into the first post."""


class Leader:
    """`prepare`, `start`; in the end `stop_work`, and `stop_showing` when the last outcomes are written."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        settings, clock = replica.settings, replica.clock
        database = self._database = Led(replica.database)
        self.alerts = AlertDesk(
            settings,
            database,
            clock,
            roster=replica.rosters.roster,
            notices=replica.notices,
            on_written=lambda: replica.tell(Work.DELIVERY, Work.CHAT),
        )
        pages = sent_pages(settings, replica.rosters, replica.notices)
        self.housekeeping = housekeeping_desk(settings, database, clock, pages, replica.outbox.claims)
        self.housekeeping_loop = WorkLoop("housekeeping", self.housekeeping.step, clock, every_s=5)
        self._build_telegram()
        self.oncall = OnCallDesk(
            settings,
            database,
            clock,
            rosters=replica.rosters,
            notices=replica.notices,
            knows=self.telegram.knows,
            on_change=self._people_changed,
            on_written=lambda: self.sync_loop.wake(),
        )
        self.heartbeats = HeartbeatDesk(
            settings,
            database,
            clock,
            heartbeats=replica.heartbeats,
            loops=(replica.outbox.loop, *self._turning()),
            try_commit=replica.try_commit,
        )

    def _build_telegram(self) -> None:
        replica, database = self._replica, self._database
        settings, clock = replica.settings, replica.clock
        access = Access(
            users=settings.telegram_users,
            admins=settings.telegram_admins,
            on_call=lambda: replica.rosters.telegram_ids,
        )
        desk = Desk(database=database, access=access, clock=clock, wake=self._written)
        token = settings.telegram_token
        if token is None:
            raise ValueError("settings must be loaded with need=TELEGRAM")
        self.telegram = TelegramService(
            token=token.get_secret_value(),
            api_url=settings.telegram_api_url,
            database=database,
            handlers=self._handlers(desk, access),
            finished=desk.finished,
            notices=replica.notices,
            access=access,
            clock=clock,
            wake=self._written,
            webhook=Webhook(url=f"{settings.public_url}{PATH}", secret=settings.webhook_secret)
            if settings.by_webhook
            else None,
        )
        self.chat_sync = ChatSync(
            database=database,
            chat=TelegramChat(self.telegram.bot),
            render=partial(card_of, name_gateways=len(settings.gateways) > 1),
            notices=replica.notices,
            pacer=Pacer(),
            clock=clock,
            wake=lambda: self.sync_loop.wake(),
        )
        self.sync_loop = WorkLoop("chat", self.chat_sync.step, clock, every_s=5, gather_s=CHAT_GATHERS_S)

    def _handlers(self, desk: Desk, access: Access) -> Sequence[Registers]:
        replica, database = self._replica, self._database
        settings, clock = replica.settings, replica.clock
        incident_handlers = IncidentHandlers(
            desk=desk, roster=replica.rosters.roster, intake=self.alerts.intake, clock=clock
        )
        oncall_handlers = OnCallHandlers(
            desk=desk,
            rosters=replica.rosters,
            database=database,
            notices=replica.notices,
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
            names=replica.names,
            clock=clock,
        )
        return incident_handlers, oncall_handlers, sms_handlers

    def _turning(self) -> tuple[WorkLoop, ...]:
        return self.alerts.loop, self.housekeeping_loop, self.sync_loop, self.telegram.inbox_loop

    @property
    def loops(self) -> tuple[WorkLoop, ...]:
        """Those that must turn."""
        return (*self._turning(), self.heartbeats.loop)

    @property
    def reaches_telegram(self) -> bool:
        """Whether Telegram answered last time."""
        return self.telegram.reached

    def _written(self) -> None:
        self._replica.tell(*WRITTEN)

    def _people_changed(self) -> None:
        self.telegram.people_changed()
        self._replica.tell_others(Work.ROSTER)

    def look(self, news: Collection[Work]) -> None:
        """There is something to see to."""
        if Work.ALERTS in news:
            self.alerts.kept()
        if Work.STEPS in news:
            self.alerts.loop.wake()
            self.heartbeats.loop.wake()
        if Work.OUTCOMES in news:
            self.heartbeats.outgoing.outcome_written()
        if Work.GONE in news:
            self.housekeeping_loop.wake()
        if Work.CHAT in news or Work.OUTCOMES in news:
            self.sync_loop.wake()
        if Work.INBOX in news:
            self.telegram.inbox_loop.wake()
        if Work.ROSTER in news:
            self.oncall.wake()

    async def prepare(self, found: AtStart) -> None:
        """Put the on-call file in force. Raises `SettingsError` when it is not good and none is in force."""
        await self.oncall.keeper.start(found)

    async def start(self) -> None:
        """Take over what the leader before left, and begin."""
        await self.housekeeping.take_over()
        self.housekeeping_loop.start()
        self.alerts.loop.start()
        self.oncall.loop.start()
        await self.heartbeats.start()
        self.sync_loop.start()
        self.telegram.start()

    async def stop_work(self) -> None:
        """Take in nothing more, and end what is under way."""
        await self.telegram.stop()
        loops = (self.alerts.loop, self.oncall.loop, self.housekeeping_loop)
        await asyncio.gather(*(loop.stop() for loop in loops), self.heartbeats.stop())

    async def stop_showing(self, within_s: float) -> None:
        """Show what there is to show, for so many seconds at most, and close."""
        await self.sync_loop.stop()
        await self.chat_sync.stop(within_s)
        await self.telegram.aclose()
