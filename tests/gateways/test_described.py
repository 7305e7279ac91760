"""The worked examples of docs/gateways.md against local servers that answer as the services' documentation says."""

import asyncio
import base64
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.gateways.described import DescribedGateway, build
from bridge.gateways.described.file import read
from bridge.sandbox.gateway_http import Answer
from bridge.sandbox.msmpusher_modes import Mode
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
from tests.gateways.described_services import SECRETS, AfricasTalking, Twilio, Vonage
from tests.gateways.everywhere import EVERYWHERE, LISTED, NOT_LISTED, TAKEN, UNREADABLE, Behave, out_of_service
from tests.gateways.examples import at, example, names
from tests.gateways.fake_service import Decision, FakeService

SERVICES: dict[str, Any] = {"twilio": Twilio, "vonage": Vonage, "africastalking": AfricasTalking}
BAD_NUMBER = (Rejected, Reason.BAD_NUMBER)
REFUSED = (Rejected, Reason.REFUSED)
FAILED = (NotSent, Reason.GATEWAY_FAILED)
BUSY = (NotSent, Reason.BUSY)

Start = Callable[..., Any]


def decides(decision: Decision) -> Behave:
    return lambda fake: setattr(fake, "decides", lambda asked: decision)


def out(name: str, decision: Decision, reason: Reason) -> Case[FakeService]:
    return Case(name=name, behave=decides(decision), expect={A: (NotSent, reason)}, more=out_of_service)


def twilio(code: int, expected: tuple[type[Outcome], Reason], status: int = 400) -> Case[FakeService]:
    return Case(name=str(code), behave=decides(Twilio.refuses(code, status)), expect={A: expected})


def vonage(status: int, expected: tuple[type[Outcome], Reason]) -> Case[FakeService]:
    return Case(name=str(status), behave=decides(Vonage.refuses(status)), expect={A: expected})


def recipients(codes: dict[str, int], name: str, expect: Mapping[str, Any]) -> Case[FakeService]:
    takes = [number for number, code in codes.items() if code < 200]
    decision = Decision(answer=AfricasTalking.recipients(codes), takes=takes)
    return Case(name=name, behave=decides(decision), expect=expect)


CASES: dict[str, list[Case[FakeService]]] = {
    "twilio": [
        out("20003", Twilio.refuses(20003, 401), Reason.BAD_KEY),
        out("20005", Twilio.refuses(20005, 403), Reason.ACCOUNT),
        out("21606", Twilio.refuses(21606), Reason.BAD_SENDER),
        out("21212", Twilio.refuses(21212), Reason.BAD_SENDER),
        twilio(20429, BUSY, 429),
        twilio(21611, BUSY, 429),
        twilio(21211, BAD_NUMBER),
        twilio(21614, BAD_NUMBER),
        twilio(21602, (Rejected, Reason.EMPTY_TEXT)),
        twilio(21610, REFUSED),
        twilio(21408, REFUSED, 403),
        twilio(20500, (Unknown, Reason.SERVER_ERROR), 500),
    ],
    "vonage": [
        vonage(1, BUSY),
        vonage(2, (Rejected, Reason.MISSING_PARAMETERS)),
        vonage(3, REFUSED),
        vonage(5, UNREADABLE),
        vonage(6, BAD_NUMBER),
        vonage(7, REFUSED),
        vonage(12, REFUSED),
        vonage(99, UNREADABLE),
        out("4", Vonage.refuses(4), Reason.BAD_KEY),
        out("8", Vonage.refuses(8), Reason.ACCOUNT),
        out("9", Vonage.refuses(9), Reason.NO_BALANCE),
        out("15", Vonage.refuses(15), Reason.BAD_SENDER),
        Case(
            name="all parts of a long text",
            behave=decides(Decision(answer=Vonage.parts(A, [0, 0, 0]), takes=[A])),
            expect={A: TAKEN},
        ),
        Case(
            name="one part of a long text",
            behave=decides(Decision(answer=Vonage.parts(A, [0, 1]), takes=[A])),
            expect={A: UNREADABLE},
        ),
        Case(name="no parts", behave=decides(Decision(answer=Vonage.parts(A, []))), expect={A: UNREADABLE}),
    ],
    "africastalking": [
        recipients({A: 100, B: 101, C: 102}, "100, 101, 102", {A: TAKEN, B: TAKEN, C: TAKEN}),
        recipients({A: 101, B: 403, C: 406}, "101, 403, 406", {A: TAKEN, B: BAD_NUMBER, C: REFUSED}),
        recipients({A: 402}, "402", {A: (NotSent, Reason.BAD_SENDER)}),
        recipients({A: 404, B: 409}, "404, 409", {A: BAD_NUMBER, B: REFUSED}),
        recipients({A: 101, B: 405}, "101, 405", {A: TAKEN, B: (NotSent, Reason.NO_BALANCE)}),
        recipients({A: 407, B: 502}, "407, 502", {A: FAILED, B: FAILED}),
        recipients({A: 401, B: 500, C: 501}, "401, 500, 501", {A: UNREADABLE, B: UNREADABLE, C: UNREADABLE}),
        recipients({A: 101}, "one left out", {A: TAKEN, B: NOT_LISTED}),
        recipients({"+447820125799": 101}, "a stranger", {A: NOT_LISTED, B: NOT_LISTED}),
        out("InvalidSenderId", AfricasTalking.refuses("InvalidSenderId"), Reason.BAD_SENDER),
        Case(name="nobody", behave=decides(AfricasTalking.refuses("Sent to 0/1")), expect={A: UNREADABLE}),
        out(
            "a wrong key",
            Decision(answer=Answer(body=b"The supplied authentication is invalid", status=401)),
            Reason.BAD_KEY,
        ),
        *LISTED,
    ],
}
TABLE = [(name, case) for name, cases in CASES.items() for case in [*cases, *EVERYWHERE]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a service's server and builds the gateway of the page's example, which calls it."""
    running: list[Any] = []
    ids = (f"id-{number}" for number in itertools.count(1))

    async def begin(name: str, *, timeout_s: float = 10, **values: str) -> tuple[FakeService, DescribedGateway]:
        fake = FakeService(SERVICES[name]())
        await fake.start()
        described = read(at(example(name), fake.origin), values={**SECRETS, **values}, used=[name])[name]
        gateway = build(described, make_id=lambda: next(ids), now=lambda: datetime.now(UTC), timeout_s=timeout_s)
        running.extend([gateway.aclose, fake.stop])
        return fake, gateway

    yield begin
    for end in running:
        await end()


def test_each_example_of_the_page_is_run_here() -> None:
    assert sorted(names()) == sorted(SERVICES) == sorted(CASES)


@pytest.mark.parametrize(("name", "case"), TABLE, ids=[f"{name}: {case}" for name, case in TABLE])
async def test_contract(name: str, case: Case[FakeService], start: Start) -> None:
    fake, gateway = await start(name, timeout_s=case.timeout_s)

    await holds(case, gateway, fake)

    assert len(fake.calls) <= 1  # never followed, never repeated


@pytest.mark.parametrize("name", SERVICES)
async def test_no_numbers_make_no_call(name: str, start: Start) -> None:
    fake, gateway = await start(name)

    await takes_no_numbers_as_nothing_to_do(gateway)

    assert fake.calls == []


@pytest.mark.parametrize("name", SERVICES)
async def test_each_status_means_what_http_says(name: str, start: Start) -> None:
    fake, gateway = await start(name, timeout_s=5)

    await answers_each_status_as_http_says(gateway, fake)


@pytest.mark.parametrize("name", SERVICES)
async def test_the_words_and_the_id_come_with_an_acceptance(name: str, start: Start) -> None:
    fake, gateway = await start(name)

    words = (await gateway.send([A], TEXT))[A].words

    assert words.sms_id
    assert words.sms_id in fake.service.accept(asked_first(fake), 1).body.decode()
    assert words.balance == (15.5359 if name == "vonage" else None)


def asked_first(fake: FakeService) -> Any:
    return fake.service.read(fake.calls[0])


@pytest.mark.parametrize(
    ("name", "key"),
    [("twilio", "TWILIO_AUTH_TOKEN"), ("vonage", "VONAGE_API_SECRET"), ("africastalking", "AT_API_KEY")],
)
async def test_a_wrong_key_puts_the_gateway_out(name: str, key: str, start: Start) -> None:
    fake, gateway = await start(name, **{key: "wrong"})

    outcome = (await gateway.send([A], TEXT))[A]

    assert (type(outcome), outcome.reason) == (NotSent, Reason.BAD_KEY)
    assert fake.sent == []


@pytest.mark.parametrize("name", SERVICES)
async def test_a_text_that_is_no_unicode_is_refused_without_a_call(name: str, start: Start) -> None:
    fake, gateway = await start(name)

    assert await gateway.send([A], "half \ud83d an emoji") == {A: Rejected(reason=Reason.MISSING_PARAMETERS)}
    assert fake.calls == []


async def test_each_call_has_an_id_of_its_own(start: Start) -> None:
    fake, gateway = await start("vonage")

    for _ in range(3):
        await gateway.send([A], TEXT)

    assert fake.service.references == ["id-1", "id-2", "id-3"]


async def test_a_list_goes_out_in_one_call(start: Start) -> None:
    fake, gateway = await start("africastalking")

    outcomes = await gateway.send([A, B, C], TEXT)

    assert {type(outcome) for outcome in outcomes.values()} == {Accepted}
    assert len(fake.calls) == 1
    assert [outcome.words.sms_id for outcome in outcomes.values()] == ["ATXid_1_0", "ATXid_1_1", "ATXid_1_2"]


@pytest.mark.parametrize("name", SERVICES)
async def test_an_id_seen_before_belongs_to_another_call(name: str, start: Start) -> None:
    fake, gateway = await start(name)
    await gateway.send([A], TEXT)
    again = fake.service.accept(asked_first(fake), 1)
    fake.decides = lambda asked: Decision(answer=again, takes=[A])

    outcome = (await gateway.send([A], TEXT))[A]

    assert (type(outcome), outcome.reason) == (Unknown, Reason.REPEATED_ID)


def written(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), quote_plus(secret)}


@pytest.mark.parametrize("name", SERVICES)
async def test_nothing_secret_reaches_a_log_or_the_words_whatever_goes_wrong(
    name: str, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.get_running_loop().set_debug(True)
    caplog.set_level(logging.DEBUG)
    fake, gateway = await start(name, timeout_s=0.1)
    fake.knobs.huge_bytes = 1024 * 1024
    pair = f"{SECRETS['TWILIO_ACCOUNT_SID']}:{SECRETS['TWILIO_AUTH_TOKEN']}"
    basic = base64.b64encode(pair.encode()).decode()
    echo = " ".join(form for secret in [*SECRETS.values(), basic] for form in sorted(written(secret)))
    described = read(example(name), values=SECRETS, used=[name])[name]
    seen = [repr(gateway), str(gateway), repr(described)]

    for mode in Mode:
        fake.mode = mode
        seen.append(repr((await gateway.send([A], TEXT))[A]))
    if name == "twilio":
        fake.mode, fake.decides = Mode.OK, lambda asked: Twilio.refuses(20003, 401, echo)
        seen.append(repr((await gateway.send([A], TEXT))[A]))
        assert "[key]" in seen[-1]

    seen += [f"{record.getMessage()} {record.__dict__!r} {record.exc_text}" for record in caplog.records]
    ours = [secret for key, secret in SECRETS.items() if f"${{{key}}}" in example(name)]
    secrets = {form for secret in [*ours, basic] for form in written(secret)} | {A.removeprefix("+"), TEXT, "Disk full"}
    assert [line for line in seen for secret in secrets if secret in line] == []
