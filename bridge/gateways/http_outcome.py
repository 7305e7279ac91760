"""What a call without a readable answer means: HTTP statuses, and every exception of httpx.

Certainly not sent is only what broke before a byte of the request went out, and what HTTP itself promises.
Sources: RFC 9110 (`Retry-After`), httpx 0.28.
"""

import re
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from bridge.domain.outcome import GatewayWords, NotSent, Outcome, Reason, Unknown
from bridge.gateways.wire import AnswerTooLarge

EARLY_S = 2.0  # a 503 within this time comes from a door that let nothing in
RETRY_AFTER_LIMIT_S = 3600.0  # nobody silences us for longer

_UNREACHABLE = NotSent(reason=Reason.UNREACHABLE)
_WRONG_ADDRESS = NotSent(reason=Reason.WRONG_ADDRESS, out_of_service=True)
_NO_ANSWER = Unknown(reason=Reason.NO_ANSWER)
_CUT = Unknown(reason=Reason.CUT)
_UNREADABLE = Unknown(reason=Reason.UNREADABLE)

ERRORS: dict[type[Exception], Outcome] = {
    # no byte of the request went out
    httpx.ConnectError: _UNREACHABLE,
    httpx.ConnectTimeout: _UNREACHABLE,
    httpx.PoolTimeout: _UNREACHABLE,
    httpx.ProxyError: _UNREACHABLE,  # the proxy refused to connect us
    httpx.UnsupportedProtocol: _WRONG_ADDRESS,
    httpx.InvalidURL: _WRONG_ADDRESS,
    # the request went out, or may have
    httpx.ReadTimeout: _NO_ANSWER,
    httpx.WriteTimeout: _NO_ANSWER,
    httpx.TimeoutException: _NO_ANSWER,
    httpx.ReadError: _CUT,
    httpx.WriteError: _CUT,
    httpx.CloseError: _CUT,
    httpx.NetworkError: _CUT,
    httpx.LocalProtocolError: _CUT,
    httpx.RemoteProtocolError: _CUT,
    httpx.ProtocolError: _CUT,
    httpx.TransportError: _CUT,
    httpx.RequestError: _CUT,
    httpx.HTTPError: _CUT,
    AnswerTooLarge: Unknown(reason=Reason.TOO_LARGE),
    # an answer came
    httpx.DecodingError: _UNREADABLE,
    httpx.TooManyRedirects: _UNREADABLE,
    httpx.HTTPStatusError: Unknown(reason=Reason.SERVER_ERROR),
    httpx.CookieConflict: _UNREADABLE,
    httpx.StreamError: _UNREADABLE,
    httpx.StreamConsumed: _UNREADABLE,
    httpx.StreamClosed: _UNREADABLE,
    httpx.ResponseNotRead: _UNREADABLE,
    httpx.RequestNotRead: _UNREADABLE,
}


def outcome_of_error(error: Exception) -> Outcome | None:
    """None for an error that is not httpx's."""
    for kind in type(error).__mro__:
        if kind in ERRORS:
            outcome = ERRORS[kind]
            return NotSent(reason=Reason.BAD_TLS) if outcome is _UNREACHABLE and _is_tls(error) else outcome
    return None


def _is_tls(error: BaseException) -> bool:
    """Whether the handshake failed: certificate, name, protocol. A connection that broke meanwhile is no such thing."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        cause = cause.__cause__ or cause.__context__
    return False


def outcome_of_status(words: GatewayWords, *, status: int, retry_after_s: float | None, took_s: float) -> Outcome:
    """For an answer without a readable status of the gateway's own."""
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return NotSent(reason=Reason.BUSY, retry_after_s=retry_after_s, words=words)
    if status == httpx.codes.SERVICE_UNAVAILABLE and (retry_after_s is not None or took_s <= EARLY_S):
        return NotSent(reason=Reason.BUSY, retry_after_s=retry_after_s, words=words)
    if status >= 500 or status in (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_EARLY):
        return Unknown(reason=Reason.SERVER_ERROR, words=words)
    if status >= 300:
        return NotSent(reason=Reason.WRONG_ADDRESS, out_of_service=True, words=words)
    return Unknown(reason=Reason.UNREADABLE, words=words)


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds from `now`, from 0 to an hour; None where the header says nothing that can be read."""
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,18}", text):
        seconds = float(text)
    else:
        try:
            at = parsedate_to_datetime(text)
            seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
    return min(max(seconds, 0.0), RETRY_AFTER_LIMIT_S)
