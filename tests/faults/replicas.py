"""Three processes on one PostgreSQL, and what stands before them: a load balancer, and somebody who kills."""

import asyncio
import random
import signal
from collections.abc import Callable, Mapping

import httpx

from tests.faults.night import Night
from tests.faults.scene import API_TOKEN, Scene
from tests.support.eventually import until
from tests.support.service import READY, Service

# Waits are short, so that a run is over soon.
SETTINGS: Mapping[str, str] = {
    "gateway_timeout_s": "0.4",
    "retry_for_s": "3",
    "command_max_age_s": "3600",
    "page_interval_s": "1",
}


def port_of(service: Service) -> int | None:
    """Where it answers HTTP; None while it does not."""
    found = READY.search(service.output) if service.exit_code is None else None
    return int(found[1]) if found else None


class Replicas:
    """So many processes, of which one leads."""

    def __init__(self, scene: Scene, seed: int = 1, **settings: str) -> None:
        self.scene = scene
        self.chance = random.Random(seed)
        self._settings = {**SETTINGS, **settings}
        self.asked: dict[str, str] = {}  # text of a /v1/sms that was answered with 202 -> its key

    def start(self, **settings: str) -> Service:
        """One more."""
        return self.scene.fork(None, **{**self._settings, **settings})

    async def ready(self, count: int = 3) -> list[Service]:
        """So many, once they answer and one of them leads."""
        started = [self.start() for _ in range(count)]
        for one in started:
            await one.ready()
        await until(self.leader)
        return started

    @property
    def living(self) -> list[Service]:
        """Those that were not killed."""
        return [one for one in self.scene.services if one.exit_code is None]

    async def leading(self) -> Service:
        """Who leads, once somebody does."""
        found = await until(self.leader)
        assert found is not None
        return found

    def leader(self) -> Service | None:
        """Who leads, by the database's word; None while nobody living does."""
        rows = self.scene.books.rows("SELECT process FROM processes WHERE leads = 1")
        pids = {int(row["process"].partition("@")[0]) for row in rows}
        return next((one for one in self.living if one.pid in pids), None)

    async def followers(self) -> list[Service]:
        """The others, once somebody leads."""
        leader = await self.leading()
        return [one for one in self.living if one is not leader]

    def senders(self) -> list[Service]:
        """Who has claimed what is with the gateway now."""
        rows = self.scene.books.rows(
            "SELECT p.process FROM deliveries d JOIN processes p ON p.name = d.claimed_by WHERE d.state = 'sending'"
        )
        pids = {int(row["process"].partition("@")[0]) for row in rows}
        return [one for one in self.living if one.pid in pids]

    async def sending(self) -> Service:
        """Who has claimed what is with the gateway, once somebody has."""
        return (await until(self.senders))[0]

    def port(self) -> int | None:
        """As a load balancer picks: any that answers."""
        ports = [port for one in self.living if (port := port_of(one)) is not None]
        return self.chance.choice(ports) if ports else None

    async def ask(self, text: str, number: str) -> None:
        """`POST /v1/sms`, again and again with the same key, until some process answers with 202."""
        headers = {"Authorization": f"Bearer {API_TOKEN}", "Idempotency-Key": text}
        async with httpx.AsyncClient(headers=headers, timeout=5, verify=False) as client:
            while True:
                port = await until(self.port)
                try:
                    answer = await client.post(f"http://127.0.0.1:{port}/v1/sms", json={"to": [number], "text": text})
                except httpx.TransportError:
                    continue
                if answer.status_code == 202:
                    self.asked[text] = answer.json()["id"]
                    return
                assert answer.status_code == 503, answer.text

    def lost(self) -> list[str]:
        """Texts that were answered with 202, and are not there once."""
        found = [row["text"] for row in self.scene.books.deliveries()]
        return [text for text in self.asked if found.count(text) != 1]

    async def kill(self, service: Service, how: Callable[[Service], None] | None = None) -> None:
        """`kill -9`, in the middle of whatever it does. `how`: what is done to it a moment before, if it is ready."""
        if how is not None and port_of(service) is not None:
            how(service)
            await self.a_moment(0.3)
        service.signal(signal.SIGKILL)
        if await service.gone() != 0:  # else it stopped in good order before the kill: that is none
            await self.scene.killed(service)

    async def a_moment(self, longest_s: float) -> None:
        """The moment of a kill is the subject here: no condition could name it."""
        await asyncio.sleep(self.chance.uniform(0, longest_s))


class BalancedNight(Night):
    """Alerts are posted to any of the processes."""

    def __init__(self, replicas: Replicas, oncall: str) -> None:
        super().__init__(replicas.scene, oncall)
        self._replicas = replicas

    def _port(self) -> int | None:
        return self._replicas.port()
