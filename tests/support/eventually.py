"""Waiting for what another process brings about: a condition, looked at again and again, and a time limit."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_S = 0.01


async def until(condition: Callable[[], T], *, timeout_s: float = 30, otherwise: Callable[[], str] = str) -> T:
    """The first true value of `condition`. Raises AssertionError with the words of `otherwise` when time is over."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s. {otherwise()}")
        await asyncio.sleep(LOOK_EVERY_S)
    return found
