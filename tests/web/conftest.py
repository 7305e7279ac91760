from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from pathlib import Path

import httpx
import pytest

from bridge.clock import Clock
from bridge.services.oncall.by_name import names_in_force
from bridge.services.oncall.roster_in_force import RosterInForce
from bridge.services.sms.rules import Rules
from bridge.settings import Settings, load
from bridge.store.sqlite import SqliteDatabase
from bridge.store.vitals import Counts, Vitals
from bridge.web.metrics import Metrics, MetricsRoute
from bridge.web.openapi import OpenApiRoute
from bridge.web.server import web_app
from bridge.web.sms_api import SmsApi
from tests.support.databases import new_database
from tests.support.manual_clock import ManualClock
from tests.support.sandboxes import gateway, telegram  # noqa: F401 - fixtures

CI, OPS = "secret-of-ci", "secret-of-ops"


NOTHING = Vitals(
    delivery_due=None,
    page_due=None,
    step_due=None,
    alert_kept=None,
    update_kept=None,
    post_due=None,
    breakers={},
    balances={},
)


class Door:
    """The routes over a real store, without a gateway behind it: what is taken stays queued."""

    def __init__(self, path: Path, settings: Settings, rules: Rules, clock: Clock) -> None:
        self.path = path
        self.clock = clock
        self.database = SqliteDatabase(path)
        self.woken = 0
        names = settings.api_names()
        ids = count(1)
        rosters = RosterInForce(region=settings.default_region, clock=clock)
        api = SmsApi(
            database=self.database,
            names=names,
            rules=rules,
            region=settings.default_region,
            allowed_countries=settings.allowed_countries,
            names_of=lambda connection: names_in_force(connection, rosters, clock.now()),
            clock=clock,
            make_id=lambda: f"request-{next(ids)}",
            wake=self._wake,
        )
        self.metrics = Metrics()
        parts = (api, MetricsRoute(names, self._metrics), OpenApiRoute(names))
        self.app = web_app([route for part in parts for route in part.routes()])
        self._clients: list[httpx.AsyncClient] = []

    def client(self, token: str | None = CI, address: str = "127.0.0.1") -> httpx.AsyncClient:
        """Somebody who calls from `address` with this token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(self.app, client=(address, 4711))
        made = httpx.AsyncClient(transport=transport, base_url="http://bridge", headers=headers)
        self._clients.append(made)
        return made

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()
        await self.database.aclose()

    def _wake(self) -> None:
        self.woken += 1

    async def _metrics(self) -> bytes:
        none = Counts(deliveries={}, incidents={})
        return self.metrics.render(NOTHING, none, telegram=True, leads=True, now=self.clock.now())


MakeDoor = Callable[..., Awaitable[Door]]


@pytest.fixture
async def make_door(tmp_path: Path) -> AsyncIterator[MakeDoor]:
    """Makes the routes. `tokens`: BRIDGE_API_TOKENS; `limits`: fields of `Rules`."""
    made: list[Door] = []

    async def make(tokens: str = f"ci={CI},ops={OPS}", countries: str = "", **limits: object) -> Door:
        variables = {"BRIDGE_API_TOKENS": tokens, "BRIDGE_ALLOWED_COUNTRIES": countries}
        rules = {
            "max_segments": 6,
            "confirm_above": 20,
            "command_max_age_s": 300,
            "daily_limit": 0,
            "daily_limit_all": 0,
            "batch": 1,
            "known_countries": frozenset({"GH"}),
        }
        found = load(variables, env_file=tmp_path / "none")
        path = new_database(tmp_path, f"{len(made)}.db")
        made.append(Door(path, found, Rules(**(rules | limits)), ManualClock()))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for door in made:
        await door.close()


@pytest.fixture
async def door(make_door: MakeDoor) -> Door:
    return await make_door()


@pytest.fixture
def client(door: Door) -> httpx.AsyncClient:
    """A caller on this machine with a good token."""
    return door.client()
