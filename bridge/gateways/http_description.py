"""One gateway, as the file of `BRIDGE_HTTP_GATEWAYS` describes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.gateways.http_rules import Each, Rule, Shown
from bridge.gateways.http_template import Template, Tree


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What `HttpGateway` goes by. `secrets`: what of it nobody may read.

    `json` or `form` is the body; `query` goes into the address. `plus`: whether numbers are written with one.
    `unicode`: what stands for `{unicode}`, where the text needs none, and where it does. `countries`: ISO codes of
    those it is for; empty: all. `batch`: numbers a call.
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
    secrets: tuple[str, ...] = field(default=(), repr=False)
