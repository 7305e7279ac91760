"""What fails by its own data is left out; what the store does is nobody's fault."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from bridge.services.incidents.one_by_one import one_by_one, together_or_each
from bridge.store.sqlite import sqlite_engine


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = sqlite_engine(tmp_path / "some.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE seen (number INTEGER PRIMARY KEY)"))
        connection.execute(text("INSERT INTO seen VALUES (3)"))
        yield connection
    engine.dispose()


def see(connection: Connection, numbers: Sequence[int]) -> None:
    for number in numbers:
        connection.execute(text("INSERT INTO seen VALUES (:n + 100)"), {"n": number})
        if number == 2:
            raise ValueError("0241109433")
        connection.execute(text("INSERT INTO seen VALUES (:n)"), {"n": number})


def seen(connection: Connection) -> list[int]:
    return list(connection.execute(text("SELECT number FROM seen ORDER BY number")).scalars())


def test_of_what_fails_nothing_is_kept_and_the_others_are_done(connection: Connection) -> None:
    odd = one_by_one(connection, [1, 2, 3, 4], lambda one: see(connection, [one]))
    assert odd == [(2, "ValueError"), (3, "IntegrityError")]
    assert seen(connection) == [1, 3, 4, 101, 104]


def test_what_goes_together_is_done_at_once(connection: Connection) -> None:
    calls: list[Sequence[int]] = []

    def together(some: Sequence[int]) -> None:
        calls.append(some)
        see(connection, some)

    assert together_or_each(connection, [1, 4], together) == []
    assert calls == [[1, 4]]
    assert seen(connection) == [1, 3, 4, 101, 104]


def test_what_fails_together_is_done_one_by_one(connection: Connection) -> None:
    odd = together_or_each(connection, [1, 2, 3, 4], lambda some: see(connection, some))
    assert odd == [(2, "ValueError"), (3, "IntegrityError")]
    assert seen(connection) == [1, 3, 4, 101, 104]


def test_a_store_in_trouble_is_no_fault_of_a_row(connection: Connection) -> None:
    def fail(_: object) -> None:
        connection.execute(text("INSERT INTO nowhere VALUES (1)"))  # a damaged or a foreign file

    with pytest.raises(OperationalError):
        one_by_one(connection, [1], fail)
    with pytest.raises(OperationalError):
        together_or_each(connection, [1], fail)
