"""How the work stands: what is due and how long it waits."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.domain.balance import Told
from bridge.domain.breaker import Breaker
from bridge.domain.delivery import State
from bridge.domain.incident import IncidentState
from bridge.store import alert_inbox, balances, breakers, inbox, incidents, posts, queue


@dataclass(frozen=True, kw_only=True, slots=True)
class Vitals:
    """Since when the oldest of each kind is due (a time to come: nothing is), None where none waits."""

    delivery_due: datetime | None
    page_due: datetime | None
    step_due: datetime | None
    alert_kept: datetime | None
    update_kept: datetime | None  # of Telegram's that no handler has finished
    post_due: datetime | None
    breakers: Mapping[str, Breaker]
    balances: Mapping[str, Told]  # by gateway, of each that ever told it

    def failing(self, gateways: Collection[str]) -> dict[str, str]:
        """Those of the gateways whose last call failed: name -> reason."""
        known = (one for name, one in self.breakers.items() if name in gateways)
        return {one.gateway: one.reason.value for one in known if one.failures and one.reason}

    def late(self, now: datetime, patience: timedelta) -> dict[str, int]:
        """What is due for longer than that: its name -> seconds."""
        waits = {
            "oldest_due_delivery_s": self.delivery_due,
            "oldest_due_step_s": self.step_due,
            "oldest_kept_alert_s": self.alert_kept,
        }
        return {name: int((now - due).total_seconds()) for name, due in waits.items() if due and now - due > patience}


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many there are in which something is still to come. Costs more than `Vitals` where much waits."""

    deliveries: Mapping[State, int]
    incidents: Mapping[IncidentState, int]


def count(connection: Connection) -> Counts:
    """How many there are now."""
    return Counts(deliveries=queue.counts(connection), incidents=incidents.count_not_resolved(connection))


def read(connection: Connection) -> Vitals:
    """How the work stands now."""
    return Vitals(
        delivery_due=queue.next_due(connection),
        page_due=queue.next_page_due(connection),
        step_due=incidents.next_due(connection),
        alert_kept=alert_inbox.oldest(connection),
        update_kept=inbox.oldest(connection),
        post_due=posts.oldest_open(connection),
        breakers=breakers.read(connection),
        balances=balances.told_by_all(connection),
    )
