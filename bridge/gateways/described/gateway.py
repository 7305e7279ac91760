"""Any SMS gateway over HTTP, as the file of `BRIDGE_HTTP_GATEWAYS` describes it: docs/gateways.md.

What the file says stands in a `Description`; how its rules are read, in `rules`. Where no rule holds, HTTP alone
decides, as for every provider.
"""

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

import httpx

from bridge.domain.outcome import Outcome
from bridge.domain.segments import Encoding, split
from bridge.gateways.described.description import Description
from bridge.gateways.described.rules import judge, listed, of_all, of_each, see, words_of
from bridge.gateways.described.template import Filling, Slot, fill
from bridge.gateways.http_call import HEADERS, Answer, HttpCaller, Reading, address, ids_of
from bridge.gateways.transport import OneConnection
from bridge.gateways.words import words_without


class DescribedGateway:
    """One slot: one call at a time over `transport`. `make_id` gives `{id}`; see `HttpCaller` for the rest."""

    def __init__(
        self,
        description: Description,
        *,
        transport: httpx.AsyncBaseTransport,
        make_id: Callable[[], str],
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._description = description
        self._url = address(description.url)
        self._make_id = make_id
        self._fit = words_without(description.secrets)
        self._caller = HttpCaller(transport=transport, now=now, monotonic=monotonic)

    def __repr__(self) -> str:
        return f"DescribedGateway(name={self.name!r})"

    @property
    def name(self) -> str:
        """As in `BRIDGE_GATEWAYS`."""
        return self._description.name

    async def send(self, numbers: Sequence[str], text: str) -> Mapping[str, Outcome]:
        """See `bridge.gateways.Gateway`."""
        return await self._caller.send(numbers, partial(self._request, text), self._read)

    async def aclose(self) -> None:
        """Close its connection."""
        await self._caller.aclose()

    def _request(self, text: str, numbers: Sequence[str]) -> httpx.Request:
        it = self._description
        written = numbers if it.plus else [number.removeprefix("+") for number in numbers]
        filling: Filling = {
            Slot.NUMBER: written[0],
            Slot.NUMBERS: ",".join(written),
            Slot.TEXT: text,
            Slot.SENDER: it.sender,
            Slot.ID: self._make_id(),
            Slot.UNICODE: it.unicode[split(text).encoding is Encoding.UCS2],
        }
        headers = httpx.Headers(HEADERS)
        headers.update({name: one.fill(filling) for name, one in it.headers.items()})
        query = {name: one.fill(filling) for name, one in it.query.items()}
        url = self._url.copy_merge_params(query) if query else self._url
        if it.json is not None:
            return httpx.Request(it.method, url, headers=headers, json=fill(it.json, filling, written))
        data = {name: one.fill(filling) for name, one in it.form.items()} if it.form is not None else None
        return httpx.Request(it.method, url, headers=headers, data=data)

    def _read(self, answer: Answer, numbers: Sequence[str]) -> Reading:
        it, wait_s = self._description, answer.retry_after_s
        seen = see(answer.body, answer.status)
        words = words_of(seen, it.shown, self._fit, http_status=answer.status)
        found = listed(seen, it.each, words, self._fit, wait_s) if it.each else []
        if it.each and found:
            outcomes = of_each(found, it.each, words, numbers)
            named = {one.number for one in found if one.number}
            foreign = bool(named) and named.isdisjoint(number.removeprefix("+") for number in numbers)
            return Reading(outcomes=outcomes, call_id=ids_of(outcomes), foreign=foreign)
        outcome = judge(it.rules, seen)
        if outcome is None:
            return Reading(outcomes=dict.fromkeys(numbers, answer.without_status(words)))
        outcomes = of_all(outcome, words, numbers, wait_s)
        return Reading(outcomes=outcomes, call_id=ids_of(outcomes))


def build(
    description: Description,
    *,
    make_id: Callable[[], str],
    timeout_s: float = 10.0,
    now: Callable[[], datetime],
    ssl_context: ssl.SSLContext | None = None,
    keep_s: float = 2.0,
) -> DescribedGateway:
    """A gateway for one slot, with a connection of its own.

    Share one `ssl_context` between slots: certifi's takes 20 ms to load. `keep_s` 0: every call on a fresh connection.
    """
    return DescribedGateway(
        description,
        transport=OneConnection(timeout_s=timeout_s, ssl_context=ssl_context, keep_s=keep_s),
        make_id=make_id,
        now=now,
    )
