"""Killed again and again while alerts come in, escalate and are acknowledged; then everything is counted."""

import asyncio
import random
import signal
from datetime import timedelta

import pytest

from bridge.sandbox.msmpusher import Mode
from tests.faults.alert_books import Audit
from tests.faults.launcher import ANY, KillAt
from tests.faults.night import Night
from tests.faults.scene import CREW, NUMBERS, Scene
from tests.support.eventually import until

ALERTS_A_KILL = 4
ACKS_A_KILL = 2
POLICIES = 4
# Waits are short, so that a run is over soon.
SETTINGS = {"gateway_timeout_s": "0.4", "command_max_age_s": "3600", "page_interval_s": "1"}
WAITS = (timedelta(seconds=1), timedelta(seconds=2))

# How the gateway treats the phones of each policy's first two people; the third's is always fine.
MODES = (
    Mode.SLOW,
    Mode.TIMEOUT_AFTER_ACCEPT,
    Mode.CLOSE_BEFORE_ANSWER,
    Mode.RESET_BEFORE,
    Mode.HANG,
    Mode.BAD_NUMBER,
    None,
    Mode.RESET_AFTER,
)


def oncall() -> str:
    """Twelve people, three a policy; each team's cards stand in a chat of its own, so that few share a storm card."""
    people = [f'[people.p{index}]\nname = "P{index}x"\nphone = "{NUMBERS[index]}"\n' for index in range(3 * POLICIES)]
    policies = [
        f"""
[policies.q{one}]
steps = [
  {{ page = ["person:p{3 * one}"], wait = "1s" }},
  {{ page = ["person:p{3 * one + 1}", "person:p{3 * one + 2}"], wait = "2s" }},
]
fallback = ["person:p{3 * one + 2}"]
"""
        for one in range(POLICIES)
    ]
    routes = [
        f'[[routes]]\nmatch = {{ team = "t{index}" }}\npolicy = "q{index % POLICIES}"\nchat = "{chat}"\n'
        for index, chat in enumerate(CREW)
    ]
    return "\n".join([*people, *policies, *routes])


class Storm:
    """Alerts, Acks, and processes that do not live long."""

    def __init__(self, scene: Scene, seed: int, *, longest_life_s: float) -> None:
        """`longest_life_s`: of a process, from ready to its kill."""
        self._scene = scene
        self.night = Night(scene, oncall())
        self._longest_life_s = longest_life_s
        self._random = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._names = 0
        scene.gateway.knobs.slow_s = 0.1
        for index, mode in enumerate(MODES):
            if mode is not None:
                scene.gateway.number_modes[NUMBERS[index // 2 * 3 + index % 2]] = mode

    async def rage(self, kills: int) -> Audit:
        """So many kills, then one process that may end its work. Gives the count."""
        scene = self._scene
        while scene.kills < kills:
            scene.gateway.mode = self._random.choice((Mode.OK, Mode.OK, Mode.NO_BALANCE))
            await self._short_life()
        scene.gateway.mode = Mode.OK
        scene.fork(**SETTINGS)
        await asyncio.gather(*self._tasks)
        await self.night.quiet(timeout_s=60 + kills)
        return self.night.audit({f"q{index}": WAITS for index in range(POLICIES)})

    def _alerts_fire(self) -> None:
        for _ in range(ALERTS_A_KILL):
            self._names += 1
            self._task(self._an_alert(f"a~{self._names:06d}", ends=self._random.random() < 0.2))

    async def _an_alert(self, name: str, *, ends: bool) -> None:
        await self.night.fires(name, team=f"t{self._random.randrange(len(CREW))}")
        if ends:
            await self.night.resolves(name)

    def _people_acknowledge(self) -> None:
        """Some of what is open, and some of that twice. Few, for each is answered, and a chat takes one a second."""
        rows = [row["id"] for row in self.night.books.incidents() if row["state"] == "open"]
        for one in self._random.sample(rows, min(ACKS_A_KILL, len(rows))):
            for user in self._random.sample(CREW, self._random.choice((1, 2))):
                self.night.says_ack(f"A{one}", user=user)

    async def _short_life(self) -> None:
        scene, chance = self._scene, self._random
        kind = chance.choice(("record", "statement", "time", "time", "SIGTERM first"))
        kill_at = {
            "record": KillAt(event=ANY, count=chance.randrange(1, 80)),
            "statement": KillAt(statement=ANY, count=chance.randrange(1, 600)),
        }.get(kind)
        service = scene.fork(kill_at, **SETTINGS)
        self._alerts_fire()
        self._people_acknowledge()
        await until(lambda: service.count("app.ready") or service.exit_code is not None)
        await self._or_dead(service, chance.uniform(0, self._longest_life_s))
        if kind == "SIGTERM first":
            service.signal(signal.SIGTERM)
            await self._or_dead(service, chance.uniform(0, 0.3))
        service.signal(signal.SIGKILL)
        if await service.gone() == 0:
            return  # stopped in good order before the kill: that is none
        await scene.killed(service)

    async def _or_dead(self, service: object, seconds: float) -> None:
        """This long, or until it is dead: the moment of a kill is the subject here, no condition could name it."""
        over = asyncio.get_running_loop().time() + seconds
        await until(lambda: self._scene.services[-1].exit_code is not None or _time() > over)

    def _task(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)


def _time() -> float:
    return asyncio.get_running_loop().time()


def check(audit: Audit) -> None:
    assert audit.wrong == ()
    assert (audit.lost, audit.doubled, audit.unknown_not_shown, audit.after_ack) == (0, 0, 0, 0)
    assert min(audit.alerts, audit.pages, audit.repeats, audit.acks) > 0


async def test_ten_kills_under_load_miss_nobody_and_page_nobody_twice_in_silence(scene: Scene) -> None:
    audit = await Storm(scene, 7, longest_life_s=0.5).rage(10)
    print(f"\n{Audit.HEAD}\n{audit.row()}")
    check(audit)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_three_hundred_kills_under_load_miss_nobody_and_page_nobody_twice_in_silence(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = await Storm(scene, 300, longest_life_s=1.5).rage(300)
    with capsys.disabled():
        print(f"\n{Audit.HEAD}\n{audit.row()}")
    check(audit)


ONE = f"""
[people.p0]
name = "P0x"
phone = "{NUMBERS[0]}"
[policies.default]
steps = [{{ page = ["person:p0"], wait = "10m" }}]
fallback = ["person:p0"]
"""


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_a_kill_before_any_statement_of_an_alerts_way_misses_nobody(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the start of the process to the last commit of an alert that is paged, acknowledged and over."""
    night = Night(scene, ONE)
    count = 0
    while True:
        count += 1
        service = scene.fork(KillAt(statement=ANY, count=count), page_interval_s="0")
        story = asyncio.create_task(_an_alert_and_its_ack(night, f"s-{count:06d}", count))
        await until(lambda service=service, story=story: service.exit_code is not None or _is_over(story, night))
        if service.exit_code is None:
            break
        await scene.killed(service)
        after = scene.fork(page_interval_s="0")
        await story
        audit = await night.settled()
        await after.kill()
    await story
    with capsys.disabled():
        print(f"\n{Audit.HEAD}\n{audit.row()}")
    assert count > 100
    check(audit)


def _is_over(story: "asyncio.Task[None]", night: Night) -> bool:
    return story.done() and not night.unrest()


async def _an_alert_and_its_ack(night: Night, name: str, number: int) -> None:
    await night.fires(name)
    await until(lambda: any(row["state"] in ("accepted", "unknown") for row in night.books.pages()[number - 1 :]))
    night.says_ack(f"A{number}", user=CREW[number % len(CREW)])
    await until(lambda: night.books.incidents()[number - 1]["state"] == "acknowledged")
    await night.resolves(name)
