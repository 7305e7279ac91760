"""Textlocal: https://api.textlocal.in/send/ (https://api.txtlocal.com/send/ outside of India), a form by POST.

What its answers mean stands in `textlocal.reply`.
"""

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

import httpx

from bridge.domain.outcome import Outcome
from bridge.domain.segments import Encoding, split
from bridge.gateways.http_call import HEADERS, Answer, HttpCaller, Reading, address
from bridge.gateways.textlocal.reply import is_foreign, outcomes_of, read_reply
from bridge.gateways.transport import OneConnection
from bridge.gateways.words import words_without

DEFAULT_URL = "https://api.textlocal.in/send/"


class TextlocalGateway:
    """One slot: one call at a time over `transport`. See `HttpCaller` for `now` and `monotonic`."""

    name = "textlocal"

    def __init__(
        self,
        *,
        url: str,
        api_key: str,
        sender: str,
        transport: httpx.AsyncBaseTransport,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = address(url)
        self._account = {"apikey": api_key, "sender": sender}
        self._fit = words_without([api_key])
        self._caller = HttpCaller(transport=transport, now=now, monotonic=monotonic)

    def __repr__(self) -> str:
        return f"TextlocalGateway(host={self._url.host!r})"

    async def send(self, numbers: Sequence[str], text: str) -> Mapping[str, Outcome]:
        """See `bridge.gateways.Gateway`."""
        return await self._caller.send(numbers, partial(self._request, text), self._read)

    async def aclose(self) -> None:
        """Close its connection."""
        await self._caller.aclose()

    def _request(self, text: str, numbers: Sequence[str]) -> httpx.Request:
        """In the body, not in the address as the page's sample has it: addresses end up in proxies' logs."""
        fields = {
            **self._account,
            "numbers": ",".join(number.removeprefix("+") for number in numbers),
            "message": text,
        }
        if split(text).encoding is Encoding.UCS2:
            fields["unicode"] = "true"
        return httpx.Request("POST", self._url, headers=HEADERS, data=fields)

    def _read(self, answer: Answer, numbers: Sequence[str]) -> Reading:
        reply = read_reply(answer.body, http_status=answer.status, fit=self._fit)
        if reply.status is None:
            return Reading(outcomes=dict.fromkeys(numbers, answer.without_status(reply.words)))
        return Reading(
            outcomes=outcomes_of(reply, numbers, wait_s=answer.retry_after_s),
            call_id=reply.batch_id,
            foreign=is_foreign(reply, numbers),
        )


def build(
    *,
    url: str = DEFAULT_URL,
    api_key: str,
    sender: str,
    timeout_s: float = 10.0,
    now: Callable[[], datetime],
    ssl_context: ssl.SSLContext | None = None,
    keep_s: float = 2.0,
) -> TextlocalGateway:
    """A gateway for one slot, with a connection of its own.

    Share one `ssl_context` between slots: certifi's takes 20 ms to load. `keep_s` 0: every call on a fresh connection.
    """
    return TextlocalGateway(
        url=url,
        api_key=api_key,
        sender=sender,
        transport=OneConnection(timeout_s=timeout_s, ssl_context=ssl_context, keep_s=keep_s),
        now=now,
    )
