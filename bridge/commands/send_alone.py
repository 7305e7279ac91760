"""`bridge send --wait` where no service runs: this process delivers the one message itself."""

import signal
from functools import partial

from bridge import settings
from bridge.app import CALLS_MAY_END_WITHIN_S, Outbox, configured_gateways, new_id, process_name
from bridge.clock import SystemClock
from bridge.domain.delivery import SETTLED, State
from bridge.domain.errors import SettingsError
from bridge.engine.work_loop import WorkLoop
from bridge.services.processes.lease import BEAT_S, Lease
from bridge.store import messages
from bridge.store.database import Database
from bridge.store.home import Home
from bridge.store.lock import ONE_MESSAGE
from bridge.store.messages import MessageView

RECIPIENTS_SHOWN = 1000


class Alone:
    """This process delivers the message, because nobody else does."""

    def __init__(self, home: Home, database: Database, message_id: int) -> None:
        self._home = home
        self._database = database
        self._message_id = message_id
        self._outbox: Outbox | None = None
        self._lease: Lease | None = None
        self._lease_loop: WorkLoop | None = None
        self._left_behind = 0

    @property
    def delivers(self) -> bool:
        """Whether it holds the lock, and delivers."""
        return self._outbox is not None

    async def take_over(self) -> None:
        """Deliver, unless somebody was faster. Raises `SettingsError` when the gateway's settings are missing."""
        try:
            found = settings.load(need=settings.GATEWAY)
            configured_gateways(found)
        except SettingsError as error:
            raise SettingsError(f"#{self._message_id} is queued, and no service runs: {error}") from None
        if not await self._home.try_take(ONE_MESSAGE):
            return
        # Stopped (Ctrl-Z) it would keep a service from starting, which pages nobody meanwhile.
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        # Calls of a service that died: nobody waits for them any more, and the next service says so.
        self._left_behind = (await view_of(self._database, self._message_id)).counts.get(State.SENDING, 0)
        clock = SystemClock()
        self._outbox = outbox = Outbox(
            found, self._database, clock, only_message=self._message_id, leased=self._home.shared
        )
        if self._home.shared:
            self._lease = Lease(
                self._database,
                outbox.claims,
                clock,
                make_id=new_id,
                process=process_name(),
                version="bridge send",
                may_lead=False,
            )
            await self._lease.enter()
            self._lease_loop = WorkLoop("lease", self._lease.step, clock, every_s=BEAT_S)
            self._lease_loop.start()
        # Only this message is ours to deliver: what else lies there waits for the service, and so does its take-over.
        self._outbox.loop.start()

    def is_done(self, view: MessageView) -> bool:
        """Whether nothing more will come of the message."""
        counts = {state: number for state, number in view.counts.items() if number}
        if self.delivers and counts.get(State.SENDING) == self._left_behind:
            counts.pop(State.SENDING, None)
        return set(counts) <= SETTLED

    async def stop(self) -> None:
        """Let calls under way end, and let go."""
        if self._outbox is not None:
            await self._outbox.loop.stop()
            await self._outbox.deliverer.stop(CALLS_MAY_END_WITHIN_S)
            if self._lease is not None and self._lease_loop is not None:
                await self._lease_loop.stop()
                await self._lease.leave()
            await self._home.release()
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)


async def view_of(database: Database, message_id: int) -> MessageView:
    """How the message stands. Raises `SettingsError` where it is gone."""
    view = await database.read(partial(messages.view, message_id=message_id, lines=RECIPIENTS_SHOWN))
    if view is None:
        raise SettingsError(f"#{message_id} is gone from the database")
    return view
