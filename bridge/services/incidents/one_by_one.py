"""Many in one transaction, and an odd one among them: it is found and set aside, and the rest goes on."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from bridge.store.database import is_the_stores

T = TypeVar("T")

Odd = list[tuple[T, str]]
"""What cannot be done, and the kind of the error that says so: its words may hold anything."""


def one_by_one(connection: Connection, some: Iterable[T], alone: Callable[[T], None]) -> Odd[T]:
    """Do each by itself; gives those of which nothing is done because their data raises.

    A savepoint costs as much as four queries: this is for what failed together. Raises what is the store's trouble.
    """
    odd: Odd[T] = []
    for one in some:
        try:
            with connection.begin_nested():
                alone(one)
        except Exception as error:
            if is_the_stores(connection, error):
                raise
            odd.append((one, type(error).__name__))
    return odd


def together_or_each(connection: Connection, some: Sequence[T], do: Callable[[Sequence[T]], None]) -> Odd[T]:
    """Do all at once, or where that fails each by itself; gives as `one_by_one`."""
    try:
        with connection.begin_nested():
            do(some)
    except Exception as error:
        if is_the_stores(connection, error):
            raise
        return one_by_one(connection, some, lambda one: do([one]))
    return []
