"""A gateway whose settings are known: what is to be said of it, and how to make its slots."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

import httpx

from bridge.clock import Clock
from bridge.domain.rate import Rate
from bridge.gateways import Gateway
from bridge.services.sms.low_balance import LowMark
from bridge.settings import Settings


class Build(Protocol):
    """Makes one slot, with a connection of its own."""

    def __call__(
        self, *, timeout_s: float, now: Callable[[], datetime], ssl_context: ssl.SSLContext | None
    ) -> Gateway: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfiguredGateway:
    """A gateway that messages may go by.

    `batch`: numbers a call. `countries`: ISO codes of those it is for; empty: all. `rate`: calls that it takes; None:
    as many as come. `url_setting`: where its address stands, for whoever reads that it cannot be reached. `low_mark`:
    at what balance admins hear; None: it tells none. `caution`: what works and is not safe; empty: nothing.
    `builder` is called for slots only: it needs the keys.
    """

    name: str
    batch: int
    countries: frozenset[str] = frozenset()
    rate: Rate | None = None
    url: str = field(repr=False)  # a key may stand in it
    url_setting: str
    low_mark: LowMark | None = None
    caution: str = ""
    builder: Callable[[], Build] = field(repr=False)

    def slots(self, settings: Settings, clock: Clock) -> list[Gateway]:
        """Gateway objects, one for each call that may run at once."""
        # One context for all: reading the list of authorities takes 20 ms.
        tls = httpx.create_ssl_context() if self.url.startswith("https:") else None
        make = partial(self.builder(), timeout_s=settings.gateway_timeout_s, now=clock.now, ssl_context=tls)
        return [make() for _ in range(settings.gateway_slots)]
