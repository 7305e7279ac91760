"""One careful call to a gateway over HTTP, the same for every provider: whatever happens, each number has an outcome.

A provider says what the request is and what an answer means. What the lack of an answer means stands in `http_outcome`.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx

from bridge.domain.outcome import Accepted, GatewayWords, Outcome, Reason, Rejected, Unknown
from bridge.gateways.http_outcome import outcome_of_error, outcome_of_status, retry_after_s

log = logging.getLogger(__name__)

HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "bridge"}
"""Of every request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A whole answer. `retry_after_s`: what its `Retry-After` says; `took_s`: from the call's beginning."""

    status: int
    body: bytes
    retry_after_s: float | None = None
    took_s: float = 0.0

    def without_status(self, words: GatewayWords) -> Outcome:
        """What HTTP alone says of every number, where the gateway's own words say nothing."""
        return outcome_of_status(words, status=self.status, retry_after_s=self.retry_after_s, took_s=self.took_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What an answer says of each number.

    `call_id`: the gateway's name for this call; one that was seen before belongs to another call. `foreign`: it names
    other numbers only, so it was left over from another call.
    """

    outcomes: Mapping[str, Outcome]
    call_id: str = ""
    foreign: bool = False


def address(url: str) -> httpx.URL:
    """The gateway's address. Raises ValueError for one that nobody can call."""
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL:
        found = httpx.URL()
    if found.scheme not in ("http", "https") or not found.host:
        raise ValueError("the gateway's address must begin with https:// or http:// and name a host")
    return found


class HttpCaller:
    """One slot: one call at a time over `transport`.

    `now` gives the time for `Retry-After` dates, `monotonic` measures how long an answer took.
    """

    def __init__(
        self,
        *,
        transport: httpx.AsyncBaseTransport,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._now = now
        self._monotonic = monotonic
        self._last_id = ""

    async def send(
        self,
        numbers: Sequence[str],
        request: Callable[[Sequence[str]], httpx.Request],
        read: Callable[[Answer, Sequence[str]], Reading],
    ) -> Mapping[str, Outcome]:
        """One call for `numbers`, each once. `request` raises ValueError where these numbers or the text do not fit."""
        numbers = list(dict.fromkeys(numbers))
        if not numbers:
            return {}
        try:
            asked = request(numbers)
        except (ValueError, httpx.InvalidURL):  # a text that is no Unicode, or too long for an address
            return dict.fromkeys(numbers, Rejected(reason=Reason.MISSING_PARAMETERS))
        try:
            return await self._call(asked, numbers, read)
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

    async def _call(
        self, request: httpx.Request, numbers: Sequence[str], read: Callable[[Answer, Sequence[str]], Reading]
    ) -> Mapping[str, Outcome]:
        started = self._monotonic()
        response = await self._transport.handle_async_request(request)
        answer = Answer(
            status=response.status_code,
            body=await response.aread(),
            retry_after_s=retry_after_s(response.headers.get("retry-after"), self._now()),
            took_s=self._monotonic() - started,
        )
        reading = read(answer, numbers)
        repeated = reading.call_id != "" and reading.call_id == self._last_id
        self._last_id = reading.call_id or self._last_id
        if repeated or reading.foreign:
            await self._transport.aclose()  # an answer that was left over: what else is on its way?
        if repeated:
            return {
                number: Unknown(reason=Reason.REPEATED_ID, words=outcome.words)
                for number, outcome in reading.outcomes.items()
            }
        return reading.outcomes


def ids_of(outcomes: Mapping[str, Outcome]) -> str:
    """A name for a call whose answer has none for itself: the ids of what was accepted."""
    return ",".join(sorted({one.words.sms_id for one in outcomes.values() if isinstance(one, Accepted)}))
