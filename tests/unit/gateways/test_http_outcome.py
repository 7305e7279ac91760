import inspect
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.outcome import GatewayWords, NotSent, Outcome, Reason, Unknown
from bridge.gateways.http_outcome import ERRORS, outcome_of_error, outcome_of_status, retry_after_s
from bridge.gateways.wire import AnswerTooLarge

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
CERTAINLY_NOT_SENT = {
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
}


def foreign_errors() -> list[type[Exception]]:
    """Every exception class that httpx has, public or not, and ours among its subclasses."""
    found: list[type[Exception]] = [httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict]
    found += [kind for _, kind in inspect.getmembers(httpx, inspect.isclass) if issubclass(kind, Exception)]
    seen: set[type[Exception]] = set()
    while found:
        kind = found.pop()
        if kind not in seen:
            seen.add(kind)
            found += kind.__subclasses__()
    return sorted(seen, key=lambda kind: kind.__name__)


def an_error(kind: type[Exception]) -> Exception:
    return kind.__new__(kind)


@pytest.mark.parametrize("kind", foreign_errors(), ids=lambda kind: kind.__name__)
def test_every_exception_of_httpx_has_a_row_of_its_own(kind: type[Exception]) -> None:
    assert kind in ERRORS
    outcome = outcome_of_error(an_error(kind))

    assert isinstance(outcome, NotSent if kind in CERTAINLY_NOT_SENT else Unknown)


def test_the_walk_finds_httpx_s_classes_and_ours() -> None:
    assert {httpx.ReadError, httpx.StreamClosed, httpx.CookieConflict, AnswerTooLarge} <= set(foreign_errors())


def test_no_row_is_left_of_a_class_that_is_gone() -> None:
    assert set(ERRORS) == set(foreign_errors())


def test_a_new_kind_of_a_known_error_counts_as_its_parent() -> None:
    class Newer(httpx.ReadTimeout): ...

    outcome = outcome_of_error(Newer("x"))
    del Newer

    assert outcome == Unknown(reason=Reason.NO_ANSWER)


def test_an_error_of_another_kind_is_not_judged() -> None:
    assert outcome_of_error(KeyError("x")) is None


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (caused(httpx.ConnectError("x"), ssl.SSLCertVerificationError("expired")), NotSent(reason=Reason.BAD_TLS)),
        (
            caused(httpx.ConnectError("x"), caused(OSError("x"), ssl.SSLError("version"))),
            NotSent(reason=Reason.BAD_TLS),
        ),
        (caused(httpx.ConnectError("x"), ssl.SSLEOFError("gone")), NotSent(reason=Reason.UNREACHABLE)),
        (caused(httpx.ConnectError("x"), ConnectionRefusedError("no")), NotSent(reason=Reason.UNREACHABLE)),
        (caused(httpx.ReadError("x"), ssl.SSLError("bad record")), Unknown(reason=Reason.CUT)),
    ],
)
def test_only_a_failed_handshake_is_bad_tls(error: Exception, outcome: Outcome) -> None:
    assert outcome_of_error(error) == outcome


@pytest.mark.parametrize(
    ("status", "retry_after", "took_s", "outcome"),
    [
        (429, None, 9.0, NotSent(reason=Reason.BUSY)),
        (429, 7.0, 0.1, NotSent(reason=Reason.BUSY, retry_after_s=7.0)),
        (503, 7.0, 9.0, NotSent(reason=Reason.BUSY, retry_after_s=7.0)),
        (503, None, 2.0, NotSent(reason=Reason.BUSY)),
        (503, None, 2.1, Unknown(reason=Reason.SERVER_ERROR)),
        (500, 7.0, 0.1, Unknown(reason=Reason.SERVER_ERROR)),
        (502, None, 0.1, Unknown(reason=Reason.SERVER_ERROR)),
        (599, None, 0.1, Unknown(reason=Reason.SERVER_ERROR)),
        (408, None, 0.1, Unknown(reason=Reason.SERVER_ERROR)),
        (425, None, 0.1, Unknown(reason=Reason.SERVER_ERROR)),
        (300, None, 0.1, NotSent(reason=Reason.WRONG_ADDRESS, out_of_service=True)),
        (307, None, 0.1, NotSent(reason=Reason.WRONG_ADDRESS, out_of_service=True)),
        (400, None, 0.1, NotSent(reason=Reason.WRONG_ADDRESS, out_of_service=True)),
        (404, None, 0.1, NotSent(reason=Reason.WRONG_ADDRESS, out_of_service=True)),
        (451, None, 0.1, NotSent(reason=Reason.WRONG_ADDRESS, out_of_service=True)),
        (200, None, 0.1, Unknown(reason=Reason.UNREADABLE)),
        (204, None, 0.1, Unknown(reason=Reason.UNREADABLE)),
    ],
)
def test_an_http_status_alone_says_what_http_promises(
    status: int, retry_after: float | None, took_s: float, outcome: Outcome
) -> None:
    found = outcome_of_status(GatewayWords(), status=status, retry_after_s=retry_after, took_s=took_s)

    assert found == outcome


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("30", 30.0),
        (" 0 ", 0.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣٠", None),
        ("999999999", 3600.0),
        ("9" * 40, None),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=9), usegmt=True), 0.0),
        (format_datetime(NOW + timedelta(days=9), usegmt=True), 3600.0),
        ("Mon, 05 Jan 2026 09:01:00 -0000", 60.0),
        ("Mon, 05 Jan 2026 10:01:00 +0100", 60.0),
        ("Mon, 99 Jan 2026 09:01:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date_and_kept_sane(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


DATE_PIECES = st.sampled_from(
    ["Mon,", "05", "99", "0", "Jan", "2026", "99999", "09:01:00", "9:9", "-1", "GMT", "+9999"]
)


@settings(derandomize=True, max_examples=150)
@given(st.text() | st.lists(DATE_PIECES).map(" ".join))
def test_any_retry_after_gives_at_most_an_hour_or_nothing(value: str) -> None:
    seconds = retry_after_s(value, NOW)

    assert seconds is None or 0 <= seconds <= 3600
