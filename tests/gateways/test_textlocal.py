import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus

import pytest

from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.gateways.textlocal import TextlocalGateway, build
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
from tests.gateways.everywhere import (
    EVERYWHERE,
    LISTED,
    NOT_LISTED,
    TAKEN,
    UNREADABLE,
    Behave,
    in_service,
    out_of_service,
)
from tests.gateways.fake_service import Asked, Decision, FakeService
from tests.gateways.textlocal_service import API_KEY, Textlocal, fails, success, takes

BAD_NUMBER = (Rejected, Reason.BAD_NUMBER)
REFUSED = (Rejected, Reason.REFUSED)
FAILED = (NotSent, Reason.GATEWAY_FAILED)
Build = Callable[..., TextlocalGateway]


@pytest.fixture
async def fake() -> AsyncIterator[FakeService]:
    fake = FakeService(Textlocal())
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def gateway_for() -> AsyncIterator[Build]:
    made: list[TextlocalGateway] = []

    def make(url: str, **more: Any) -> TextlocalGateway:
        defaults = {"api_key": API_KEY, "sender": "bridge", "timeout_s": 10, "now": lambda: datetime.now(UTC)}
        made.append(build(url=url, **{**defaults, **more}))
        return made[-1]

    yield make
    for gateway in made:
        await gateway.aclose()


def decides(decision: Decision) -> Behave:
    return lambda fake: setattr(fake, "decides", lambda asked: decision)


def split(yes: bool) -> Callable[[Mapping[str, Outcome]], bool]:
    return lambda outcomes: all(isinstance(one, Rejected) and one.split is yes for one in outcomes.values())


def certain(code: int, reason: Reason) -> Case[Any]:
    return Case(name=str(code), behave=decides(fails(code)), expect={A: (NotSent, reason)}, more=out_of_service)


CASES: list[Case[FakeService]] = [
    Case(name="a list", behave=lambda fake: None, expect={A: TAKEN, B: TAKEN, C: TAKEN}),
    Case(name="one left out", behave=decides(takes(A, C)), expect={A: TAKEN, B: BAD_NUMBER, C: TAKEN}),
    Case(
        name="one left out, with a warning",
        behave=decides(takes(A, warnings=[{"code": 3, "message": "Invalid number", "numbers": "233551234567"}])),
        expect={A: TAKEN, B: BAD_NUMBER},
    ),
    Case(
        name="a warning, and nobody left out",
        behave=decides(takes(A, warnings=[{"code": 9, "message": "Slow"}])),
        expect={A: TAKEN},
    ),
    Case(name="a recipient as text", behave=decides(takes(A, messages=[{"recipient": A}])), expect={A: TAKEN}),
    Case(
        name="one ours, one that cannot be read",
        behave=decides(takes(A, messages=[{"id": "1", "recipient": 233241109433}, {"id": "2"}])),
        expect={A: TAKEN, B: NOT_LISTED},
    ),
    Case(
        name="one ours, one a stranger's",
        behave=decides(Decision(answer=success([A, "+447820125799"]), takes=[A])),
        expect={A: TAKEN, B: NOT_LISTED},
    ),
    Case(name="a stranger's only", behave=decides(takes("+447820125799")), expect={A: NOT_LISTED}),
    Case(name="an empty list", behave=decides(takes(messages=[])), expect={A: NOT_LISTED}),
    Case(name="no list", behave=decides(takes(A, messages=None)), expect={A: TAKEN}),
    Case(
        name="no list, and a warning",
        behave=decides(takes(A, messages=None, warnings=[{"code": 3}])),
        expect={A: NOT_LISTED},
    ),
    Case(name="no list for a list", behave=decides(takes(A, B, messages=None)), expect={A: NOT_LISTED, B: NOT_LISTED}),
    Case(
        name="test mode",
        behave=decides(Decision(answer=success([A], test_mode=True))),
        expect={A: (NotSent, Reason.ACCOUNT)},
        more=out_of_service,
    ),
    Case(name="success with errors", behave=decides(takes(A, errors=[{"code": 3}])), expect={A: UNREADABLE}),
    Case(name="another status", behave=decides(takes(A, status="queued")), expect={A: UNREADABLE}),
    certain(3, Reason.BAD_KEY),
    certain(7, Reason.NO_BALANCE),
    certain(43, Reason.BAD_SENDER),
    certain(44, Reason.BAD_SENDER),
    Case(name="191", behave=decides(fails(191)), expect={A: FAILED, B: FAILED}, more=in_service),
    Case(name="192", behave=decides(fails("192")), expect={A: FAILED}, more=in_service),
    Case(name="4", behave=decides(fails(4)), expect={A: (Rejected, Reason.MISSING_PARAMETERS)}),
    Case(name="5", behave=decides(fails(5)), expect={A: (Rejected, Reason.EMPTY_TEXT)}),
    Case(name="6", behave=decides(fails(6)), expect={A: REFUSED, B: REFUSED}, more=split(False)),
    Case(name="32", behave=decides(fails(32)), expect={A: BAD_NUMBER}, more=split(False)),
    Case(name="32 for a list", behave=decides(fails(32)), expect={A: BAD_NUMBER, B: BAD_NUMBER}, more=split(True)),
    Case(name="51 for a list", behave=decides(fails(51)), expect={A: BAD_NUMBER, B: BAD_NUMBER}, more=split(True)),
    Case(name="33 for a list", behave=decides(fails(33)), expect={A: REFUSED, B: REFUSED}, more=split(True)),
    Case(
        name="51 and 7: what only an admin can mend counts first",
        behave=decides(fails(51, errors=[{"code": 51}, {"code": 7}])),
        expect={A: (NotSent, Reason.NO_BALANCE)},
        more=out_of_service,
    ),
    Case(name="a new code", behave=decides(Decision(answer=fails(999).answer, takes=[A])), expect={A: UNREADABLE}),
    Case(
        name="51 and a new one", behave=decides(fails(51, errors=[{"code": 51}, {"code": 999}])), expect={A: UNREADABLE}
    ),
    Case(name="a code that is none", behave=decides(fails("x")), expect={A: UNREADABLE}),
    Case(name="a failure without errors", behave=decides(fails(3, errors=[])), expect={A: UNREADABLE}),
    Case(
        name="a failure that names whom it took",
        behave=decides(fails(7, messages=[{"id": 1, "recipient": 233241109433}])),
        expect={A: UNREADABLE},
    ),
    *EVERYWHERE,
    *LISTED,
]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_contract(case: Case[FakeService], fake: FakeService, gateway_for: Build) -> None:
    await holds(case, gateway_for(fake.url, timeout_s=case.timeout_s), fake)

    assert len(fake.calls) <= 1  # never followed, never repeated


async def test_no_numbers_make_no_call(fake: FakeService, gateway_for: Build) -> None:
    await takes_no_numbers_as_nothing_to_do(gateway_for(fake.url))

    assert fake.calls == []


async def test_each_status_means_what_http_says(fake: FakeService, gateway_for: Build) -> None:
    await answers_each_status_as_http_says(gateway_for(fake.url, timeout_s=5), fake)


# the request


async def test_a_form_is_posted_with_digits_only(fake: FakeService, gateway_for: Build) -> None:
    await gateway_for(fake.url).send([A, B], TEXT)

    assert (fake.calls[0].method, fake.calls[0].target) == ("POST", "/send/")
    assert dict(parse_qsl(fake.calls[0].body.decode("ascii"))) == {
        "apikey": API_KEY,
        "sender": "bridge",
        "numbers": "233241109433,233551234567",
        "message": TEXT,
        "unicode": "true",
    }


async def test_only_a_text_that_needs_it_goes_out_as_unicode(fake: FakeService, gateway_for: Build) -> None:
    outcomes = await gateway_for(fake.url).send([A], "Disk full on db-1: é")

    assert outcomes[A].reason is Reason.OK
    assert b"unicode" not in fake.calls[0].body


async def test_a_text_that_is_no_unicode_is_refused_without_a_call(fake: FakeService, gateway_for: Build) -> None:
    assert await gateway_for(fake.url).send([A], "half \ud83d an emoji") == {
        A: Rejected(reason=Reason.MISSING_PARAMETERS)
    }
    assert fake.calls == []


async def test_each_number_has_its_own_id_and_the_balance_is_told(fake: FakeService, gateway_for: Build) -> None:
    outcomes = await gateway_for(fake.url).send([A, B], TEXT)

    assert [outcome.words.sms_id for outcome in outcomes.values()] == ["10", "11"]
    assert outcomes[A].words.balance == 1162


async def test_a_left_out_number_comes_with_the_warning(fake: FakeService, gateway_for: Build) -> None:
    fake.decides = lambda asked: takes(A, warnings=[{"code": 3, "message": "Invalid number"}])

    outcomes = await gateway_for(fake.url).send([A, B], TEXT)

    assert outcomes[B].words.detail == "Invalid number"


async def test_a_batch_id_seen_before_belongs_to_another_call(fake: FakeService, gateway_for: Build) -> None:
    fake.decides = lambda asked: takes(*asked.numbers, batch_id="same")
    gateway = gateway_for(fake.url)

    first = (await gateway.send([A], TEXT))[A]
    second = (await gateway.send([A], TEXT))[A]

    assert isinstance(first, Accepted)
    assert (type(second), second.reason) == (Unknown, Reason.REPEATED_ID)


async def test_an_answer_about_strangers_ends_the_connection(fake: FakeService, gateway_for: Build) -> None:
    gateway = gateway_for(fake.url)

    async def connection(decision: Callable[[Asked], Decision]) -> int:
        fake.decides = decision
        await gateway.send([A], TEXT)
        return fake.calls[-1].connection

    assert await connection(lambda asked: takes(A, batch_id=7)) == 1
    assert await connection(lambda asked: takes("+447820125799", batch_id=8)) == 1
    assert await connection(lambda asked: takes(A, batch_id=9)) == 2


# secrets


async def test_nothing_secret_reaches_a_log_or_the_words_whatever_goes_wrong(
    fake: FakeService, gateway_for: Build, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.get_running_loop().set_debug(True)
    caplog.set_level(logging.DEBUG)
    gateway = gateway_for(fake.url, timeout_s=0.1)
    fake.knobs.huge_bytes = 1024 * 1024
    fake.decides = lambda asked: fails(3, f"bad key {API_KEY} {quote(API_KEY, safe='')} {quote_plus(API_KEY)}")
    seen = [repr(gateway), str(gateway)]

    for mode in Mode:
        fake.mode = mode
        seen.append(repr((await gateway.send([A], TEXT))[A]))

    seen += [f"{record.getMessage()} {record.__dict__!r} {record.exc_text}" for record in caplog.records]
    secrets = {API_KEY, quote(API_KEY, safe=""), quote_plus(API_KEY), A.removeprefix("+"), TEXT, "Disk full"}
    assert [line for line in seen for secret in secrets if secret in line] == []
    assert any("bad key [key] [key] [key]" in line for line in seen)


@pytest.mark.parametrize("url", ["ftp://gateway.example/", "gateway.example/send", "https://", "http://[::1"])
def test_an_address_of_no_use_is_refused_at_the_start(url: str, gateway_for: Build) -> None:
    with pytest.raises(ValueError, match="gateway's address"):
        gateway_for(url)
