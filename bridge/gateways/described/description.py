"""One gateway, as the file of `BRIDGE_HTTP_GATEWAYS` describes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.gateways.described.rules import Each, Rule, Shown
from bridge.gateways.described.template import Template, Tree


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What `DescribedGateway` goes by. `secrets`: what of it nobody may read.

    `json` or `form` is the body; `query` goes into the address. `plus`: whether numbers are written with one.
    `unicode`: what stands for `{unicode}`, where the text needs none, and where it does. `countries`: ISO codes of
    those it is for; empty: all. `batch`: numbers a call. `rate`: calls a second; 0: as many as come. `low_balance`: at
    what balance admins hear; 0: never.
    """

    name: str
    url: str = field(repr=False)
    method: str = "POST"
    headers: Mapping[str, Template] = field(default_factory=dict)
    query: Mapping[str, Template] = field(default_factory=dict)
    form: Mapping[str, Template] | None = None
    json: Tree | None = None
    sender: str = ""
    plus: bool = True
    unicode: tuple[str, str] = ("false", "true")
    batch: int = 1
    countries: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = ()
    shown: Shown = field(default_factory=Shown)
    each: Each | None = None
    rate: float = 0.0
    low_balance: float = 0.0
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def tells_balance(self) -> bool:
        """Whether its answers say what is left of the balance."""
        return self.shown.balance is not None or (self.each is not None and self.each.shown.balance is not None)
