"""The paging half: builds what makes incidents of alerts, and pages of incidents."""

from collections.abc import Callable
from datetime import timedelta

from bridge.clock import Clock
from bridge.engine.work_loop import WorkLoop
from bridge.services.chat.notices import Notices
from bridge.services.incidents.ack_token import MakeToken, token_maker
from bridge.services.incidents.alerting import Alerting
from bridge.services.incidents.escalate import Escalation
from bridge.services.incidents.intake import Intake
from bridge.services.incidents.kept_requests import KeptRequests
from bridge.services.incidents.paging import Paging
from bridge.services.incidents.sent_pages import SentPages
from bridge.services.oncall.roster_in_force import RosterInForce
from bridge.settings import Settings
from bridge.sources import SOURCES
from bridge.store.database import Database
from bridge.store.oncall import RosterOf

GATHERS_S = 0.005
"""From news to the look for what is due: after a command there is none, and the gateway call that it asked for is made
meanwhile."""


def sent_pages(settings: Settings, rosters: RosterInForce, notices: Notices) -> SentPages:
    """What delivery asks about pages."""
    return SentPages(
        notices=notices,
        roster=rosters.roster,
        people=rosters.people,
        make_token=ack_tokens(settings),
        link=ack_links(settings),
    )


class AlertDesk:
    """The loop that works on alerts."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        *,
        roster: RosterOf,
        notices: Notices,
        on_written: Callable[[], None],
    ) -> None:
        """`on_written`: something was written that delivery and chat should look at."""
        self.paging = Paging(
            notices=notices, interval=timedelta(seconds=settings.page_interval_s), make_token=ack_tokens(settings)
        )
        self.intake = Intake(notices=notices)
        self.alerting = Alerting(
            database=database,
            roster=roster,
            requests=KeptRequests(
                read=lambda source, body, content_type: SOURCES[source](body, content_type),
                intake=self.intake,
                notices=notices,
            ),
            escalation=Escalation(notices=notices, page_max_age=timedelta(seconds=settings.page_max_age_s)),
            paging=self.paging,
            clock=clock,
            on_written=on_written,
        )
        self.loop = WorkLoop("alerting", self.alerting.step, clock, every_s=1, gather_s=GATHERS_S)

    def kept(self) -> None:
        """A request with alerts was kept: the loop sees to it."""
        self.alerting.kept()
        self.loop.wake()


def ack_tokens(settings: Settings) -> MakeToken:
    """Made of the bot's token, which every process knows."""
    token = settings.telegram_token
    return token_maker(token.get_secret_value() if token else "")


def ack_links(settings: Settings) -> Callable[[str], str]:
    """Token -> address of its ack page; "" where nobody has said what our address is."""
    return lambda token: f"{settings.public_url}/a/{token}" if settings.public_url else ""
