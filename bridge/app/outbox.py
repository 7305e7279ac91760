"""The delivering half: builds what takes messages to the gateway."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

from bridge.app.from_settings import notice_places
from bridge.app.gateways import configured_gateways
from bridge.app.identity import new_id
from bridge.clock import Clock
from bridge.domain.failover import Way
from bridge.engine.work_loop import WorkLoop
from bridge.services.sms.choose_gateway import Standing
from bridge.services.sms.claims import Claims
from bridge.services.sms.deliver import Deliverer
from bridge.services.sms.gateway_alarms import Alarms
from bridge.services.sms.low_balance import LowBalance
from bridge.services.sms.pages_port import NO_PAGES, Pages
from bridge.services.sms.retry import LONGEST_PAGE_WAIT_S, RetryPolicy
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.store.outcomes import Finished
from bridge.store.posts import Place

CALLS_MAY_END_WITHIN_S = 7.0
"""On SIGTERM: how long calls under way are waited for."""


class Outbox:
    """The delivering half: needs neither Telegram nor HTTP. `bridge send --wait` runs it alone."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        *,
        on_finished: Callable[[Sequence[Finished]], None] = lambda finished: None,
        pages: Pages = NO_PAGES,
        only_message: int | None = None,
        leased: bool = False,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        """`on_finished` hears of outcomes once they are written. `only_message`: deliver nothing but this one.

        `leased`, `leads`: whether other processes deliver, too, and whether this one leads them.
        """
        places = notice_places(settings)
        gateways = configured_gateways(settings)
        ways = [Way(name=one.name, batch=one.batch, countries=one.countries, rate=one.rate) for one in gateways]
        absence = timedelta(seconds=settings.command_max_age_s)

        self.claims = Claims(new_id, leased=leased)
        self._on_finished = on_finished
        admins = [Place(chat_id=admin) for admin in sorted(settings.telegram_admins)]
        self.gateways = tuple(one.name for one in gateways)
        self.alarms = {
            way.name: Alarms(database, clock, gateway=way.name, places=places, everywhere=admins) for way in ways
        }
        self.balances = {
            one.name: LowBalance(database, clock, gateway=one.name, mark=one.low_mark, places=places)
            for one in gateways
            if one.low_mark is not None
        }
        self.deliverer = Deliverer(
            database=database,
            slots=[slot for one in gateways for slot in one.slots(settings, clock)],
            retry=RetryPolicy(settings.retry_for_s),
            clock=clock,
            ways=ways,
            make_id=new_id,
            wake=lambda: self.loop.wake(),
            on_finished=self._heard,
            pages=pages,
            page_retry=RetryPolicy(settings.page_max_age_s, through_outages=True, longest_told_s=LONGEST_PAGE_WAIT_S),
            # Who delivers one message is not the service: what else lies there is not its to judge.
            absence=absence if only_message is None else timedelta.max,
            only_message=only_message,
            claims=self.claims,
            leads=leads,
        )
        # The poll is how messages that another process adds (bridge send) are seen within a second.
        self.loop = WorkLoop("delivery", self.deliverer.step, clock, every_s=0.5)

    def _heard(self, finished: Sequence[Finished], standings: Sequence[Standing]) -> None:
        for one in standings:
            if alarms := self.alarms.get(one.breaker.gateway):
                alarms.heard([ended for ended in finished if ended.gateway == one.breaker.gateway], one)
        for name, balance in self.balances.items():
            balance.heard([one for one in finished if one.gateway == name])
        self._on_finished(finished)

    def start(self) -> None:
        """Deliver."""
        self.loop.start()

    async def stop(self) -> None:
        """Claim nothing more, let calls under way end, write down the rest as unknown."""
        await self.loop.stop()
        await self.deliverer.stop(CALLS_MAY_END_WITHIN_S)
        await asyncio.gather(*(alarms.stop() for alarms in self.alarms.values()))
        await asyncio.gather(*(balance.stop() for balance in self.balances.values()))
