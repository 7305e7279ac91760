"""Minutes of plain load on one process, and a gateway that does not always behave."""

import asyncio
import itertools
import os
import random
import re
import time
from pathlib import Path

import httpx
import pytest

from bridge.sandbox.msmpusher import Mode
from tests.faults.scene import CREW, NUMBERS, Scene

MINUTES = float(os.environ.get("BRIDGE_SOAK_MINUTES", "2"))
COMMANDS_A_SECOND = 3  # of /sms: each costs a post and an edit or two, and all chats together take 20 calls a second
REQUESTS_A_SECOND = 5
GROWTH_KIB = 16 * 1024
"""How much more memory the process may hold at the end than after a third of the time."""

# A number's last digit decides how the gateway treats it; most numbers are fine.
MODES = {
    2: Mode.FAILS,
    3: Mode.TIMEOUT_AFTER_ACCEPT,
    4: Mode.CLOSE_BEFORE_ANSWER,
    5: Mode.RESET_BEFORE,
    7: Mode.UNAVAILABLE_RETRY,
    8: Mode.BAD_NUMBER,
}
SETTINGS = {"gateway_timeout_s": "0.4", "retry_for_s": "3", "log_level": "INFO"}


def resident_kib(pid: int) -> int:
    """Memory that a process holds now."""
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


class Stream:
    """People and a program that never stop asking, each at an even pace."""

    def __init__(self, scene: Scene, client: httpx.AsyncClient, seed: int) -> None:
        self._scene = scene
        self._client = client
        self._random = random.Random(seed)
        self.requests: dict[str, int] = {}  # text -> recipients, as the program asked

    async def flow(self, seconds: float) -> None:
        """Ask for so long."""
        end = time.monotonic() + seconds
        await asyncio.gather(self._people(end), self._program(end))

    async def _people(self, end: float) -> None:
        for user in itertools.cycle(CREW):
            if time.monotonic() >= end:
                return
            self._scene.sms(f"p~{len(self._scene.commands):06d}", user=user, to=self._recipients())
            await asyncio.sleep(1 / COMMANDS_A_SECOND)

    async def _program(self, end: float) -> None:
        while time.monotonic() < end:
            text, to = f"h~{len(self.requests):06d}", self._recipients()
            self.requests[text] = len(to)
            answer = await self._client.post("/v1/sms", json={"to": to, "text": text})
            assert answer.status_code == 202, answer.text
            await asyncio.sleep(1 / REQUESTS_A_SECOND)

    def _recipients(self) -> list[str]:
        return self._random.sample(NUMBERS, self._random.choice((1, 1, 1, 2, 4)))


@pytest.mark.soak
@pytest.mark.timeout(60 * MINUTES + 300)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
async def test_minutes_of_plain_load_lose_and_double_nothing_and_memory_stays(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.gateway.number_modes = {n: MODES[int(n[-1])] for n in NUMBERS[:20] if int(n[-1]) in MODES}
    scene.gateway.knobs.retry_after_s = 1
    service = scene.start(**SETTINGS)
    async with scene.client(await service.ready()) as client:
        stream = Stream(scene, client, seed=1)
        await stream.flow(60 * MINUTES / 3)
        early = resident_kib(service.pid)
        await stream.flow(60 * MINUTES * 2 / 3)
    await scene.quiet(timeout_s=120)
    late = resident_kib(service.pid)

    commands = scene.commands | stream.requests
    report = scene.books.report(commands, [*scene.said, *stream.requests], kills=0)
    deliveries = len(scene.books.deliveries())
    with capsys.disabled():
        print(
            f"\n{MINUTES:g} minutes: {len(scene.commands)} commands, {len(stream.requests)} requests, "
            f"{deliveries} deliveries, {report.lost} lost, {report.doubled} sent twice silently, "
            f"{report.unknown} unknown, memory {early // 1024} MiB after a third, {late // 1024} MiB at the end"
        )
    assert report.wrong == ()
    assert deliveries == sum(commands.values())
    assert late - early < GROWTH_KIB
