"""Three processes on one PostgreSQL: any of them is killed, hangs or is cut off, and nobody notices."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from bridge.sandbox.msmpusher import Mode
from bridge.store.migrate import HEAD
from tests.faults.alert_books import REPEAT, Audit
from tests.faults.books import Report
from tests.faults.replicas import BalancedNight, Replicas
from tests.faults.scene import CREW, NUMBERS, Scene
from tests.faults.test_escalation_random_kills import MODES as PHONES
from tests.faults.test_escalation_random_kills import POLICIES, WAITS, oncall
from tests.faults.test_random_kills import MODES
from tests.support import postgres, second_gateway
from tests.support.cut_line import CutLine
from tests.support.eventually import until
from tests.support.service import Service

ONCALL = f"""
[people.ama]
name = "Ama Mensah"
phone = "{NUMBERS[0]}"
[people.kofi]
name = "Kofi"
phone = "{NUMBERS[1]}"
[policies.default]
steps = [{{ page = ["person:ama"], wait = "10m" }}]
fallback = ["person:kofi"]
"""
TAKEN_OVER_WITHIN_S = 10.0


@pytest.fixture
def scene(server_scene: Scene) -> Scene:
    return server_scene


@pytest.fixture
async def line(server_scene: Scene) -> AsyncIterator[CutLine]:
    """To the server; who uses it is gone before it."""
    line = CutLine(server_scene.address)
    await line.start()
    yield line
    for service in server_scene.services:
        await service.close()
    await line.stop()


# killed at random


class Storm:
    """People speak, programs post, and one process after the other is killed and comes back."""

    def __init__(self, scene: Scene, seed: int, *, longest_life_s: float, **settings: str) -> None:
        """`longest_life_s`: between two kills."""
        self._scene = scene
        self._replicas = Replicas(scene, seed, **settings)
        self._chance = self._replicas.chance
        self._night = BalancedNight(self._replicas, oncall())
        self._longest_life_s = longest_life_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._names = 0
        scene.gateway.number_modes = {n: MODES[int(n[-1])] for n in NUMBERS[12:30] if int(n[-1]) in MODES}
        for index, mode in enumerate(PHONES):
            if mode is not None:
                scene.gateway.number_modes[NUMBERS[index // 2 * 3 + index % 2]] = mode
        scene.gateway.knobs.slow_s = 0.1
        scene.gateway.knobs.retry_after_s = 1

    async def rage(self, kills: int) -> tuple[Report, Audit, Sequence[str]]:
        """So many kills; then what was lost, doubled, and said."""
        scene = self._scene
        await self._replicas.ready()
        while scene.kills < kills:
            self._load()
            await self._replicas.a_moment(self._longest_life_s)
            await self._replicas.kill(self._victim(), self._chance.choice((None, None, _ask_to_stop)))
            self._replicas.start()
        await asyncio.gather(*self._tasks)
        await until(self._open, timeout_s=30)
        self._acknowledge_one()
        await self._night.quiet(timeout_s=60 + kills)
        waits = {f"q{index}": WAITS for index in range(POLICIES)}
        return scene.report(), self._night.audit(waits), self._replicas.lost()

    def _victim(self) -> Service:
        leader = self._replicas.leader()
        if leader is not None and self._chance.random() < 0.5:
            return leader
        return self._chance.choice(self._replicas.living)

    def _load(self) -> None:
        for _ in range(4):
            text = f"t~{len(self._scene.commands):06d}"
            numbers = self._chance.sample(NUMBERS[12:], self._chance.choice((1, 1, 2)))
            self._scene.sms(text, user=self._chance.choice(CREW), to=numbers)
        for _ in range(2):
            self._names += 1
            team = f"t{self._chance.randrange(len(CREW))}"
            self._task(self._night.fires(f"a~{self._names:06d}", team=team))
            self._task(self._replicas.ask(f"v~{self._names:06d}", self._chance.choice(NUMBERS[30:])))

        self._acknowledge_one()

    def _open(self) -> list[int]:
        return [row["id"] for row in self._night.books.incidents() if row["state"] == "open"]

    def _acknowledge_one(self) -> None:
        if found := self._open():
            self._night.says_ack(f"A{self._chance.choice(found)}", user=self._chance.choice(CREW))

    def _task(self, work: object) -> None:
        self._tasks.add(asyncio.ensure_future(work))  # type: ignore[call-overload]


def _ask_to_stop(service: Service) -> None:
    service.signal(signal.SIGTERM)


def check(report: Report, audit: Audit, lost: Sequence[str]) -> None:
    assert (report.wrong, audit.wrong, lost) == ((), (), [])
    assert (report.lost, report.doubled, report.unknown_not_shown) == (0, 0, 0)
    assert (audit.lost, audit.doubled, audit.unknown_not_shown) == (0, 0, 0)
    assert report.confirmed == report.commands > 0
    assert audit.after_ack == 0
    assert min(audit.alerts, audit.pages, audit.acks, report.unknown) > 0


@pytest.mark.timeout(150)
async def test_any_of_three_killed_again_and_again_nothing_is_lost_and_nothing_doubled_silently(scene: Scene) -> None:
    report, audit, lost = await Storm(scene, 7, longest_life_s=0.5).rage(12)
    print(f"\n{Report.HEAD}\n{report.row()}\n{Audit.HEAD}\n{audit.row()}")
    check(report, audit, lost)


@pytest.mark.timeout(150)
async def test_the_same_with_two_gateways_that_fail_in_turn(scene: Scene) -> None:
    async with second_gateway.behind(scene.gateway, scene.folder) as (second, settings):
        for seed, gateway in enumerate((scene.gateway, second)):
            second_gateway.change_with_every_call(gateway, random.Random(seed))
        report, audit, lost = await Storm(scene, 11, longest_life_s=0.5, **settings).rage(12)
    print(f"\n{Report.HEAD}\n{report.row()}\n{Audit.HEAD}\n{audit.row()}")
    check(report, audit, lost)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_any_of_three_killed_for_ten_minutes_nothing_is_lost_and_nothing_doubled_silently(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    report, audit, lost = await Storm(scene, 300, longest_life_s=3).rage(300)
    with capsys.disabled():
        print(f"\n{Report.HEAD}\n{report.row()}\n{Audit.HEAD}\n{audit.row()}")
    check(report, audit, lost)


# how soon


async def test_when_the_leader_is_killed_another_one_goes_on_within_seconds(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    replicas = Replicas(scene, page_interval_s="0")
    night = BalancedNight(replicas, ONCALL)
    await replicas.ready()
    took = await takeovers(replicas, night, 3)
    with capsys.disabled():
        print(f"\ntake-over: {', '.join(f'{one:.2f}' for one in took)} s")
    assert max(took) < TAKEN_OVER_WITHIN_S


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_of_a_hundred_leaders_killed_ninety_five_are_replaced_within_ten_seconds(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    replicas = Replicas(scene, page_interval_s="0")
    night = BalancedNight(replicas, ONCALL)
    await replicas.ready()
    took = sorted(await takeovers(replicas, night, 100))
    with capsys.disabled():
        print(f"\ntake-over of 100: median {took[49]:.2f} s, p95 {took[94]:.2f} s, longest {took[-1]:.2f} s")
    assert took[94] < TAKEN_OVER_WITHIN_S


async def takeovers(replicas: Replicas, night: BalancedNight, kills: int) -> list[float]:
    """Seconds from the kill of a leader until what was said or posted right after it reaches a phone."""
    scene, took = replicas.scene, []
    for number in range(kills):
        leader = await replicas.leading()
        await replicas.kill(leader)
        killed_at = time.monotonic()
        if number % 2:
            await night.fires(f"a~{number:04d}")
            arrived = _page(scene, f"a~{number:04d}")
        else:
            scene.sms(f"t~{number:04d}", user=CREW[number % len(CREW)])
            arrived = _text(scene, f"t~{number:04d}")
        await until(arrived, timeout_s=40, otherwise=lambda: "\n".join(one.output[-2000:] for one in replicas.living))
        took.append(time.monotonic() - killed_at)
        await replicas.start().ready()
        await night.quiet()
    return took


def _text(scene: Scene, text: str) -> Callable[[], bool]:
    return lambda: any(sms.text == text for sms in scene.gateway.sent)


def _page(scene: Scene, title: str) -> Callable[[], bool]:
    return lambda: any(title in sms.text for sms in scene.gateway.sent)


async def test_a_page_that_was_with_the_gateway_when_its_process_was_killed_is_repeated_and_says_so(
    scene: Scene,
) -> None:
    replicas = Replicas(scene, gateway_timeout_s="30")
    night = BalancedNight(replicas, ONCALL)
    await replicas.ready()
    scene.gateway.mode = Mode.TIMEOUT_AFTER_ACCEPT
    await night.fires("disk full")
    sender = await replicas.sending()
    await until(lambda: scene.gateway.sent)
    scene.gateway.mode = Mode.OK
    await replicas.kill(sender)
    killed_at = time.monotonic()
    await until(lambda: any(sms.text.startswith(REPEAT) for sms in scene.gateway.sent))
    assert time.monotonic() - killed_at < TAKEN_OVER_WITHIN_S
    audit = await night.settled()
    assert (audit.pages, audit.repeats, audit.doubled) == (1, 1, 0)


# what follows reaches the leader at once


async def test_what_a_follower_keeps_is_seen_to_at_once(scene: Scene) -> None:
    replicas = Replicas(scene)
    night = BalancedNight(replicas, ONCALL)
    await replicas.ready()
    followers = await replicas.followers()
    ready = {one: await one.ready() for one in followers}
    async with scene.client(ready[followers[0]]) as client:
        assert (await client.get("/readyz")).json()["role"] == "follower"
        assert "bridge_leader 0.0" in (await client.get("/metrics")).text
    leader = await replicas.leading()
    async with scene.client(await leader.ready()) as client:
        assert (await client.get("/readyz")).json()["role"] == "leader"
        assert "bridge_leader 1.0" in (await client.get("/metrics")).text
    await night.quiet()
    for follower in followers:
        await replicas.ask(f"v~{follower.pid}", NUMBERS[5])
    await night.quiet()
    assert sorted(sms.text for sms in scene.gateway.sent) == sorted(replicas.asked)


# the on-call file


def _files(scene: Scene) -> list[str]:
    """Of each file that was ever accepted its text, in order."""
    return [row["text"] for row in scene.books.rows("SELECT text FROM oncall_files ORDER BY id")]


async def _takes_over(replicas: Replicas) -> None:
    """The leader is killed, and another one is ready to lead."""
    leader = await replicas.leading()
    (other,) = await replicas.followers()
    await replicas.kill(leader)
    await other.says("telegram.connected")


async def test_who_takes_over_goes_by_the_file_in_force_and_not_by_what_stands_on_the_disk_by_then(
    scene: Scene,
) -> None:
    replicas = Replicas(scene)
    BalancedNight(replicas, ONCALL)
    await replicas.ready(2)
    (scene.folder / "oncall.toml").write_text("")
    await _takes_over(replicas)
    assert _files(scene) == [ONCALL]


async def test_who_takes_over_goes_by_the_file_accepted_last_though_it_found_another_at_its_start(scene: Scene) -> None:
    replicas, newer = Replicas(scene), f"{ONCALL}# by SIGHUP\n"
    BalancedNight(replicas, ONCALL)
    await replicas.ready(2)
    (scene.folder / "oncall.toml").write_text(newer)
    (await replicas.leading()).signal(signal.SIGHUP)
    await until(lambda: _files(scene) == [ONCALL, newer])
    (scene.folder / "oncall.toml").write_text(ONCALL)
    await _takes_over(replicas)
    assert _files(scene) == [ONCALL, newer]


async def test_a_new_file_that_a_process_found_at_its_start_is_in_force_once_it_leads(scene: Scene) -> None:
    """As when all are restarted with a new file, the leader last."""
    replicas, newer = Replicas(scene), f"{ONCALL}# of the next release\n"
    BalancedNight(replicas, ONCALL)
    await replicas.ready(1)
    (scene.folder / "oncall.toml").write_text(newer)
    await replicas.start().ready()
    assert _files(scene) == [ONCALL]
    await _takes_over(replicas)
    assert _files(scene) == [ONCALL, newer]


# hangs, and is cut off


@pytest.mark.parametrize("leads", [False, True])
@pytest.mark.timeout(120)
async def test_what_a_process_that_hangs_was_sending_is_unknown_until_its_late_answer_settles_it(
    scene: Scene, leads: bool
) -> None:
    replicas = Replicas(scene, gateway_timeout_s="60", gateway_slots="1")
    await replicas.ready(2)
    scene.gateway.mode = Mode.SLOW
    scene.gateway.knobs.slow_s = 2
    for number in range(2):
        scene.sms(f"t~{number}", user=CREW[number])
    # One slot each: either has one of the two.
    await until(lambda: len(scene.gateway.calls) == 2)
    leader = await replicas.leading()
    hangs = leader if leads else (await replicas.followers())[0]
    hangs.signal(signal.SIGSTOP)
    try:
        await until(
            lambda: sorted(scene.books.states()) == ["accepted", "unknown"],
            timeout_s=40,
            otherwise=lambda: f"{scene.books.states()} {[one.output[-3000:] for one in replicas.living]}",
        )
        assert scene.books.count("SELECT count(*) FROM processes") == 1
        scene.gateway.mode = Mode.OK
        scene.sms("t~2", user=CREW[2])
        await until(_text(scene, "t~2"), timeout_s=30)
    finally:
        hangs.signal(signal.SIGCONT)
    await scene.state("accepted", "accepted", "accepted")  # the late answer, too
    report = await scene.settled()
    assert (report.unknown, len(scene.gateway.calls)) == (0, 3)
    await hangs.says("process.renamed")
    if leads:
        await hangs.says("app.follows")
        assert replicas.leader() is not hangs


@pytest.mark.parametrize("leads", [False, True])
@pytest.mark.timeout(120)
async def test_what_a_process_that_is_cut_off_was_sending_is_unknown_until_its_late_answer_settles_it(
    scene: Scene, line: CutLine, leads: bool
) -> None:
    replicas = Replicas(scene, gateway_timeout_s="60", gateway_slots="1")
    for cut in (leads, not leads):
        await replicas.start(**({"database_url": line.url} if cut else {})).ready()
        await replicas.leading()
    cut_off = replicas.living[0 if leads else 1]
    scene.gateway.mode = Mode.SLOW
    scene.gateway.knobs.slow_s = 2
    for number in range(2):
        scene.sms(f"t~{number}", user=CREW[number])
    await until(lambda: len(scene.gateway.calls) == 2)
    await line.stop()
    await until(lambda: sorted(scene.books.states()) == ["accepted", "unknown"], timeout_s=30)
    scene.gateway.mode = Mode.OK
    scene.sms("t~2", user=CREW[2])
    await until(_text(scene, "t~2"), timeout_s=20)
    await line.start()
    await scene.state("accepted", "accepted", "accepted")  # the late answer, too
    report = await scene.settled()
    assert (report.unknown, len(scene.gateway.calls)) == (0, 3)
    assert cut_off.exit_code is None
    await cut_off.says("process.renamed")


# one version after the other


async def test_a_version_goes_on_beside_the_next_one_and_ends_beside_the_one_after_that(scene: Scene) -> None:
    replicas = Replicas(scene)
    old = (await replicas.ready(1))[0]
    await postgres.run(scene.address, f"UPDATE alembic_version SET version_num = '{int(HEAD) + 1:04d}'")
    await old.says("store.newer")
    scene.sms("t~0")
    await scene.settled()
    late = replicas.start()
    assert await late.gone() == 2
    assert "newer than this program" in late.output
    await postgres.run(scene.address, f"UPDATE alembic_version SET version_num = '{int(HEAD) + 2:04d}'")
    assert await old.gone() == 2
    assert old.count("app.outdated") == 1
    assert old.count("app.stopped") == 1


# stopped in good order


async def test_a_leader_that_is_stopped_lets_another_lead_while_its_calls_end(scene: Scene) -> None:
    replicas = Replicas(scene, gateway_timeout_s="30")
    await replicas.ready(2)
    first, (second,) = await replicas.leading(), await replicas.followers()
    scene.gateway.mode = Mode.SLOW
    scene.gateway.knobs.slow_s = 6
    while first not in replicas.senders():  # mostly the first one is: who handles a command is the first to look
        scene.sms(f"t~{len(scene.commands)}", user=CREW[len(scene.commands)])
        await until(lambda: len(scene.gateway.calls) == len(scene.commands))
    slow = len(scene.commands)
    first.signal(signal.SIGTERM)
    await second.says("app.leads")
    assert "sending" in scene.books.states(), "the first one's call still runs"
    scene.gateway.mode = Mode.OK
    scene.sms("t~last", user=CREW[0])
    assert await first.gone() == 0
    report = await scene.settled()
    assert set(scene.books.states()) == {"accepted"}
    assert (report.unknown, len(scene.gateway.calls)) == (0, slow + 1)
    assert scene.books.count("SELECT count(*) FROM processes") == 1
