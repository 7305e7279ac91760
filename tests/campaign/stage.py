"""One installation on which a case is played: people who write, a source of alerts, a clock that can be set."""

import asyncio
import contextlib
import random
import signal
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.telegram_state import Chat, Kind, Topic
from tests.campaign.machine_parts import mount_small_disk, unmount
from tests.campaign.moments import before
from tests.faults.launcher import ANY, KillAt
from tests.faults.night import Night
from tests.faults.scene import AMA, CREW, NUMBERS, Scene
from tests.support.eventually import until
from tests.support.moved_clock import ClockFile
from tests.support.service import Service

# Time-outs are short, so that a case is over soon; and nothing goes stale because a case skips time.
SETTINGS = {
    "gateway_timeout_s": "0.4",
    "command_max_age_s": "86400",
    "page_max_age_s": "604800",
    "page_interval_s": "1",
    "confirm_above": "1000",
    "msmpusher_batch": "1",
}
HELD_UP_S = 3.0
"""A start takes half a second; one that has not come to its end after this waits for a fault to end."""

TEAMS = CREW[40:]
"""Each has the cards of its alerts in its own chat, so that none of them become a storm."""


class Stage:
    """`open` it, `start` the program, let people act, `close` it. Whatever a fault needs hangs on it."""

    def __init__(self, folder: Path, chance: random.Random, *, small_disk: bool = False) -> None:
        """`chance` decides who writes to whom, and when a process dies. Raises `NotHere`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.chance = chance
        self.scene = Scene(folder)
        self.clock = ClockFile(folder / "clock")
        self.scene.clock_file = self.clock.path
        self.settings = dict(SETTINGS)
        self.second: MsmpusherSandbox | None = None
        self.undo = contextlib.AsyncExitStack()  # what must not outlast the case
        if small_disk:
            self._database_on_a_small_disk()
        self.group: Chat = self.scene.telegram.add_group("Ops", [AMA])
        self.forum: Chat = self.scene.telegram.add_group("Forum", [AMA], kind=Kind.SUPERGROUP, forum=True)
        self.topic: Topic = self.scene.telegram.add_topic(self.forum, "Alerts")
        self._people_go_by_the_skipped_time()
        self.night = Night(self.scene, oncall(self), now=self.clock.now)
        self._tasks: set[asyncio.Task[None]] = set()
        self._said = 0
        self.writers: set[int] = set()
        self._fired = 0
        self.deleted: set[int] = (
            set()
        )  # messages whose card people deleted when it showed the end: nobody edits it any more

    def _database_on_a_small_disk(self) -> None:
        disk = self.folder / "disk"
        disk.mkdir()
        mount_small_disk(disk)
        self.undo.callback(unmount, disk)
        self.scene.put_database(disk / "bridge.db")

    def _people_go_by_the_skipped_time(self) -> None:
        """Telegram's clock is right: it is not the one that is set wrongly."""
        world = self.scene.telegram.world
        self.began_at = 0.0  # seconds that a case puts all clocks ahead by

        def now() -> float:
            return self.clock.now().timestamp() - self.clock.read()[0] + self.began_at

        world.now = now
        world.updates._now = now

    def begin_at(self, seconds: float) -> None:
        """Everybody's time is this much later than the machine's, before anything happens."""
        self.clock.set_by(seconds - self.began_at)
        self.began_at = seconds

    @property
    def other_gateway(self) -> MsmpusherSandbox:
        """The second one, in a case that has two."""
        assert self.second is not None
        return self.second

    async def open(self) -> None:
        """Start the servers."""
        gateway = self.scene.gateway
        gateway.knobs.slow_s, gateway.knobs.drip_s, gateway.knobs.retry_after_s = 0.1, 0.05, 1
        await self.scene.open()

    async def close(self) -> None:
        """Nothing is left behind."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.scene.close()
        await self.undo.aclose()
        self.clock.close()

    # the program

    @property
    def service(self) -> Service | None:
        """The process that was started last, if it runs."""
        last = self.scene.services[-1] if self.scene.services else None
        return last if last is not None and last.exit_code is None else None

    async def start(self, kill_at: KillAt | None = None) -> None:
        """A process, unless one runs; ready, or ended, or held up by what is wrong."""
        service = self.service or self.begin_process(kill_at)
        await before(HELD_UP_S, lambda: service.count("app.ready") or service.exit_code is not None)

    def begin_process(self, kill_at: KillAt | None = None) -> Service:
        """It may not be ready yet."""
        return self.scene.fork(kill_at, **self.settings)

    async def kill(self) -> None:
        """`kill -9`, if it runs."""
        if (service := self.service) is not None:
            await service.kill()

    @property
    def kills(self) -> int:
        """How many processes ended so."""
        return sum(service.exit_code == -signal.SIGKILL for service in self.scene.services)

    async def looks_again(self) -> None:
        """Return when the program has seen what time it is: its loops have turned."""
        before = self.scene.books.count("SELECT set_at FROM switches WHERE name = 'alive'")
        self.clock.skip(60)
        await until(
            lambda: self.scene.books.count("SELECT set_at FROM switches WHERE name = 'alive'") != before,
            otherwise=lambda: self.scene.services[-1].output[-3000:],
        )

    async def restart(self) -> None:
        """SIGTERM and another process, as for a change of its settings."""
        if (service := self.service) is not None:
            service.signal(signal.SIGTERM)
            await service.gone()
        await self.start()

    def a_kill(self) -> KillAt | None:
        """A moment in the life of a process; None: whoever asked kills it at a time of its own."""
        kind = self.chance.choice(("record", "statement", "time", "time"))
        return {
            "record": KillAt(event=ANY, count=self.chance.randrange(1, 120)),
            "statement": KillAt(statement=ANY, count=self.chance.randrange(1, 500)),
        }.get(kind)

    async def a_moment(self, longest_s: float) -> None:
        """Some time, or until the process is dead."""
        await before(self.chance.uniform(0, longest_s), lambda: self.service is None)

    # people

    def people_write(self, count: int) -> None:
        """So many `/sms`, each by another person."""
        for _ in range(count):
            self._said += 1
            text = f"t~{self._said:06d}"
            to = self.chance.sample(NUMBERS[:30], self.chance.choice((1, 1, 1, 2)))
            self.writers.add(user := CREW[self._said % 40])
            self.scene.sms(text, user=user, to=to)

    def alerts_fire(self, count: int, team: str = "") -> None:
        """So many alerts, told until they are taken."""
        for _ in range(count):
            self._fired += 1
            name, where = f"a~{self._fired:06d}", team or f"t{self._fired % len(TEAMS)}"
            self._task(self.night.fires(name, team=where))

    async def people_acknowledge(self, count: int) -> None:
        """Some of what is open, by typing or by the button, and some of that twice."""
        rows = [row["id"] for row in self.night.books.incidents() if row["state"] == "open"]
        for one in self.chance.sample(rows, min(count, len(rows))):
            user = self.chance.choice(CREW[:40])
            if self.chance.random() < 0.5 or not self._press_ack(one, user):
                self.night.says_ack(f"A{one}", user=user)

    def _press_ack(self, incident: int, user: int) -> bool:
        telegram = self.scene.telegram
        query = "SELECT chat_id, telegram_id FROM posts WHERE incident_id = ?"
        for post in self.scene.books.rows(query, incident):
            chat = telegram.world.chats.get(post["chat_id"])
            card = chat.messages.get(post["telegram_id"]) if chat else None
            button = next((one for one in card.buttons if one.text == "Ack"), None) if card else None
            if card is not None and button is not None:
                for _ in range(self.chance.choice((1, 2))):
                    telegram.press_data(user, card, button.callback_data)
                self.night.answered.acks.add(incident)
                return True
        return False

    def _task(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.ensure_future(work))

    def everything_was_tried(self) -> bool:
        """Whether all that was asked for had a call to a gateway that is over, and every alert is taken."""
        if self.scene.telegram.unconfirmed_updates or self.untold():
            return False
        open_ones = (
            "SELECT count(*) FROM inbox WHERE done_at IS NULL",
            "SELECT count(*) FROM alert_inbox",
            "SELECT count(*) FROM deliveries WHERE state = 'sending' OR state = 'queued' AND attempt = 0",
        )
        return not any(map(self.scene.books.count, open_ones))

    def untold(self) -> int:
        """Alerts that no process has taken yet. Raises what went wrong with one."""
        for task in self._tasks:
            if task.done():
                task.result()
        return sum(not task.done() for task in self._tasks)


Act = Callable[[Stage], Awaitable[None] | None]


def oncall(stage: Stage) -> str:
    """Three people; cards of each team in a chat of its own, of one in a group, of one in a topic."""
    people = [f'[people.p{one}]\nname = "P{one}x"\nphone = "{NUMBERS[40 + one]}"\n' for one in range(3)]
    chats = {f"t{index}": f"{chat}" for index, chat in enumerate(TEAMS)}
    chats |= {"group": f"{stage.group.id}", "topic": f"{stage.forum.id}:{stage.topic.id}"}
    routes = [
        f'[[routes]]\nmatch = {{ team = "{team}" }}\npolicy = "default"\nchat = "{chat}"\n'
        for team, chat in chats.items()
    ]
    policy = """
[policies.default]
steps = [{ page = ["schedule:turns"], wait = "12h" }, { page = ["person:p1"], wait = "12h" }]
fallback = ["person:p2"]
ack_timeout = "1w"
[schedules.turns]
people = ["p0", "p1"]
shift = "12h"
start = 2026-01-05T02:30:00
timezone = "Europe/Berlin"
"""
    return "\n".join([*people, policy, *routes])
