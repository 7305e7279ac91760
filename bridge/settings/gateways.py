"""The settings of the gateways that are built in: a class each, and every field begins with the gateway's name.

A field whose default is None is one that its gateway cannot do without. All else follows from the fields: what is
needed with it, what of it is secret (`SecretStr`), and what to say where a value is not safe (`Caution`).
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, SecretStr

from bridge.domain.rate import FASTEST
from bridge.settings.addresses import IN_THE_CLEAR, ExactUrl, Url
from bridge.settings.values import Caution, lower, of_length

KEYS_IN_URLS = Caution(
    holds=lambda method: method == "get",
    event="settings.keys_in_urls",
    words="is get: both keys stand in addresses, and so in every proxy's log",
)


class Msmpusher(BaseModel):
    """MSMPUSHER. Its page shows the three methods. `rate`: calls a second that it takes; 0: as many as come."""

    msmpusher_url: Annotated[Url, IN_THE_CLEAR] = "https://api.msmpusher.net/v1/send"
    msmpusher_private_key: SecretStr | None = None
    msmpusher_public_key: SecretStr | None = None
    msmpusher_sender: Annotated[str, of_length(1, 11)] | None = None
    msmpusher_method: Annotated[Literal["json", "form", "get"], BeforeValidator(lower), KEYS_IN_URLS] = "json"
    msmpusher_batch: int = Field(1, ge=1, le=1000)
    msmpusher_rate: float = Field(0, ge=0, le=FASTEST)


class Textlocal(BaseModel):
    """Textlocal. `low_balance`: credits. `rate`: as MSMPUSHER's."""

    textlocal_url: Annotated[ExactUrl, IN_THE_CLEAR] = "https://api.textlocal.in/send/"
    textlocal_api_key: SecretStr | None = None
    textlocal_sender: Annotated[str, of_length(3, 11)] | None = None
    textlocal_low_balance: float = Field(100, ge=0)
    textlocal_rate: float = Field(0, ge=0, le=FASTEST)


class BuiltIn(Msmpusher, Textlocal):
    """The settings of all of them."""


FIELDS: Mapping[str, type[BaseModel]] = {one.__name__.lower(): one for one in BuiltIn.__bases__}
"""Gateway -> the class of its settings."""

NEEDED_BY: Mapping[str, tuple[str, ...]] = {
    gateway: tuple(name for name, field in one.model_fields.items() if field.default is None)
    for gateway, one in FIELDS.items()
}
"""Gateway with settings of its own -> which of them it cannot do without."""
