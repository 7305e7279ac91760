"""Who is on call: builds what keeps the on-call file, calendars and hand-overs, and its loop."""

from collections.abc import Callable

import httpx

from bridge.clock import Clock
from bridge.engine.work_loop import WorkLoop
from bridge.services.chat.notices import Notices
from bridge.services.oncall.calendar_text import CalendarTexts
from bridge.services.oncall.calendars import Calendars
from bridge.services.oncall.hand_over import HandOver
from bridge.services.oncall.keep_roster import RosterKeeper
from bridge.services.oncall.oncall_file import AtStart, OnCallFile
from bridge.services.oncall.reachable import KnowsPerson
from bridge.services.oncall.roster_in_force import RosterInForce
from bridge.settings import Settings
from bridge.store.database import Database


def oncall_file(settings: Settings) -> OnCallFile:
    """Where the on-call file is."""
    return OnCallFile.of(settings.oncall_file, settings.default_region)


def file_at_start(settings: Settings, clock: Clock) -> AtStart:
    """The file as a process finds it when it starts. Not for an event loop: it waits for a disk."""
    read_at = clock.now()
    return AtStart(written=oncall_file(settings).read(), read_at=read_at)


def calendar_texts(settings: Settings) -> CalendarTexts:
    """Reads calendars; paths begin where the on-call file is."""
    return CalendarTexts(oncall_file(settings).path.parent, httpx.AsyncClient)


class OnCallDesk:
    """Everything about who is on call, but whom an alert pages."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        *,
        rosters: RosterInForce,
        notices: Notices,
        knows: KnowsPerson,
        on_change: Callable[[], None],
        on_written: Callable[[], None],
    ) -> None:
        """`on_change`: others may use the bot now. `on_written`: the chat should be looked at."""
        self.keeper = RosterKeeper(
            file=oncall_file(settings),
            database=database,
            rosters=rosters,
            calendars=Calendars(database=database, texts=calendar_texts(settings), notices=notices, clock=clock),
            hand_over=HandOver(database=database, rosters=rosters, notices=notices, knows=knows, clock=clock),
            notices=notices,
            clock=clock,
            on_change=on_change,
            on_written=on_written,
        )
        self.loop = WorkLoop("on-call", self.keeper.step, clock, every_s=5)

    def wake(self) -> None:
        """Something was asked for, or somebody took a schedule."""
        self.keeper.look_soon()
        self.loop.wake()

    def reload(self) -> None:
        """Read the on-call file again, soon."""
        self.keeper.signal()
        self.loop.wake()
