import json
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.gateways.msmpusher import METHODS, MsmpusherGateway
from bridge.sandbox.msmpusher import Mode, MsmpusherSandbox
from tests.gateways.conftest import PRIVATE_KEY, PUBLIC_KEY, Build
from tests.gateways.contract import (
    TEXT,
    A,
    B,
    C,
    Case,
    answers_each_status_as_http_says,
    holds,
    takes_no_numbers_as_nothing_to_do,
)
from tests.gateways.everywhere import (
    EVERYWHERE,
    LISTED,
    NOT_LISTED,
    TAKEN,
    UNREADABLE,
    Behave,
    in_service,
    mode,
    out_of_service,
    says,
)

BAD_NUMBER = (Rejected, Reason.BAD_NUMBER)
LATER = (Accepted, Reason.SCHEDULED)
NO_BALANCE = (NotSent, Reason.NO_BALANCE)


def has_bad(number: str, *, sends_the_rest: bool) -> Behave:
    def behave(fake: MsmpusherSandbox) -> None:
        fake.bad_numbers, fake.sends_the_good_ones = {number}, sends_the_rest

    return behave


def failing_with(status: int) -> Behave:
    def behave(fake: MsmpusherSandbox) -> None:
        fake.mode, fake.failure_http_status = Mode.NO_BALANCE, status

    return behave


def split(yes: bool) -> Callable[[Mapping[str, Outcome]], bool]:
    return lambda outcomes: all(o.split is yes for o in outcomes.values() if isinstance(o, Rejected))


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
    Case(name="JSON called HTML", behave=says(OK, kind="text/html"), expect={A: TAKEN}),
    Case(name="UTF-8 called UTF-7", behave=says(OK, kind="text/json; charset=utf-7"), expect={A: TAKEN}),
    Case(name="a charset that is none", behave=says(OK, kind="text/json; charset=\xff"), expect={A: TAKEN}),
    Case(name="byte order mark", behave=says(b"\xef\xbb\xbf" + OK), expect={A: TAKEN}),
    Case(name="UTF-16", behave=says(OK.decode().encode("utf-16")), expect={A: TAKEN}),
    Case(name="two statuses", behave=says(b'{"status": 1000, "code": 1003}'), expect={A: UNREADABLE}),
    Case(name="packed, and not really", behave=says(OK, 200, ("Content-Encoding", "gzip")), expect={A: UNREADABLE}),
    *EVERYWHERE,
    *LISTED,
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_contract(case: Case[MsmpusherSandbox], method: str, fake: MsmpusherSandbox, gateway_for: Build) -> None:
    await holds(case, gateway_for(fake.url, method=method, timeout_s=case.timeout_s), fake)

    assert len(fake.calls) <= 1  # never followed, never repeated


async def test_no_numbers_make_no_call(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    await takes_no_numbers_as_nothing_to_do(gateway_for(fake.url))

    assert fake.calls == []


async def test_each_status_means_what_http_says(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    await answers_each_status_as_http_says(gateway_for(fake.url, timeout_s=5), fake)


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
