"""What an operator watches: Prometheus metrics of this process and of the outbox."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.domain.breaker import Breaker
from bridge.domain.delivery import State
from bridge.domain.errors import StoreUnavailable
from bridge.domain.incident import IncidentState
from bridge.store.outcomes import Finished
from bridge.store.vitals import Counts, Vitals
from bridge.web.auth import is_loopback, name_of
from bridge.web.problem import problem, unauthorized


class Metrics:
    """The metrics, in a registry of their own."""

    def __init__(self, gateways: Collection[str] = ()) -> None:
        """`gateways`: those in use; what another one told one day is no news."""
        self._gateways = gateways
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._attempts = Counter(
            "bridge_attempts",
            "Gateway attempts that ended, by what followed.",
            ["state", "reason"],
            registry=self.registry,
        )
        self._commit = Histogram(
            "bridge_commit_seconds",
            "Time of one grouped commit.",
            registry=self.registry,
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5),
        )
        self._deliveries = Gauge(
            "bridge_deliveries", "Deliveries in which something is still to come.", ["state"], registry=self.registry
        )
        self._oldest = Gauge(
            "bridge_oldest_due_delivery_seconds", "How long the oldest due delivery waits.", registry=self.registry
        )
        self._page = Gauge(
            "bridge_oldest_due_page_seconds", "How long the oldest due page waits.", registry=self.registry
        )
        self._incidents = Gauge("bridge_incidents", "Incidents not resolved.", ["state"], registry=self.registry)
        self._step = Gauge(
            "bridge_oldest_due_step_seconds", "How long the oldest due escalation step waits.", registry=self.registry
        )
        self._alert = Gauge(
            "bridge_oldest_kept_alert_seconds",
            "How long the oldest alert waits that was answered and is not taken in.",
            registry=self.registry,
        )
        self._update = Gauge(
            "bridge_oldest_kept_update_seconds",
            "How long the first of Telegram's updates waits that is kept and not handled.",
            registry=self.registry,
        )
        self._sync_lag = Gauge(
            "bridge_chat_sync_lag_seconds",
            "How long the oldest post in the chat is out of date.",
            registry=self.registry,
        )
        self._out = Gauge(
            "bridge_gateway_out",
            "1 while a gateway is asked last: its calls failed, or it asked for rest.",
            ["gateway"],
            registry=self.registry,
        )
        self._failed_calls = Gauge(
            "bridge_gateway_failed_calls",
            "Calls to a gateway that failed, since one last worked.",
            ["gateway"],
            registry=self.registry,
        )
        self._balance = Gauge(
            "bridge_gateway_balance",
            "What a gateway said last that it has left, in its own units.",
            ["gateway"],
            registry=self.registry,
        )
        self._balance_told = Gauge(
            "bridge_gateway_balance_timestamp_seconds",
            "When the call began that brought it, in seconds since 1970.",
            ["gateway"],
            registry=self.registry,
        )
        self._telegram = Gauge(
            "bridge_telegram_reached",
            "1 while Telegram answers; NaN of a process that does not lead.",
            registry=self.registry,
        )
        self._leader = Gauge(
            "bridge_leader", "1 of the process that leads; of all on one database it is one.", registry=self.registry
        )

    def committed(self, seconds: float) -> None:
        """A commit took so long."""
        self._commit.observe(seconds)

    def finished(self, finished: Sequence[Finished]) -> None:
        """These attempts ended."""
        for one in finished:
            self._attempts.labels(one.next.state.value, one.outcome.reason.value).inc()

    def render(self, vitals: Vitals, counts: Counts, *, telegram: bool | None, leads: bool, now: datetime) -> bytes:
        """The text that Prometheus reads. `telegram`: None where another process asks it."""
        for state in (State.HELD, State.QUEUED, State.SENDING, State.UNKNOWN):
            self._deliveries.labels(state.value).set(counts.deliveries.get(state, 0))
        for kind in (IncidentState.OPEN, IncidentState.ACKNOWLEDGED):
            self._incidents.labels(kind.value).set(counts.incidents.get(kind, 0))
        self._oldest.set(_age(vitals.delivery_due, now))
        self._page.set(_age(vitals.page_due, now))
        self._step.set(_age(vitals.step_due, now))
        self._alert.set(_age(vitals.alert_kept, now))
        self._update.set(_age(vitals.update_kept, now))
        self._sync_lag.set(_age(vitals.post_due, now))
        for gateway in self._gateways:
            breaker = vitals.breakers.get(gateway, Breaker(gateway=gateway))
            self._out.labels(gateway).set(1 if breaker.out_since or breaker.rests(now) else 0)
            self._failed_calls.labels(gateway).set(breaker.failures)
        for gateway, told in vitals.balances.items():
            if gateway in self._gateways:
                self._balance.labels(gateway).set(told.balance)
                self._balance_told.labels(gateway).set(told.began.timestamp())
        self._telegram.set(nan if telegram is None else int(telegram))
        self._leader.set(int(leads))
        return generate_latest(self.registry)


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0


class MetricsRoute:
    """`/metrics`: open on loopback, else by an API token."""

    def __init__(self, names: Mapping[str, str], render: Callable[[], Awaitable[bytes]]) -> None:
        self._names = names
        self._render = render

    def routes(self) -> list[Route]:
        """For the web app."""
        return [Route("/metrics", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        """The metrics; 401 from elsewhere without a token."""
        if not is_loopback(request) and name_of(request, self._names) is None:
            return unauthorized()
        try:
            return Response(await self._render(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
        except StoreUnavailable as error:
            return problem(503, "unavailable", str(error))
