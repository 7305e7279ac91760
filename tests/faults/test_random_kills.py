"""Killed again and again under load, at moments that a fixed seed picks; then everything is counted."""

import asyncio
import random
import signal
from collections import Counter

import pytest

from bridge.sandbox.msmpusher import Mode
from tests.faults.books import Report
from tests.faults.launcher import ANY, KillAt
from tests.faults.scene import CREW, NUMBERS, Scene
from tests.support.eventually import until
from tests.support.service import Service

COMMANDS_A_KILL = 6
# Waits are short, so that a run is over soon; the last one takes back nothing that waited through the kills.
SETTINGS = {"gateway_timeout_s": "0.4", "retry_for_s": "3", "command_max_age_s": "3600"}

# A number's last digit decides how the gateway treats it; most numbers are fine.
MODES = {
    1: Mode.SLOW,
    2: Mode.FAILS,
    3: Mode.TIMEOUT_AFTER_ACCEPT,
    4: Mode.CLOSE_BEFORE_ANSWER,
    5: Mode.RESET_BEFORE,
    6: Mode.HANG,
    7: Mode.UNAVAILABLE_RETRY,
    8: Mode.BAD_NUMBER,
}


class Storm:
    """A stream of commands, and processes that do not live long."""

    def __init__(self, scene: Scene, seed: int, *, longest_life_s: float) -> None:
        """`longest_life_s`: of a process, from ready to its kill."""
        self._scene = scene
        self._longest_life_s = longest_life_s
        self._random = random.Random(seed)
        self.sent_again: Counter[str] = Counter()
        scene.gateway.number_modes = {n: MODES[int(n[-1])] for n in NUMBERS[:20] if int(n[-1]) in MODES}
        scene.gateway.knobs.slow_s = 0.1
        scene.gateway.knobs.retry_after_s = 1

    async def rage(self, kills: int) -> Report:
        """So many kills, then one process that may end its work. Gives the count."""
        scene = self._scene
        while scene.kills < kills:
            self._people_speak()
            self._people_press()
            await self._short_life()
        scene.fork(**SETTINGS)
        await scene.quiet(timeout_s=60 + kills)  # most cards are yet to be posted: 25 a second, as Telegram allows
        return scene.report(self.sent_again)

    def _people_speak(self) -> None:
        for _ in range(COMMANDS_A_KILL):
            text = f"t~{len(self._scene.commands):06d}"
            numbers = self._random.sample(NUMBERS, self._random.choice((1, 1, 1, 2, 4)))
            self._scene.sms(text, user=self._random.choice(CREW), to=numbers)

    def _people_press(self) -> None:
        """Some of those who see that an outcome is unknown have it sent again; some press twice."""
        telegram = self._scene.telegram
        for user in self._random.sample(CREW, 10):
            for card in telegram.from_bot(user):
                again = next((button for button in card.buttons if button.text == "Send again"), None)
                if again is None or self._random.random() < 0.5:
                    continue
                row = self._scene.books.rows(
                    "SELECT text FROM messages WHERE id = ?", int(card.text[1:].split(maxsplit=1)[0])
                )[0]
                self.sent_again[row["text"]] += 1
                for _ in range(self._random.choice((1, 2))):
                    telegram.press_data(user, card, again.callback_data)

    async def _short_life(self) -> None:
        scene, chance = self._scene, self._random
        kind = chance.choice(("record", "statement", "time", "time", "time", "SIGTERM first"))
        kill_at = {
            "record": KillAt(event=ANY, count=chance.randrange(1, 80)),
            "statement": KillAt(statement=ANY, count=chance.randrange(1, 300)),
        }.get(kind)
        service = scene.fork(kill_at, **SETTINGS)
        await until(lambda: service.count("app.ready") or service.exit_code is not None)
        await self._or_dead(service, chance.uniform(0, self._longest_life_s))
        if kind == "SIGTERM first":
            service.signal(signal.SIGTERM)
            await self._or_dead(service, chance.uniform(0, 0.3))
        service.signal(signal.SIGKILL)
        if await service.gone() == 0:
            return  # stopped in good order before the kill: that is none
        await scene.killed(service)

    async def _or_dead(self, service: Service, seconds: float) -> None:
        """This long, or until it is dead: the moment of a kill is the subject here, no condition could name it."""
        over = asyncio.get_running_loop().time() + seconds
        await until(lambda: service.exit_code is not None or asyncio.get_running_loop().time() > over)


def check(report: Report) -> None:
    assert report.wrong == ()
    assert (report.lost, report.doubled, report.unknown_not_shown) == (0, 0, 0)
    assert report.confirmed == report.commands > 0


@pytest.mark.parametrize("seed", [7])
async def test_twenty_kills_under_load_lose_and_double_nothing(seed: int, scene: Scene) -> None:
    report = await Storm(scene, seed, longest_life_s=0.5).rage(20)
    print(f"\n{Report.HEAD}\n{report.row()}")
    check(report)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_three_hundred_kills_under_load_lose_and_double_nothing(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    report = await Storm(scene, 300, longest_life_s=1.5).rage(300)
    with capsys.disabled():
        print(f"\n{Report.HEAD}\n{report.row()}")
    check(report)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_a_kill_before_any_statement_of_the_whole_way_loses_and_doubles_nothing(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the start of the process to the last commit of a message that has two numbers and one card."""
    await scene.fork().ready()
    await scene.services[-1].kill()
    count = 0
    while True:
        count += 1
        service = scene.fork(KillAt(statement=ANY, count=count))
        scene.sms(f"s-{count:06d}", user=CREW[count % len(CREW)], to=NUMBERS[30:32])
        await until(lambda service=service: service.exit_code is not None or not scene.books.unrest())
        if service.exit_code is None:
            break
        await scene.killed(service)
        after = scene.fork()
        report = await scene.settled()
        await after.kill()
    with capsys.disabled():
        print(f"\n{Report.HEAD}\n{report.row()}")
    assert count > 20
    check(report)
