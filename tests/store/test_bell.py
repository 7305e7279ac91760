"""What one process has written, and the others hear of."""

import asyncio
from collections.abc import Collection

import pytest

from bridge.store.bell import Bell, Work
from bridge.store.homes import home_of
from tests.support import postgres
from tests.support.eventually import until


class Ears:
    """What a bell told."""

    def __init__(self, bell: Bell) -> None:
        self.bell = bell
        self.heard: list[set[Work]] = []

    def __call__(self, news: Collection[Work]) -> None:
        self.heard.append(set(news))

    async def listen(self) -> None:
        """Return when it hears: at first, everything may be news."""
        self.bell.start(self)
        await until(lambda: self.heard == [set(Work)])
        self.heard.clear()


@pytest.fixture
def ears(postgres_url: str) -> list[Ears]:
    return [Ears(home_of(postgres_url).bell()) for _ in range(2)]


async def test_the_others_hear_what_is_rung_and_who_rings_does_not(ears: list[Ears]) -> None:
    for one in ears:
        await one.listen()
    ears[0].bell.ring(Work.ALERTS, Work.CHAT)
    await until(lambda: ears[1].heard == [{Work.ALERTS, Work.CHAT}])
    ears[1].bell.ring(Work.DELIVERY)
    await until(lambda: ears[0].heard == [{Work.DELIVERY}])
    for one in ears:
        await one.bell.aclose()


async def test_what_is_rung_at_a_time_goes_together(ears: list[Ears]) -> None:
    for one in ears:
        await one.listen()
    for _ in range(1000):
        ears[0].bell.ring(Work.DELIVERY)
        ears[0].bell.ring(Work.CHAT)
    await until(lambda: ears[1].heard)
    assert ears[1].heard == [{Work.DELIVERY, Work.CHAT}]
    for one in ears:
        await one.bell.aclose()


async def test_what_is_rung_last_is_told_before_it_closes(ears: list[Ears]) -> None:
    for one in ears:
        await one.listen()
    ears[0].bell.ring(Work.OUTCOMES)
    await ears[0].bell.aclose()
    await until(lambda: ears[1].heard == [{Work.OUTCOMES}])
    await ears[1].bell.aclose()


async def test_after_a_time_of_deafness_everything_may_be_news(ears: list[Ears], postgres_url: str) -> None:
    await ears[0].listen()
    await postgres.run(
        postgres_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name LIKE 'bridge/bell/%'",
    )
    await until(lambda: ears[0].heard == [set(Work)])
    await ears[0].bell.aclose()


async def test_words_of_a_newer_version_are_left_out(ears: list[Ears], postgres_url: str) -> None:
    await ears[0].listen()
    await postgres.run(postgres_url, "SELECT pg_notify('bridge', 'delivery tea')")
    await until(lambda: ears[0].heard == [{Work.DELIVERY}])
    await ears[0].bell.aclose()


async def test_of_a_file_nobody_else_hears() -> None:
    bell = home_of("sqlite:///bridge.db").bell()
    bell.start(lambda news: pytest.fail("there is nobody"))
    bell.ring(*Work)
    await asyncio.sleep(0)
    await bell.aclose()
