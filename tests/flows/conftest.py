import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bridge.sandbox.msmpusher import Mode, MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_limits import NO_LIMITS
from bridge.sandbox.telegram_state import Message
from bridge.store.migrate import migrate
from tests.flows.asking_cards import KWAME, labels
from tests.support import team as support
from tests.support.manual_clock import ManualClock
from tests.support.strict_telegram import StrictTelegram
from tests.support.team import Team
from tests.web.listening import free_port

StartTeam = Callable[..., Awaitable[Team]]


@pytest.fixture
def telegram_kind() -> type[TelegramSandbox]:
    """Which Bot API server answers: `both_telegrams` gives a test both."""
    return TelegramSandbox


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """Where the service keeps what it knows: `both_databases` gives a test both."""
    if not request.config.getoption("--postgres"):
        return "sqlite"
    if request.node.get_closest_marker("sqlite"):
        pytest.skip("it speaks to SQLite by itself")
    return "postgres"


@pytest.fixture
def receive_kind() -> str:
    """How updates come: `both_ways` gives a test both."""
    return "polling"


@pytest.fixture
def receive_settings(receive_kind: str) -> dict[str, object]:
    """The settings for it; nothing for the usual polling."""
    if receive_kind == "polling":
        return {}
    port = free_port()  # known beforehand: the emulator delivers to that very address
    return {
        "BRIDGE_TELEGRAM_RECEIVE": "webhook",
        "BRIDGE_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "BRIDGE_PORT": port,
    }


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once for all."""
    path = tmp_path_factory.mktemp("empty") / "bridge.db"
    migrate(path)
    return path


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database_kind: str) -> dict[str, str]:
    """The setting that names the database; nothing for the usual file."""
    if database_kind == "sqlite":
        return {}
    return {"BRIDGE_DATABASE_URL": request.getfixturevalue("postgres_url")}


@pytest.fixture
async def start_team(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    empty_database: Path,
    database_url: dict[str, str],
    receive_settings: dict[str, object],
    telegram_kind: type[TelegramSandbox],
) -> AsyncIterator[StartTeam]:
    """Starts the service, once: `await start_team(BRIDGE_CONFIRM_ABOVE=2)`. At the end nothing unseen may be left."""
    shutil.copyfile(empty_database, tmp_path / "bridge.db")
    clock = ManualClock()
    telegram = telegram_kind(limits=NO_LIMITS, webhook_second_s=0.02, now=clock.timestamp, clock=clock.timestamp)
    gateway = MsmpusherSandbox()
    started: list[Team] = []

    async def started_with(**changed: object) -> Team:
        changed = {**database_url, **receive_settings, **changed}
        await asyncio.gather(telegram.start(), gateway.start())
        started.append(await support.start_team(telegram, gateway, clock, tmp_path, **changed))
        return started[-1]

    yield started_with
    try:
        for team in started:
            if not team.stopped:
                await team.settled()
    finally:
        for team in started:
            await team.stop()
        await telegram.stop()
        await gateway.stop()
    if request.node.get_closest_marker("unwatched") is None:
        for team in started:
            assert team.leftovers() == []


@pytest.fixture
async def team(start_team: StartTeam) -> Team:
    """The service with its ordinary settings."""
    return await start_team()


def _kinds() -> list[object]:
    return [pytest.param(TelegramSandbox, id="sandbox"), pytest.param(StrictTelegram, id="emulator")]


both_telegrams = pytest.mark.parametrize("telegram_kind", _kinds())
"""Runs a flow twice: against our sandbox, and against lo-bot-api-emulator."""

both_databases = pytest.mark.parametrize("database_kind", ["sqlite", "postgres"])
"""Runs a flow twice: on SQLite, and on PostgreSQL."""

both_ways = pytest.mark.parametrize("receive_kind", ["polling", "webhook"])
"""Runs a flow twice: Telegram is asked for updates, and Telegram brings them."""


@pytest.fixture
async def unknown(team: Team) -> Message:
    """The card of Kofi's message #1 in the group, which may have been sent."""
    team.gateway.next_modes.append(Mode.CLOSE_BEFORE_ANSWER)
    await team.kofi.says("/sms 0241109433 hello", to=team.ops)
    await team.phone(KWAME).gets("hello")
    card = await team.ops.shows("❓", "may have been sent")
    assert labels(card) == ["Send again", "Leave it"]
    return card


@pytest.fixture
async def asking(start_team: StartTeam) -> tuple[Team, Message]:
    """The card of Kofi's message #1 in the group, which asks before it is sent."""
    team = await start_team(BRIDGE_CONFIRM_ABOVE=1)
    await team.kofi.says("/sms 0241109433, 0551234567 hello", to=team.ops)
    card = await team.ops.shows("This costs 2 SMS. Send it?")
    assert labels(card) == ["Send now", "Cancel"]
    return team, card
