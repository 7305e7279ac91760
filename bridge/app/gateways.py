"""The gateways of `BRIDGE_GATEWAYS`, each built by its name."""

import difflib
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from bridge.clock import Clock
from bridge.domain.errors import SettingsError
from bridge.gateways import Gateway, http, http_file, msmpusher, textlocal
from bridge.gateways.http_description import Description
from bridge.gateways.http_file import LARGEST_BATCH, GatewaysFileError
from bridge.settings import LOOPBACK, Settings, variable

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
    stands, for whoever reads that it cannot be reached. `caution`: what works and is not safe; empty: nothing.
    """

    name: str
    batch: int
    countries: frozenset[str] = frozenset()
    url: str = field(repr=False)  # a key may stand in it
    url_setting: str
    caution: str = ""
    build: Build = field(repr=False)

    def slots(self, settings: Settings, clock: Clock) -> list[Gateway]:
        """Gateway objects, one for each call that may run at once."""
        # One context for all: reading the list of authorities takes 20 ms.
        tls = httpx.create_ssl_context() if self.url.startswith("https:") else None
        make = partial(self.build, timeout_s=settings.gateway_timeout_s, now=clock.now, ssl_context=tls)
        return [make() for _ in range(settings.gateway_slots)]


def configured_gateways(settings: Settings) -> tuple[ConfiguredGateway, ...]:
    """In order of preference; at least one. `settings`: loaded with need=GATEWAY. Raises `SettingsError`."""
    file, described = settings.http_file, _described(settings)
    found = []
    for name in settings.gateways:
        if name in _OWN:
            found.append(_OWN[name](settings))
        elif file is not None and name in described:
            found.append(_http(described[name], file.path))
        else:
            known = [*_OWN, *described]
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; there is {', '.join(known)}"
            raise SettingsError(f"BRIDGE_GATEWAYS: there is no gateway {name!r} in {settings.http_gateways}{hint}")
    return tuple(found)


def _described(settings: Settings) -> Mapping[str, Description]:
    """The gateways of the file of `BRIDGE_HTTP_GATEWAYS`."""
    file = settings.http_file
    if file is None:
        return {}
    try:
        return http_file.read(file.text, values=file.values, used=settings.gateways)
    except GatewaysFileError as error:
        raise SettingsError(*(f"BRIDGE_HTTP_GATEWAYS: {file.path}: {one}" for one in error.problems)) from None


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


def _http(description: Description, file: str) -> ConfiguredGateway:
    url_setting = f"{file}: gateways.{description.name}.url"
    target = urlsplit(description.url)
    in_the_clear = target.scheme == "http" and target.hostname not in LOOPBACK
    return ConfiguredGateway(
        name=description.name,
        batch=description.batch,
        countries=description.countries,
        url=description.url,
        url_setting=url_setting,
        caution=f"{url_setting} is http: keys and texts travel in the clear" if in_the_clear else "",
        build=partial(http.build, description, make_id=lambda: secrets.token_hex(16)),
    )


_OWN = {"msmpusher": _msmpusher, "textlocal": _textlocal}


def _secret(value: SecretStr | None) -> str:
    if value is None:
        raise ValueError("settings must be loaded with need=GATEWAY")
    return value.get_secret_value()
