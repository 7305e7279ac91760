"""What can go wrong with any gateway over HTTP, and what must come of it: each provider's suite runs these rows, too.

A fake takes part by having `mode` and `knobs`, as the sandbox of MSMPUSHER has.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Unknown
from bridge.sandbox.gateway_http import Answer
from bridge.sandbox.msmpusher_modes import Mode
from tests.gateways.contract import A, B, Case

Behave = Callable[[Any], object]
More = Callable[[Mapping[str, Outcome]], bool]

TAKEN = (Accepted, Reason.OK)
BUSY = (NotSent, Reason.BUSY)
WRONG_ADDRESS = (NotSent, Reason.WRONG_ADDRESS)
NOT_LISTED = (Unknown, Reason.NOT_LISTED)
NO_ANSWER = (Unknown, Reason.NO_ANSWER)
CUT = (Unknown, Reason.CUT)
UNREADABLE = (Unknown, Reason.UNREADABLE)
SERVER_ERROR = (Unknown, Reason.SERVER_ERROR)


def mode(mode: Mode) -> Behave:
    return lambda fake: setattr(fake, "mode", mode)


def http(status: int, standing: Mode = Mode.HTTP_STATUS) -> Behave:
    def behave(fake: Any) -> None:
        fake.mode, fake.knobs.http_status = standing, status

    return behave


def says(body: bytes, status: int = 200, *headers: tuple[str, str], kind: str = "application/json") -> Behave:
    """The SMS goes out, and this comes back."""

    def behave(fake: Any) -> None:
        fake.mode = Mode.CUSTOM
        fake.knobs.custom = Answer(body=body, status=status, headers=headers, content_type=kind)

    return behave


def out_of_service(outcomes: Mapping[str, Outcome]) -> bool:
    return all(isinstance(outcome, NotSent) and outcome.out_of_service for outcome in outcomes.values())


def in_service(outcomes: Mapping[str, Outcome]) -> bool:
    return all(isinstance(outcome, NotSent) and not outcome.out_of_service for outcome in outcomes.values())


def waits(low: float, high: float) -> More:
    return lambda outcomes: all(
        isinstance(outcome, NotSent) and outcome.retry_after_s is not None and low <= outcome.retry_after_s <= high
        for outcome in outcomes.values()
    )


def bomb(fake: Any) -> None:
    fake.mode, fake.knobs.huge_bytes = Mode.GZIP_BOMB, 1024 * 1024


EVERYWHERE: list[Case[Any]] = [
    Case(name="taken", behave=mode(Mode.OK), expect={A: TAKEN}),
    # bodies
    Case(name="empty body", behave=mode(Mode.EMPTY_BODY), expect={A: UNREADABLE}),
    Case(name="a page with 200", behave=says(b"<html>1000</html>", kind="text/html"), expect={A: UNREADABLE}),
    Case(name="a list", behave=says(b'[{"status": 1000}]'), expect={A: UNREADABLE}),
    Case(name="a number", behave=says(b"1000"), expect={A: UNREADABLE}),
    Case(name="null", behave=says(b"null"), expect={A: UNREADABLE}),
    Case(name="bytes", behave=says(bytes(range(256))), expect={A: UNREADABLE}),
    Case(name="deeply nested", behave=says(b'{"a":' * 9_000 + b"1" + b"}" * 9_000), expect={A: UNREADABLE}),
    Case(name="a deep list", behave=says(b"[" * 9_000 + b"]" * 9_000), expect={A: UNREADABLE}),
    Case(name="an endless number", behave=says(b'{"status": ' + b"1" * 9_000 + b"}"), expect={A: UNREADABLE}),
    Case(name="packed though not asked for", behave=mode(Mode.GZIPPED), expect={A: TAKEN}),
    Case(name="packed, and not really", behave=says(b"{}", 200, ("Content-Encoding", "gzip")), expect={A: UNREADABLE}),
    Case(name="packed by brotli", behave=says(b"{}", 200, ("Content-Encoding", "br")), expect={A: UNREADABLE}),
    Case(name="packed bomb", behave=bomb, expect={A: (Unknown, Reason.TOO_LARGE)}),
    Case(name="64 MB", behave=mode(Mode.HUGE), expect={A: (Unknown, Reason.TOO_LARGE)}),
    # HTTP
    Case(name="429 with seconds", behave=mode(Mode.BUSY_SECONDS), expect={A: BUSY}, more=waits(2, 2)),
    Case(name="429 with a date", behave=mode(Mode.BUSY_DATE), expect={A: BUSY}, more=waits(0, 2)),
    Case(name="429 without", behave=http(429), expect={A: BUSY}, more=in_service),
    Case(name="503 with Retry-After", behave=mode(Mode.UNAVAILABLE_RETRY), expect={A: BUSY}, more=waits(2, 2)),
    Case(name="503 at once", behave=mode(Mode.UNAVAILABLE), expect={A: BUSY}, more=in_service),
    Case(name="502 with a page", behave=mode(Mode.HTML_502), expect={A: SERVER_ERROR}),
    *[Case(name=str(status), behave=http(status), expect={A: SERVER_ERROR}) for status in (408, 425, 500, 504)],
    *[
        Case(name=str(status), behave=http(status), expect={A: WRONG_ADDRESS}, more=out_of_service)
        for status in (301, 302, 303, 308, 400, 401, 403, 404, 405, 413, 418)
    ],
    Case(name="a redirect to itself", behave=mode(Mode.REDIRECT), expect={A: WRONG_ADDRESS}, more=out_of_service),
    # the wire
    Case(name="refused", behave=mode(Mode.DOWN), expect={A: (NotSent, Reason.UNREACHABLE)}, more=in_service),
    Case(name="silence after accepting", behave=mode(Mode.TIMEOUT_AFTER_ACCEPT), expect={A: NO_ANSWER}),
    Case(name="slow", behave=mode(Mode.SLOW), expect={A: NO_ANSWER}),
    Case(name="hang", behave=mode(Mode.HANG), expect={A: NO_ANSWER}),
    Case(name="drip", behave=mode(Mode.DRIP), expect={A: NO_ANSWER}),
    Case(name="reset before the answer", behave=mode(Mode.RESET_BEFORE), expect={A: CUT}),
    Case(name="reset in the answer", behave=mode(Mode.RESET_IN_ANSWER), expect={A: CUT}),
    Case(name="reset after the answer", behave=mode(Mode.RESET_AFTER), expect={A: TAKEN}),
    Case(name="closed instead of an answer", behave=mode(Mode.CLOSE_BEFORE_ANSWER), expect={A: CUT}),
    Case(name="cut, with the status in what came", behave=mode(Mode.CUT), expect={A: CUT}),
    Case(name="cut, and HTTP does not see it", behave=mode(Mode.CUT_WITHOUT_LENGTH), expect={A: UNREADABLE}),
    Case(name="bad chunks", behave=mode(Mode.BAD_CHUNKS), expect={A: CUT}),
    Case(name="two lengths", behave=mode(Mode.BAD_LENGTH), expect={A: CUT}),
    Case(name="not HTTP", behave=mode(Mode.NOT_HTTP), expect={A: CUT}),
    Case(name="two answers", behave=mode(Mode.TWO_ANSWERS), expect={A: TAKEN}),
]

LISTED: list[Case[Any]] = [
    Case(name=f"{case.name}, for a list", behave=case.behave, expect={A: case.expect[A], B: case.expect[A]})
    for case in EVERYWHERE
    if case.name in {"taken", "64 MB", "429 with seconds", "502 with a page", "404", "silence after accepting"}
    or case.name.startswith(("reset before", "refused"))
]
"""The same for more than one number in a call: what is not about one of them is about all."""
