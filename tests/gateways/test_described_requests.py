"""Gateways that a file describes: what goes out, for any text, and a provider that answers in plain text."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.outcome import Accepted, NotSent, Reason, Rejected
from bridge.domain.segments import Encoding, split
from bridge.gateways.described import DescribedGateway, build
from bridge.gateways.described.file import read
from bridge.sandbox.gateway_http import Answer, RawRequest
from tests.gateways.contract import TEXT, A, B, C, Case, answers_each_status_as_http_says, holds
from tests.gateways.everywhere import EVERYWHERE, LISTED, TAKEN, Behave, out_of_service
from tests.gateways.fake_service import Asked, Decision, FakeService

RULES = 'rules = [{ http = 200, outcome = "accepted" }]\nurl = "https://sms.example.org/send?v=1"\nsender = "Op & s"\n'

BODIES = {
    "form": 'form = { to = "{numbers}", from = "{sender}", text = "{text}", key = "${KEY}", u = "{unicode}" }',
    "query": 'query = { to = "{numbers}", from = "{sender}", text = "{text}", key = "${KEY}", u = "{unicode}" }',
    "json": 'json = { to = "{numbers}", from = "{sender}", text = "{text}", key = "${KEY}", u = "{unicode}" }',
    "get": 'method = "GET"\nquery = { to = "{numbers}", from = "{sender}", text = "{text}", key = "${KEY}", '
    'u = "{unicode}" }',
}
KEY = 'a"key\\ & {text} = ☂'
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


class Recorded(httpx.AsyncBaseTransport):
    """Takes everything, sends nothing."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200)


def described(text: str, transport: httpx.AsyncBaseTransport) -> DescribedGateway:
    description = read("[gateways.ours]\n" + RULES + text, values={"KEY": KEY}, used=["ours"])["ours"]
    return DescribedGateway(description, transport=transport, make_id=lambda: "an-id", now=lambda: datetime.now(UTC))


def parameters(request: httpx.Request) -> dict[str, str]:
    """What a server reads."""
    if request.headers.get("content-type") == "application/json":
        found: dict[str, str] = json.loads(request.content)
        return found
    in_body = request.content.decode("ascii")
    return dict(parse_qsl(in_body or urlsplit(str(request.url)).query, keep_blank_values=True, errors="strict"))


@pytest.mark.parametrize("kind", BODIES)
@given(text=ANY_TEXT)
async def test_any_text_goes_through_each_kind_of_body_unharmed(kind: str, text: str) -> None:
    transport = Recorded()
    gateway = described(BODIES[kind], transport)

    outcomes = await gateway.send([A, B], text)

    if kind in ("query", "get") and outcomes[A] == Rejected(reason=Reason.MISSING_PARAMETERS):
        assert len(text) > 5_000  # no address is that long
        return
    found = parameters(transport.requests[0])
    found.pop("v", None)
    unicode = str(split(text).encoding is Encoding.UCS2).lower()
    assert found == {"to": f"{A},{B}", "from": "Op & s", "text": text, "key": KEY, "u": unicode}


async def test_a_query_goes_beside_what_the_address_has_and_beside_a_body() -> None:
    transport = Recorded()
    gateway = described(
        'query = { id = "{id}" }\nform = { to = "{number}", text = "{text}" }\n'
        'headers = { X-Id = "{id}", accept = "*/*" }',
        transport,
    )

    await gateway.send([A], "x")

    request = transport.requests[0]
    assert (request.method, str(request.url)) == ("POST", "https://sms.example.org/send?v=1&id=an-id")
    assert request.content == b"to=%2B233241109433&text=x"
    assert (request.headers["x-id"], request.headers["accept"]) == ("an-id", "*/*")
    assert request.headers["accept-encoding"] == "identity"


async def test_in_a_list_of_json_there_is_one_for_each_number() -> None:
    transport = Recorded()
    gateway = described(
        'plus = false\nbatch = 9\njson = { messages = [{ text = "{text}", to = [{ number = "{number}" }] }] }',
        transport,
    )

    await gateway.send([A, B], "x")

    assert json.loads(transport.requests[0].content) == {
        "messages": [{"text": "x", "to": [{"number": "233241109433"}, {"number": "233551234567"}]}]
    }


# a provider that answers in plain text

PLAIN = """
[gateways.plain]
url = "{origin}/send"
method = "GET"
plus = false
batch = 10
query = {{ key = "${{KEY}}", to = "{{numbers}}", text = "{{text}}" }}
rules = [
  {{ http = 200, text = ["~OK [0-9]{{8}}", "OK"], outcome = "accepted" }},
  {{ http = 200, text = "LATER", outcome = "scheduled" }},
  {{ text = "~ERR (10|11).*", outcome = "out_of_service", reason = "no_balance" }},
  {{ text = "ERR 12", outcome = "rejected", reason = "bad_number" }},
  {{ text = "~ERR 2.*", outcome = "not_sent" }},
]
"""


class Plain:
    path = "/send"

    def read(self, request: RawRequest) -> Asked | Answer:
        found = dict(parse_qsl(urlsplit(request.target).query, strict_parsing=True, errors="strict"))
        if request.method != "GET" or found.keys() != {"key", "to", "text"} or found["key"] != KEY:
            return Answer(body=b"ERR 10 key", content_type="text/plain")
        return Asked(numbers=tuple(f"+{one}" for one in found["to"].split(",")), text=found["text"])

    def accept(self, asked: Asked, call: int) -> Answer:
        return Answer(body=f"OK {call:08}\r\n".encode(), content_type="text/plain")


def answers(text: bytes, *takes: str, status: int = 200) -> Behave:
    decision = Decision(answer=Answer(body=text, status=status, content_type="text/plain"), takes=takes)
    return lambda fake: setattr(fake, "decides", lambda asked: decision)


CASES: list[Case[Any]] = [
    Case(name="OK", behave=answers(b"OK", A, B, C), expect={A: TAKEN, B: TAKEN, C: TAKEN}),
    Case(name="LATER", behave=answers(b"LATER", A), expect={A: (Accepted, Reason.SCHEDULED)}),
    Case(
        name="ERR 11",
        behave=answers(b"ERR 11 no credit", status=402),
        expect={A: (NotSent, Reason.NO_BALANCE), B: (NotSent, Reason.NO_BALANCE)},
        more=out_of_service,
    ),
    Case(
        name="ERR 12",
        behave=answers(b"ERR 12"),
        expect={A: (Rejected, Reason.BAD_NUMBER), B: (Rejected, Reason.BAD_NUMBER)},
        more=lambda outcomes: all(isinstance(one, Rejected) and one.split for one in outcomes.values()),
    ),
    Case(name="ERR 20", behave=answers(b"ERR 20"), expect={A: (NotSent, Reason.GATEWAY_FAILED)}),
    *EVERYWHERE,
    *LISTED,
]


@pytest.fixture
def timeout_s() -> float:
    return 10


@pytest.fixture
async def plain(timeout_s: float) -> AsyncIterator[tuple[FakeService, DescribedGateway]]:
    fake = FakeService(Plain())
    await fake.start()
    found = read(PLAIN.format(origin=fake.origin), values={"KEY": KEY}, used=["plain"])["plain"]
    gateway = build(found, make_id=lambda: "an-id", now=lambda: datetime.now(UTC), timeout_s=timeout_s)
    yield fake, gateway
    await gateway.aclose()
    await fake.stop()


@pytest.mark.parametrize(("case", "timeout_s"), [(case, case.timeout_s) for case in CASES], ids=map(str, CASES))
async def test_contract(case: Case[Any], plain: tuple[FakeService, DescribedGateway]) -> None:
    fake, gateway = plain

    await holds(case, gateway, fake)

    assert len(fake.calls) <= 1


async def test_each_status_means_what_http_says(plain: tuple[FakeService, DescribedGateway]) -> None:
    await answers_each_status_as_http_says(plain[1], plain[0])


async def test_an_address_that_grows_too_long_is_refused_without_a_call(
    plain: tuple[FakeService, DescribedGateway],
) -> None:
    outcomes = await plain[1].send([A], TEXT * 2_000)

    assert outcomes == {A: Rejected(reason=Reason.MISSING_PARAMETERS)}
    assert plain[0].calls == []


@given(body=st.binary(), status=st.integers(200, 599))
async def test_any_answer_gives_an_outcome(body: bytes, status: int) -> None:
    class Says(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(status, content=body)

    outcomes = await described(BODIES["form"], Says()).send([A, B], "x")

    assert list(outcomes) == [A, B]
