"""The HTTP side of paging: builds the routes for alerts."""

from collections.abc import Callable

from bridge.clock import Clock
from bridge.services.chat.notices import Notices
from bridge.services.incidents.refused_posts import RefusedPosts
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.store.oncall import RosterOf
from bridge.web.ack import AckPage
from bridge.web.alerts import AlertDoor


def alert_doors(
    settings: Settings,
    database: Database,
    clock: Clock,
    *,
    roster: RosterOf,
    notices: Notices,
    on_kept: Callable[[], None],
    wake: Callable[[], None],
) -> tuple[AlertDoor, AckPage]:
    """Parts of the web app. `on_kept`: a request with alerts was kept. `wake`: something else was written."""
    secret = settings.grafana_secret
    alerts = AlertDoor(
        database=database,
        names=settings.alert_names(),
        grafana_secret=secret.get_secret_value() if secret else "",
        clock=clock,
        on_kept=on_kept,
        refused_posts=RefusedPosts(notices),
        on_refused=wake,
    )
    ack = AckPage(database=database, roster=roster, clock=clock, on_acknowledged=wake)
    return alerts, ack
