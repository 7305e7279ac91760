"""Moments that no condition names: when a process dies is the subject here."""

import time
from collections.abc import Callable

from tests.support.eventually import until


async def before(seconds: float, over: Callable[[], object] = lambda: False) -> None:
    """Return after so many seconds, or as soon as `over` is true."""
    end = time.monotonic() + seconds
    await until(lambda: time.monotonic() > end or over(), timeout_s=seconds + 15)
