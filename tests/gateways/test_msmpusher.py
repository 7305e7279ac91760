import json
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.gateways.msmpusher import METHODS, MsmpusherGateway
from bridge.sandbox.gateway_http import Answer
from bridge.sandbox.msmpusher import Mode, MsmpusherSandbox
from tests.gateways.conftest import PRIVATE_KEY, PUBLIC_KEY, Build
from tests.gateways.contract import TEXT, A, B, C, Case, holds, takes_no_numbers_as_nothing_to_do

Behave = Callable[[MsmpusherSandbox], object]

TAKEN = (Accepted, Reason.OK)
LATER = (Accepted, Reason.SCHEDULED)
BAD_NUMBER = (Rejected, Reason.BAD_NUMBER)
NO_BALANCE = (NotSent, Reason.NO_BALANCE)
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
    def behave(fake: MsmpusherSandbox) -> None:
        fake.mode, fake.knobs.http_status = standing, status

    return behave


def says(body: bytes, status: int = 200, *headers: tuple[str, str], kind: str = "application/json") -> Behave:
    """The SMS goes out, and this comes back."""

    def behave(fake: MsmpusherSandbox) -> None:
        fake.mode = Mode.CUSTOM
        fake.knobs.custom = Answer(body=body, status=status, headers=headers, content_type=kind)

    return behave


def has_bad(number: str, *, sends_the_rest: bool) -> Behave:
    def behave(fake: MsmpusherSandbox) -> None:
        fake.bad_numbers, fake.sends_the_good_ones = {number}, sends_the_rest

    return behave


def failing_with(status: int) -> Behave:
    def behave(fake: MsmpusherSandbox) -> None:
        fake.mode, fake.failure_http_status = Mode.NO_BALANCE, status

    return behave


def out_of_service(outcomes: Mapping[str, Outcome]) -> bool:
    return all(isinstance(outcome, NotSent) and outcome.out_of_service for outcome in outcomes.values())


def in_service(outcomes: Mapping[str, Outcome]) -> bool:
    return all(isinstance(outcome, NotSent) and not outcome.out_of_service for outcome in outcomes.values())


def waits(low: float, high: float) -> Callable[[Mapping[str, Outcome]], bool]:
    return lambda outcomes: all(
        isinstance(outcome, NotSent) and outcome.retry_after_s is not None and low <= outcome.retry_after_s <= high
        for outcome in outcomes.values()
    )


def split(yes: bool) -> Callable[[Mapping[str, Outcome]], bool]:
    return lambda outcomes: all(o.split is yes for o in outcomes.values() if isinstance(o, Rejected))


def bomb(fake: MsmpusherSandbox) -> None:
    fake.mode, fake.knobs.huge_bytes = Mode.GZIP_BOMB, 1024 * 1024


OK = b'{"type": "Message(s) Sent", "status": "1000"}'

CASES: list[Case[MsmpusherSandbox]] = [
    # statuses
    Case(name="1000", behave=mode(Mode.OK), expect={A: TAKEN}),
    Case(name="1000 for a list", behave=mode(Mode.OK), expect={A: TAKEN, B: TAKEN, C: TAKEN}),
    Case(name="1000 as printed on the page", behave=mode(Mode.PRINTED), expect={A: TAKEN, B: TAKEN}),
    Case(name="1000 without a list", behave=mode(Mode.WITHOUT_LIST), expect={A: TAKEN, B: TAKEN}),
    Case(name="1000 that names one of two", behave=mode(Mode.SHORT_LIST), expect={A: TAKEN, B: NOT_LISTED}),
    Case(name="1000 that names a stranger", behave=mode(Mode.STRANGE_LIST), expect={A: NOT_LISTED}),
    Case(name="1001 with a list", behave=mode(Mode.PARTIAL_BALANCE), expect={A: TAKEN, B: NO_BALANCE, C: NO_BALANCE}),
    Case(name="1001 without", behave=mode(Mode.PARTIAL_BALANCE_UNLISTED), expect={A: NOT_LISTED, B: NOT_LISTED}),
    Case(name="1001 for one number", behave=mode(Mode.PARTIAL_BALANCE), expect={A: NOT_LISTED}),
    Case(name="1002", behave=mode(Mode.MISSING), expect={A: (Rejected, Reason.MISSING_PARAMETERS)}),
    Case(name="1003", behave=mode(Mode.NO_BALANCE), expect={A: NO_BALANCE, B: NO_BALANCE}, more=out_of_service),
    Case(name="1003 with 402", behave=failing_with(402), expect={A: NO_BALANCE}, more=out_of_service),
    Case(name="1003 with 500", behave=failing_with(500), expect={A: NO_BALANCE}, more=out_of_service),
    Case(name="1004", behave=mode(Mode.BAD_KEY), expect={A: (NotSent, Reason.BAD_KEY)}, more=out_of_service),
    Case(name="1005", behave=mode(Mode.BAD_NUMBER), expect={A: BAD_NUMBER}, more=split(False)),
    Case(
        name="1005 for a list of which nothing was sent",
        behave=has_bad(B, sends_the_rest=False),
        expect={A: BAD_NUMBER, B: BAD_NUMBER},
        more=split(True),
    ),
    Case(
        name="1005 for a list of which the rest was sent",
        behave=has_bad(B, sends_the_rest=True),
        expect={A: TAKEN, B: BAD_NUMBER, C: TAKEN},
        more=split(True),
    ),
    Case(name="1006", behave=mode(Mode.BAD_SENDER), expect={A: (NotSent, Reason.BAD_SENDER)}, more=out_of_service),
    Case(
        name="1007",
        behave=mode(Mode.SCHEDULED),
        expect={A: LATER},
        more=lambda outcomes: isinstance(outcomes[A], Accepted) and outcomes[A].scheduled,
    ),
    Case(name="1008", behave=mode(Mode.EMPTY), expect={A: (Rejected, Reason.EMPTY_TEXT)}),
    Case(
        name="1009",
        behave=mode(Mode.FAILS),
        expect={A: (NotSent, Reason.GATEWAY_FAILED), B: (NotSent, Reason.GATEWAY_FAILED)},
        more=in_service,
    ),
    Case(name="1010", behave=mode(Mode.NO_MESSAGES), expect={A: UNREADABLE}),
    Case(name="1011", behave=mode(Mode.NEW_STATUS), expect={A: UNREADABLE}),
    Case(name="1000 with 500", behave=says(OK, 500), expect={A: TAKEN}),
    Case(name="1000 with 404", behave=says(OK, 404), expect={A: TAKEN}),
    Case(name="1000 with 302", behave=says(OK, 302, ("Location", "/")), expect={A: TAKEN}),
    # bodies
    Case(name="empty body", behave=mode(Mode.EMPTY_BODY), expect={A: UNREADABLE}),
    Case(name="a page with 200", behave=says(b"<html>1000</html>", kind="text/html"), expect={A: UNREADABLE}),
    Case(name="JSON called HTML", behave=says(OK, kind="text/html"), expect={A: TAKEN}),
    Case(name="UTF-8 called UTF-7", behave=says(OK, kind="text/json; charset=utf-7"), expect={A: TAKEN}),
    Case(name="a charset that is none", behave=says(OK, kind="text/json; charset=\xff"), expect={A: TAKEN}),
    Case(name="byte order mark", behave=says(b"\xef\xbb\xbf" + OK), expect={A: TAKEN}),
    Case(name="UTF-16", behave=says(OK.decode().encode("utf-16")), expect={A: TAKEN}),
    Case(name="a list", behave=says(b"[" + OK + b"]"), expect={A: UNREADABLE}),
    Case(name="a number", behave=says(b"1000"), expect={A: UNREADABLE}),
    Case(name="deeply nested", behave=says(b'{"a":' * 9_000 + b"1" + b"}" * 9_000), expect={A: UNREADABLE}),
    Case(name="two statuses", behave=says(b'{"status": 1000, "code": 1003}'), expect={A: UNREADABLE}),
    Case(name="packed though not asked for", behave=mode(Mode.GZIPPED), expect={A: TAKEN}),
    Case(name="packed, and not really", behave=says(OK, 200, ("Content-Encoding", "gzip")), expect={A: UNREADABLE}),
    Case(name="packed by brotli", behave=says(OK, 200, ("Content-Encoding", "br")), expect={A: UNREADABLE}),
    Case(name="packed bomb", behave=bomb, expect={A: (Unknown, Reason.TOO_LARGE)}),
    Case(name="64 MB", behave=mode(Mode.HUGE), expect={A: (Unknown, Reason.TOO_LARGE), B: (Unknown, Reason.TOO_LARGE)}),
    # HTTP
    Case(name="429 with seconds", behave=mode(Mode.BUSY_SECONDS), expect={A: BUSY, B: BUSY}, more=waits(2, 2)),
    Case(name="429 with a date", behave=mode(Mode.BUSY_DATE), expect={A: BUSY}, more=waits(0, 2)),
    Case(name="429 without", behave=http(429), expect={A: BUSY}, more=in_service),
    Case(name="503 with Retry-After", behave=mode(Mode.UNAVAILABLE_RETRY), expect={A: BUSY}, more=waits(2, 2)),
    Case(name="503 at once", behave=mode(Mode.UNAVAILABLE), expect={A: BUSY}, more=in_service),
    Case(name="502 with a page", behave=mode(Mode.HTML_502), expect={A: SERVER_ERROR, B: SERVER_ERROR}),
    *[Case(name=str(status), behave=http(status), expect={A: SERVER_ERROR}) for status in (408, 425, 500, 504)],
    *[
        Case(name=str(status), behave=http(status), expect={A: WRONG_ADDRESS, B: WRONG_ADDRESS}, more=out_of_service)
        for status in (301, 302, 303, 308, 400, 401, 403, 404, 405, 413, 418)
    ],
    Case(name="a redirect to itself", behave=mode(Mode.REDIRECT), expect={A: WRONG_ADDRESS}, more=out_of_service),
    # the wire
    Case(name="refused", behave=mode(Mode.DOWN), expect={A: (NotSent, Reason.UNREACHABLE)}, more=in_service),
    Case(name="silence after accepting", behave=mode(Mode.TIMEOUT_AFTER_ACCEPT), expect={A: NO_ANSWER, B: NO_ANSWER}),
    Case(name="slow", behave=mode(Mode.SLOW), expect={A: NO_ANSWER}),
    Case(name="hang", behave=mode(Mode.HANG), expect={A: NO_ANSWER}),
    Case(name="drip", behave=mode(Mode.DRIP), expect={A: NO_ANSWER}),
    Case(name="reset before the answer", behave=mode(Mode.RESET_BEFORE), expect={A: CUT, B: CUT}),
    Case(name="reset in the answer", behave=mode(Mode.RESET_IN_ANSWER), expect={A: CUT}),
    Case(name="reset after the answer", behave=mode(Mode.RESET_AFTER), expect={A: TAKEN}),
    Case(name="closed instead of an answer", behave=mode(Mode.CLOSE_BEFORE_ANSWER), expect={A: CUT}),
    Case(name="cut, with 1000 in what came", behave=mode(Mode.CUT), expect={A: CUT}),
    Case(name="cut, and HTTP does not see it", behave=mode(Mode.CUT_WITHOUT_LENGTH), expect={A: UNREADABLE}),
    Case(name="bad chunks", behave=mode(Mode.BAD_CHUNKS), expect={A: CUT}),
    Case(name="two lengths", behave=mode(Mode.BAD_LENGTH), expect={A: CUT}),
    Case(name="not HTTP", behave=mode(Mode.NOT_HTTP), expect={A: CUT}),
    Case(name="two answers", behave=mode(Mode.TWO_ANSWERS), expect={A: TAKEN}),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_contract(case: Case[MsmpusherSandbox], method: str, fake: MsmpusherSandbox, gateway_for: Build) -> None:
    await holds(case, gateway_for(fake.url, method=method), fake)

    assert len(fake.calls) <= 1  # never followed, never repeated


async def test_no_numbers_make_no_call(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    await takes_no_numbers_as_nothing_to_do(gateway_for(fake.url))

    assert fake.calls == []


def test_every_mode_of_the_fake_has_a_case() -> None:
    def standing(case: Case[MsmpusherSandbox]) -> Mode:
        fake = MsmpusherSandbox()
        case.behave(fake)
        return fake.mode

    elsewhere = {Mode.SAME_ID, Mode.LATE_SECOND_ANSWER}  # what they break is the next call: test_transport.py
    assert {standing(case) for case in CASES} | elsewhere == set(Mode)


# the request


FIELDS = {
    "privatekey": PRIVATE_KEY,
    "publickey": PUBLIC_KEY,
    "sender": "bridge",
    "numbers": "233241109433,233551234567",
    "message": TEXT,
}


async def test_json_is_posted_as_the_page_shows(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    await gateway_for(fake.url, method="json").send([A, B], TEXT)
    request = fake.calls[0].request

    assert (request.method, request.target) == ("POST", "/v1/send")
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == FIELDS
    assert "世界".encode() in request.body
    assert request.headers["accept-encoding"] == "identity"


async def test_a_form_is_posted_url_encoded(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    await gateway_for(fake.url, method="form").send([A, B], TEXT)
    request = fake.calls[0].request

    assert (request.method, request.target) == ("POST", "/v1/send")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(request.body.decode("ascii"))) == FIELDS


async def test_get_puts_everything_into_the_query(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    await gateway_for(fake.url + "?v=1", method="get").send([A, B], TEXT)
    request = fake.calls[0].request

    assert request.method == "GET"
    assert request.body == b""
    assert dict(parse_qsl(urlsplit(request.target).query)) == {"v": "1", **FIELDS}


@pytest.mark.parametrize("method", METHODS)
async def test_a_text_that_is_no_unicode_is_refused_without_a_call(
    method: str, fake: MsmpusherSandbox, gateway_for: Build
) -> None:
    outcomes = await gateway_for(fake.url, method=method).send([A], "half \ud83d an emoji")

    assert outcomes == {A: Rejected(reason=Reason.MISSING_PARAMETERS)}
    assert fake.calls == []


async def test_an_address_that_grows_too_long_is_refused_without_a_call(
    fake: MsmpusherSandbox, gateway_for: Build
) -> None:
    numbers = [f"+2332{number:08}" for number in range(6000)]

    outcomes = await gateway_for(fake.url, method="get").send(numbers, TEXT)

    assert set(outcomes.values()) == {Rejected(reason=Reason.MISSING_PARAMETERS)}
    assert fake.calls == []


@pytest.mark.parametrize("method", ["json", "form"])
async def test_a_list_of_thousands_goes_out_in_one_call(
    method: str, fake: MsmpusherSandbox, gateway_for: Build
) -> None:
    numbers = [f"+2332{number:08}" for number in range(3000)]

    outcomes = await gateway_for(fake.url, method=method, timeout_s=5).send(numbers, TEXT)

    assert {type(outcome) for outcome in outcomes.values()} == {Accepted}
    assert [sms.number for sms in fake.sent] == numbers


async def test_a_number_given_twice_is_called_once(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    outcomes = await gateway_for(fake.url).send([A, A], TEXT)

    assert list(outcomes) == [A]
    assert len(fake.sent) == 1


async def test_the_gateway_s_words_come_with_the_outcome(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    fake.mode = Mode.BAD_NUMBER

    words = (await gateway_for(fake.url).send([A], TEXT))[A].words

    assert (words.code, words.type, words.error) == ("1005", "invalid_phone_number", "Invalid phone number")


# a foreign transport may raise anything


class Unforeseen(Exception): ...


@pytest.mark.parametrize("kind", [Unforeseen, MemoryError, httpx.ReadError, httpx.ConnectError])
async def test_whatever_a_transport_raises_each_number_has_its_outcome(
    kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        raise kind(f"{PRIVATE_KEY} {TEXT}")

    gateway = MsmpusherGateway(
        url="https://gateway.example/v1/send",
        private_key=PRIVATE_KEY,
        public_key=PUBLIC_KEY,
        sender="bridge",
        method="json",
        transport=httpx.MockTransport(handle),
        now=lambda: pytest.fail("nobody asked for the time"),
    )

    outcomes = await gateway.send([A, B], TEXT)

    assert {type(outcome) for outcome in outcomes.values()} == {NotSent if kind is httpx.ConnectError else Unknown}
    assert PRIVATE_KEY not in caplog.text
    assert ("Unforeseen" in caplog.text) == (kind is Unforeseen)


@pytest.mark.parametrize(
    ("url", "method"),
    [
        ("ftp://gateway.example/", "json"),
        ("gateway.example/v1/send", "json"),
        ("https://", "json"),
        ("https://gateway.example/", "POST"),
    ],
)
def test_an_address_or_a_method_of_no_use_is_refused_at_the_start(url: str, method: str, gateway_for: Build) -> None:
    with pytest.raises(ValueError, match="gateway's"):
        gateway_for(url, method=method)
