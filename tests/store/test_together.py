"""What comes at the same time is written together; what fails fails alone."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from bridge.domain.errors import StoreUnavailable
from bridge.store.database import Database
from bridge.store.together import Together
from tests.support.named_values import names, put


class Odd(Exception):
    """Of an item that cannot be written."""


class Names:
    """Writes names, and gives each its length. `groups`: how many were written at once."""

    def __init__(self) -> None:
        self.groups: list[int] = []

    def write(self, connection: Connection, items: Sequence[str]) -> list[int]:
        self.groups.append(len(items))
        for one in items:
            put(one)(connection)
            if one == "odd":
                raise Odd(one)
        return [len(one) for one in items]


async def test_each_hears_its_own_result_and_what_waits_shares_an_operation(database: Database) -> None:
    written = Names()
    together = Together(database, written.write)
    given = [f"name{'x' * number}" for number in range(20)]
    assert await asyncio.gather(*map(together.write, given)) == list(map(len, given))
    assert sorted(await database.read(names)) == sorted(given)
    assert len(written.groups) < len(given)


async def test_what_fails_fails_alone_and_leaves_nothing(database: Database) -> None:
    together = Together(database, Names().write)
    given = ["one", "odd", "two"]
    found = await asyncio.gather(*map(together.write, given), return_exceptions=True)
    assert [type(one) for one in found] == [int, Odd, int]
    assert sorted(await database.read(names)) == ["one", "two"]


async def test_a_store_in_trouble_is_everybodys_and_is_asked_once(database: Database) -> None:
    written = Names()
    together = Together(database, written.write)
    await database.aclose()
    found = await asyncio.gather(*map(together.write, ["one", "two", "six"]), return_exceptions=True)
    assert [type(one) for one in found] == [StoreUnavailable] * 3
    assert written.groups == []


async def test_who_goes_away_is_not_written_and_keeps_nobody_else_waiting(database: Database) -> None:
    together = Together(database, Names().write)
    tasks = [asyncio.create_task(together.write(one)) for one in ("one", "two", "three")]
    await asyncio.sleep(0)
    tasks[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    assert await tasks[0] == 3
    assert await tasks[2] == 5
    assert await together.write("four") == 4
    assert sorted(await database.read(names)) == ["four", "one", "three"]
