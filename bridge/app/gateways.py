"""The gateways of `BRIDGE_GATEWAYS`, each built by its name."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

import httpx
from pydantic import SecretStr

from bridge.clock import Clock
from bridge.domain.errors import SettingsError
from bridge.gateways import Gateway, msmpusher, textlocal
from bridge.settings import Settings, variable

LARGEST_BATCH = 1000
"""Numbers a call."""

TEXTLOCAL_BATCH = 1
"""One makes every outcome certain for its number."""


class Build(Protocol):
    """Makes one slot, with a connection of its own."""

    def __call__(
        self, *, timeout_s: float, now: Callable[[], datetime], ssl_context: ssl.SSLContext | None
    ) -> Gateway: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfiguredGateway:
    """A gateway that messages may go by.

    `batch`: numbers a call. `countries`: ISO codes of those it is for; empty: all. `url_setting`: where its address
    stands, for whoever reads that it cannot be reached.
    """

    name: str
    batch: int
    countries: frozenset[str] = frozenset()
    url: str
    url_setting: str
    build: Build

    def slots(self, settings: Settings, clock: Clock) -> list[Gateway]:
        """Gateway objects, one for each call that may run at once."""
        # One context for all: reading the list of authorities takes 20 ms.
        tls = httpx.create_ssl_context() if self.url.startswith("https:") else None
        make = partial(self.build, timeout_s=settings.gateway_timeout_s, now=clock.now, ssl_context=tls)
        return [make() for _ in range(settings.gateway_slots)]


def configured_gateways(settings: Settings) -> tuple[ConfiguredGateway, ...]:
    """In order of preference; at least one. `settings`: loaded with need=GATEWAY. Raises `SettingsError`."""
    known = {"msmpusher": _msmpusher, "textlocal": _textlocal}
    unknown = [name for name in settings.gateways if name not in known]
    if unknown:
        raise SettingsError(f"BRIDGE_GATEWAYS: there is no gateway {unknown[0]!r}")
    return tuple(known[name](settings) for name in settings.gateways)


def largest_batch(settings: Settings) -> int:
    """The most numbers that a call to any of the gateways may carry; each of them keeps to its own batch.

    Needs no secret of theirs, nor the file of the others.
    """
    batches = {"msmpusher": settings.msmpusher_batch, "textlocal": TEXTLOCAL_BATCH}
    return max(batches.get(name, LARGEST_BATCH) for name in settings.gateways)


def _msmpusher(settings: Settings) -> ConfiguredGateway:
    return ConfiguredGateway(
        name="msmpusher",
        batch=settings.msmpusher_batch,
        url=settings.msmpusher_url,
        url_setting=variable("msmpusher_url"),
        build=partial(
            msmpusher.build,
            url=settings.msmpusher_url,
            private_key=_secret(settings.msmpusher_private_key),
            public_key=_secret(settings.msmpusher_public_key),
            sender=settings.msmpusher_sender or "",
            method=settings.msmpusher_method,
        ),
    )


def _textlocal(settings: Settings) -> ConfiguredGateway:
    return ConfiguredGateway(
        name="textlocal",
        batch=TEXTLOCAL_BATCH,
        url=settings.textlocal_url,
        url_setting=variable("textlocal_url"),
        build=partial(
            textlocal.build,
            url=settings.textlocal_url,
            api_key=_secret(settings.textlocal_api_key),
            sender=settings.textlocal_sender or "",
        ),
    )


def _secret(value: SecretStr | None) -> str:
    if value is None:
        raise ValueError("settings must be loaded with need=GATEWAY")
    return value.get_secret_value()
