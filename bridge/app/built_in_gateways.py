"""The gateways that are built in. To add one: its folder in `bridge/gateways/`, its settings in `settings/gateways.py`,
and here what brings the two together. All else is read from its fields."""

from collections.abc import Callable, Mapping
from functools import partial

from pydantic import SecretStr

from bridge.app.configured_gateway import Build, ConfiguredGateway
from bridge.domain.rate import Rate
from bridge.gateways import msmpusher, textlocal
from bridge.services.sms.low_balance import LowMark
from bridge.settings import Settings, variable


def _msmpusher(settings: Settings) -> Build:
    return partial(
        msmpusher.build,
        url=settings.msmpusher_url,
        private_key=_secret(settings.msmpusher_private_key),
        public_key=_secret(settings.msmpusher_public_key),
        sender=settings.msmpusher_sender or "",
        method=settings.msmpusher_method,
    )


def _textlocal(settings: Settings) -> Build:
    return partial(
        textlocal.build,
        url=settings.textlocal_url,
        api_key=_secret(settings.textlocal_api_key),
        sender=settings.textlocal_sender or "",
    )


BUILT_IN: Mapping[str, Callable[[Settings], Build]] = {"msmpusher": _msmpusher, "textlocal": _textlocal}
"""Gateway -> how its slots are made; from settings that were loaded with need=GATEWAY."""


def built_in(name: str, settings: Settings) -> ConfiguredGateway:
    """The gateway of that name. What only some have a setting for: one number a call, and no balance that is told."""
    batch, low_balance, rate = f"{name}_batch", f"{name}_low_balance", getattr(settings, f"{name}_rate")
    known = Settings.model_fields
    return ConfiguredGateway(
        name=name,
        batch=getattr(settings, batch) if batch in known else 1,
        rate=Rate(per_second=rate) if rate else None,
        url=getattr(settings, f"{name}_url"),
        url_setting=variable(f"{name}_url"),
        low_mark=LowMark(at=getattr(settings, low_balance), setting=variable(low_balance))
        if low_balance in known
        else None,
        builder=partial(BUILT_IN[name], settings),
    )


def _secret(value: SecretStr | None) -> str:
    if value is None:
        raise ValueError("settings must be loaded with need=GATEWAY")
    return value.get_secret_value()
