"""The gateways of `BRIDGE_GATEWAYS`: built in, or described in the file of `BRIDGE_HTTP_GATEWAYS`."""

import difflib
import secrets
from collections.abc import Mapping
from functools import partial

from bridge.app.built_in_gateways import BUILT_IN, built_in
from bridge.app.configured_gateway import ConfiguredGateway
from bridge.domain.errors import SettingsError
from bridge.domain.rate import Rate
from bridge.gateways import described
from bridge.gateways.described import Description
from bridge.gateways.described.file import LARGEST_BATCH, GatewaysFileError, read
from bridge.services.sms.low_balance import LowMark
from bridge.settings import Settings, in_the_clear


def configured_gateways(settings: Settings) -> tuple[ConfiguredGateway, ...]:
    """In order of preference; at least one. `settings`: loaded with need=GATEWAY. Raises `SettingsError`."""
    file, in_file = settings.http_file, _read_file(settings)
    found = []
    for name in settings.gateways:
        if name in BUILT_IN:
            found.append(built_in(name, settings))
        elif file is not None and name in in_file:
            found.append(_described(in_file[name], file.path))
        else:
            known = [*BUILT_IN, *in_file]
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; there is {', '.join(known)}"
            raise SettingsError(f"BRIDGE_GATEWAYS: there is no gateway {name!r} in {settings.http_gateways}{hint}")
    return tuple(found)


def _read_file(settings: Settings) -> Mapping[str, Description]:
    """The gateways of the file of `BRIDGE_HTTP_GATEWAYS`."""
    file = settings.http_file
    if file is None:
        return {}
    try:
        return read(file.text, values=file.values, names=file.names, used=settings.gateways, reserved=BUILT_IN)
    except GatewaysFileError as error:
        raise SettingsError(*(f"BRIDGE_HTTP_GATEWAYS: {file.path}: {one}" for one in error.problems)) from None


def largest_batch(settings: Settings) -> int:
    """The most numbers that a call to any of the gateways may carry; each of them keeps to its own batch.

    Needs no secret of theirs, nor the file of the others.
    """
    return max(built_in(name, settings).batch if name in BUILT_IN else LARGEST_BATCH for name in settings.gateways)


def _described(description: Description, file: str) -> ConfiguredGateway:
    place = f"gateways.{description.name}"
    url_setting = f"{file}: {place}.url"
    clear = in_the_clear(description.url)
    return ConfiguredGateway(
        name=description.name,
        batch=description.batch,
        countries=description.countries,
        rate=Rate(per_second=description.rate) if description.rate else None,
        url=description.url,
        url_setting=url_setting,
        low_mark=LowMark(at=description.low_balance, setting=f"{place}.low_balance")
        if description.tells_balance
        else None,
        caution=f"{url_setting} is http: keys and texts travel in the clear" if clear else "",
        builder=lambda: partial(described.build, description, make_id=lambda: secrets.token_hex(16)),
    )
