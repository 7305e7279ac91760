"""MSMPUSHER: https://api.msmpusher.net/v1/send, called in one of the three ways that its page shows.

The page documents no idempotency key, no receipt and no balance call: "accepted by the gateway" is the most that can be
known. What its answers mean stands in `msmpusher.reply`, what the lack of one means in `http_outcome`.
"""

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

import httpx

from bridge.domain.outcome import Outcome
from bridge.gateways.http_call import HEADERS, Answer, HttpCaller, Reading, address
from bridge.gateways.msmpusher.reply import is_foreign, outcomes_of, read_reply
from bridge.gateways.transport import OneConnection
from bridge.gateways.words import words_without

DEFAULT_URL = "https://api.msmpusher.net/v1/send"
METHODS = ("json", "form", "get")


class MsmpusherGateway:
    """One slot: one call at a time over `transport`. `method` is `json`, `form` or `get` (keys in the address!).

    `now` gives the time for `Retry-After` dates, `monotonic` measures how long an answer took.
    """

    name = "msmpusher"

    def __init__(
        self,
        *,
        url: str,
        private_key: str,
        public_key: str,
        sender: str,
        method: str,
        transport: httpx.AsyncBaseTransport,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = address(url)
        if method not in METHODS:
            raise ValueError(f"the gateway's method must be one of {', '.join(METHODS)}")
        self._account = {"privatekey": private_key, "publickey": public_key, "sender": sender}
        self._method = method
        self._fit = words_without([private_key, public_key])
        self._caller = HttpCaller(transport=transport, now=now, monotonic=monotonic)

    def __repr__(self) -> str:
        return f"MsmpusherGateway(host={self._url.host!r}, method={self._method!r})"

    async def send(self, numbers: Sequence[str], text: str) -> Mapping[str, Outcome]:
        """See `bridge.gateways.Gateway`."""
        return await self._caller.send(numbers, partial(self._request, text), self._read)

    async def aclose(self) -> None:
        """Close its connection."""
        await self._caller.aclose()

    def _request(self, text: str, numbers: Sequence[str]) -> httpx.Request:
        """As on the page: numbers without `+`, parted by commas; the text encoded once, by the form that carries it."""
        fields = {
            **self._account,
            "numbers": ",".join(number.removeprefix("+") for number in numbers),
            "message": text,
        }
        if self._method == "get":
            return httpx.Request("GET", self._url.copy_merge_params(fields), headers=HEADERS)
        if self._method == "form":
            return httpx.Request("POST", self._url, headers=HEADERS, data=fields)
        return httpx.Request("POST", self._url, headers=HEADERS, json=fields)

    def _read(self, answer: Answer, numbers: Sequence[str]) -> Reading:
        reply = read_reply(answer.body, http_status=answer.status, fit=self._fit)
        if reply.status is None:
            return Reading(outcomes=dict.fromkeys(numbers, answer.without_status(reply.words)))
        return Reading(
            outcomes=outcomes_of(reply, numbers, wait_s=answer.retry_after_s),
            call_id=reply.words.sms_id,
            foreign=is_foreign(reply, numbers),
        )


def build(
    *,
    url: str = DEFAULT_URL,
    private_key: str,
    public_key: str,
    sender: str,
    method: str = "json",
    timeout_s: float = 10.0,
    now: Callable[[], datetime],
    ssl_context: ssl.SSLContext | None = None,
    keep_s: float = 2.0,
) -> MsmpusherGateway:
    """A gateway for one slot, with a connection of its own.

    Share one `ssl_context` between slots: certifi's takes 20 ms to load. `keep_s` 0: every call on a fresh connection.
    """
    return MsmpusherGateway(
        url=url,
        private_key=private_key,
        public_key=public_key,
        sender=sender,
        method=method,
        transport=OneConnection(timeout_s=timeout_s, ssl_context=ssl_context, keep_s=keep_s),
        now=now,
    )
