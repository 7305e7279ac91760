"""MSMPUSHER: https://api.msmpusher.net/v1/send, called in one of the three ways that its page shows.

The page documents no idempotency key, no receipt and no balance call: "accepted by the gateway" is the most that can be
known. What its answers mean stands in `msmpusher_reply`, what the lack of one means in `http_outcome`.
"""

import logging
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import httpx

from bridge.domain.outcome import Outcome, Reason, Rejected, Unknown
from bridge.gateways.http_outcome import outcome_of_error, outcome_of_status, retry_after_s
from bridge.gateways.msmpusher_reply import is_foreign, outcomes_of, read_reply
from bridge.gateways.transport import OneConnection
from bridge.gateways.words import words_without

log = logging.getLogger(__name__)

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
        self._url = httpx.URL(url)
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise ValueError("the gateway's address must begin with https:// or http:// and name a host")
        if method not in METHODS:
            raise ValueError(f"the gateway's method must be one of {', '.join(METHODS)}")
        self._account = {"privatekey": private_key, "publickey": public_key, "sender": sender}
        self._method = method
        self._transport = transport
        self._now = now
        self._monotonic = monotonic
        self._fit = words_without([private_key, public_key])
        self._last_id = ""

    def __repr__(self) -> str:
        return f"MsmpusherGateway(host={self._url.host!r}, method={self._method!r})"

    async def send(self, numbers: Sequence[str], text: str) -> Mapping[str, Outcome]:
        """See `bridge.gateways.Gateway`."""
        numbers = list(dict.fromkeys(numbers))
        if not numbers:
            return {}
        try:
            request = self._request(numbers, text)
        except (ValueError, httpx.InvalidURL):  # a text that is no Unicode, or too long for an address
            return dict.fromkeys(numbers, Rejected(reason=Reason.MISSING_PARAMETERS))
        try:
            return await self._call(request, numbers)
        except Exception as error:  # noqa: BLE001 - one outcome for each number, always
            outcome = outcome_of_error(error)
            if outcome is None:  # its text may hold the request: only its kind is told
                log.error(
                    "The gateway call failed in a way that nobody foresaw: %s",
                    type(error).__name__,
                    extra={"event": "gateway.unforeseen"},
                )
                outcome = Unknown(reason=Reason.UNREADABLE)
            return dict.fromkeys(numbers, outcome)

    async def aclose(self) -> None:
        """Close its connection."""
        await self._transport.aclose()

    def _request(self, numbers: Sequence[str], text: str) -> httpx.Request:
        """As on the page: numbers without `+`, parted by commas; the text encoded once, by the form that carries it."""
        fields = {
            **self._account,
            "numbers": ",".join(number.removeprefix("+") for number in numbers),
            "message": text,
        }
        if self._method == "get":
            return httpx.Request("GET", self._url.copy_merge_params(fields), headers=_HEADERS)
        if self._method == "form":
            return httpx.Request("POST", self._url, headers=_HEADERS, data=fields)
        return httpx.Request("POST", self._url, headers=_HEADERS, json=fields)

    async def _call(self, request: httpx.Request, numbers: Sequence[str]) -> Mapping[str, Outcome]:
        started = self._monotonic()
        response = await self._transport.handle_async_request(request)
        body = await response.aread()
        wait_s = retry_after_s(response.headers.get("retry-after"), self._now())
        reply = read_reply(body, http_status=response.status_code, fit=self._fit)
        if reply.status is None:
            took_s = self._monotonic() - started
            outcome = outcome_of_status(reply.words, status=response.status_code, retry_after_s=wait_s, took_s=took_s)
            return dict.fromkeys(numbers, outcome)
        repeated = reply.words.sms_id != "" and reply.words.sms_id == self._last_id
        self._last_id = reply.words.sms_id or self._last_id
        if repeated or is_foreign(reply, numbers):
            await self._transport.aclose()  # an answer that was left over: what else is on its way?
        if repeated:
            return dict.fromkeys(numbers, Unknown(reason=Reason.REPEATED_ID, words=reply.words))
        return outcomes_of(reply, numbers, wait_s=wait_s)


_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "bridge"}


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
