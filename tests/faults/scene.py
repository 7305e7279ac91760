"""One installation under test: the sandbox servers, the folder with the database, and the processes started on it."""

import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bridge import settings
from bridge.app import App
from bridge.clock import Clock
from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_limits import NO_LIMITS
from bridge.sandbox.telegram_state import Message
from tests.faults.books import Books, Report
from tests.faults.launcher import KillAt
from tests.faults.postgres_books import PostgresBooks
from tests.support.eventually import until
from tests.support.service import Service, fork_program, start_program

AMA = 111111111  # admin
KOFI = 222222222  # user
CREW = tuple(range(400000001, 400000061))  # users, for load: a chat is written to once a second
NUMBERS = tuple(f"+23324{last:07d}" for last in range(1109433, 1109433 + 50))
API_TOKEN = "api-token-of-nobody-0123456789"


class Scene:
    """Start it, let people speak, kill, start again, and ask `books` whether all agrees."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.database = folder / "bridge.db"
        self.telegram = TelegramSandbox(limits=NO_LIMITS, webhook_second_s=0.05)
        self.gateway = MsmpusherSandbox()
        self.address = ""
        self.books = Books(self.database, self.telegram, self.gateway)
        self.services: list[Service] = []
        self.commands: dict[str, int] = {}
        self.said: dict[str, int] = {}  # text -> id of the update that holds it
        self.locks: list[sqlite3.Connection] = []  # taken by a test that plays another program
        self.kills = 0
        self.clock_file: Path | None = None  # what forked processes go by; None: the machine's time
        self.variables: dict[str, str] = {}  # of the environment, beside those of bridge
        for user, name in ((AMA, "Ama"), (KOFI, "Kofi"), *((user, f"User{user % 1000}") for user in CREW)):
            self.telegram.add_user(user, name)

    def put_database(self, path: Path) -> None:
        """The database is to stand there."""
        self.database = path
        self.books = Books(path, self.telegram, self.gateway)

    def put_server(self, url: str) -> None:
        """The database is one of a server."""
        self.address = url
        self.books = PostgresBooks(url, self.telegram, self.gateway)

    def lock_database(self) -> None:
        """Another program begins to write and does not end."""
        lock = sqlite3.connect(self.database, isolation_level=None)
        self.locks.append(lock)
        lock.execute("BEGIN EXCLUSIVE")

    def unlock_database(self) -> None:
        """It is done."""
        while self.locks:
            self.locks.pop().close()

    async def open(self) -> None:
        """Start the servers."""
        await self.telegram.start()
        await self.gateway.start()

    async def close(self) -> None:
        """End every process, then the servers."""
        for service in self.services:
            await service.close()
        self.unlock_database()
        await self.telegram.stop()
        await self.gateway.stop()

    def environment(self, **changes: str) -> dict[str, str]:
        """The settings of a service in this scene; those given win."""
        found = {
            "BRIDGE_TELEGRAM_TOKEN": self.telegram.token,
            "BRIDGE_TELEGRAM_API_URL": self.telegram.url,
            "BRIDGE_TELEGRAM_ADMINS": str(AMA),
            "BRIDGE_TELEGRAM_USERS": ",".join(map(str, (KOFI, *CREW))),
            "BRIDGE_MSMPUSHER_URL": self.gateway.url,
            "BRIDGE_MSMPUSHER_PRIVATE_KEY": self.gateway.private_key,
            "BRIDGE_MSMPUSHER_PUBLIC_KEY": self.gateway.public_key,
            "BRIDGE_MSMPUSHER_SENDER": "MSMPUSHER",
            "BRIDGE_API_TOKENS": f"test={API_TOKEN}",
            "BRIDGE_DATABASE_URL": self.address or f"sqlite:///{self.database}",
            "BRIDGE_PORT": "0",
            "BRIDGE_LOG_LEVEL": "DEBUG",
            "BRIDGE_DAILY_LIMIT": "0",
            "BRIDGE_DAILY_LIMIT_ALL": "0",
        }
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return kept | self.variables | found | {f"BRIDGE_{name.upper()}": value for name, value in changes.items()}

    def start(self, **changes: str) -> Service:
        """`python -m bridge run`, as a person starts it."""
        return self._started(start_program(["run"], self.environment(**changes), self.folder, self._log()))

    def fork(self, kill_at: KillAt | None = None, **changes: str) -> Service:
        """The same, quicker, and killed at a named moment."""
        environment = self.environment(**changes)
        return self._started(fork_program(["run"], environment, self.folder, self._log(), kill_at, self.clock_file))

    def command(self, *arguments: str, **changes: str) -> Service:
        """Another command of the program, on the same database."""
        return self._started(start_program(arguments, self.environment(**changes), self.folder, self._log()))

    def _log(self) -> Path:
        return self.folder / f"output-{len(self.services)}.log"

    def _started(self, service: Service) -> Service:
        self.services.append(service)
        return service

    def sms(self, text: str, *, user: int = AMA, to: Iterable[str] = NUMBERS[:1]) -> Message:
        """A person says `/sms`. Every text must differ: the ledger is read by it."""
        numbers = list(to)
        assert text not in self.commands
        self.commands[text] = len(numbers)
        message = self.telegram.say(user, f"/sms {','.join(numbers)} {text}")
        self.said[text] = self.telegram.unconfirmed_updates[-1].id
        return message

    async def killed(self, service: Service) -> None:
        """Return when it was killed (by itself). All that Telegram was told it has is in the database."""
        assert await service.gone() == -signal.SIGKILL, service.output[-2000:]
        self.kills += 1
        assert self.confirmed() <= self.books.kept(), "confirmed to Telegram, and not kept"

    def confirmed(self) -> set[int]:
        """Ids of updates with a command that Telegram will not give out again."""
        return set(self.said.values()) - {update.id for update in self.telegram.unconfirmed_updates}

    async def quiet(self, timeout_s: float = 30) -> None:
        """Return when every update is confirmed, every delivery settled and every post shown."""
        await until(lambda: not self.books.unrest(), timeout_s=timeout_s, otherwise=self._picture)

    async def state(self, *states: str, timeout_s: float = 30) -> None:
        """Return when the deliveries are in these states, in their order."""
        await until(lambda: self.books.states() == list(states), timeout_s=timeout_s, otherwise=self._picture)

    def _picture(self) -> str:
        output = self.services[-1].output[-3000:] if self.services else ""
        return f"{self.books.unrest()}, states {self.books.states()[-20:]}, calls {len(self.gateway.calls)}\n{output}"

    def report(self, sent_again: Mapping[str, int] | None = None) -> Report:
        """What the books say of all that was said here."""
        confirmed = [text for text, update_id in self.said.items() if update_id in self.confirmed()]
        return self.books.report(self.commands, confirmed, kills=self.kills, sent_again=sent_again)

    async def settled(self, sent_again: Mapping[str, int] | None = None) -> Report:
        """Wait for quiet; nothing is lost, doubled or shown wrongly."""
        await self.quiet()
        report = self.report(sent_again)
        assert report.wrong == ()
        assert report.confirmed == report.commands
        return report

    async def press(self, text: str, label: str, *, user: int = AMA) -> str:
        """A person presses a button under the card of this text; gives what is answered."""
        row = self.books.rows("SELECT id FROM messages WHERE text = ?", text)[0]
        pressed = await self.telegram.press(user, self.books.cards(row["id"])[0], label)
        return (await pressed.answer()).text

    def on_database(self, act: Callable[[sqlite3.Connection], None]) -> None:
        """Change the database by hand, while no service runs."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            act(connection)

    def newest_time(self) -> datetime:
        """When the first delivery last changed."""
        return datetime.fromtimestamp(self.books.count("SELECT changed_at FROM deliveries") / 1e6, UTC)

    def client(self, port: int) -> httpx.AsyncClient:
        """A program that uses the HTTP API."""
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {API_TOKEN}"}, timeout=20
        )

    def check_logs(self) -> None:
        """Nothing that any process wrote holds a secret, a whole number, a text, or a traceback."""
        output = "\n".join(service.output for service in self.services)
        assert "Traceback" not in output, output[output.index("Traceback") - 1000 :]
        for what, words in self._never_logged():
            assert words not in output, f"{what} is in the log: {output[max(0, output.index(words) - 300) :][:600]}"

    def _never_logged(self) -> Iterable[tuple[str, str]]:
        yield "the token", self.telegram.token
        yield "the token's secret", self.telegram.token.partition(":")[2]
        yield "the private key", self.gateway.private_key
        yield "the public key", self.gateway.public_key
        yield "the API token", API_TOKEN
        for text in {*self.commands, *(call.text for call in self.gateway.calls if call.text)}:
            yield "a message's text", text
        for number in {*NUMBERS, *(number for call in self.gateway.calls for number in call.numbers)}:
            yield "a number", number.removeprefix("+233")


@asynccontextmanager
async def in_process(scene: Scene, clock: Clock) -> AsyncIterator[App]:
    """The whole service in this process, with a clock that a test moves."""
    found = settings.load(scene.environment(), need=settings.TELEGRAM + settings.GATEWAY)
    app = App(found, clock)
    await app.start()
    try:
        yield app
    finally:
        await app.stop()
