"""What every gateway must hold, as one table-driven suite. A provider brings its fake and its cases.

A case says how the fake behaves and what must come of each number. Beyond the case, `holds` checks what is true of all:
one outcome a number, and what is *certain* is true on the phones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from bridge.domain.outcome import Accepted, NotSent, Outcome, Reason, Rejected, Unknown
from bridge.gateways import Gateway
from bridge.sandbox.msmpusher_modes import Mode

A, B, C = "+233241109433", "+233551234567", "+233201234567"
TEXT = "Disk full on db-1: é ß 世界 & 100 % = 'x' \"y\"\nsecond line"


class Sms(Protocol):
    @property
    def number(self) -> str: ...
    @property
    def text(self) -> str: ...


class Fake(Protocol):
    """A real server that knows what reached a phone, and what it took for later."""

    @property
    def sent(self) -> Sequence[Sms]: ...
    @property
    def scheduled(self) -> Sequence[Sms]: ...


F = TypeVar("F", bound=Fake)
Expected = tuple[type[Outcome], Reason]


@dataclass(frozen=True, kw_only=True)
class Case(Generic[F]):
    """`behave` sets the fake up. `expect` by number; `more` looks closer at the outcomes."""

    name: str
    behave: Callable[[F], object]
    expect: Mapping[str, Expected]
    more: Callable[[Mapping[str, Outcome]], bool] = lambda outcomes: True

    def __str__(self) -> str:
        return self.name

    @property
    def timeout_s(self) -> float:
        """Of the gateway. Where an answer comes, it is waited for: a busy machine must not cut it off."""
        waits_in_vain = any(reason is Reason.NO_ANSWER for _, reason in self.expect.values())
        return 0.2 if waits_in_vain else 10


async def holds(case: Case[F], gateway: Gateway, fake: F) -> None:
    """Runs one case."""
    case.behave(fake)
    numbers = list(case.expect)

    outcomes = await gateway.send(numbers, TEXT)

    assert {number: (type(outcome), outcome.reason) for number, outcome in outcomes.items()} == dict(case.expect)
    assert case.more(outcomes)
    what_is_certain_is_true(outcomes, fake)


def what_is_certain_is_true(outcomes: Mapping[str, Outcome], fake: Fake) -> None:
    """Accepted: the phone has it, once and word for word, or will. Rejected, NotSent: it has not."""
    for number, outcome in outcomes.items():
        texts = [sms.text for sms in [*fake.sent, *fake.scheduled] if sms.number == number]
        match outcome:
            case Accepted():
                assert texts == [TEXT]
            case Rejected() | NotSent():
                assert texts == []
            case Unknown():
                assert len(texts) <= 1


async def takes_no_numbers_as_nothing_to_do(gateway: Gateway) -> None:
    assert await gateway.send([], TEXT) == {}


async def answers_each_status_as_http_says(gateway: Gateway, fake: Any) -> None:
    """A page of HTML, with every status that there may be: nothing of the provider's own is in it."""
    fake.mode = Mode.HTTP_STATUS
    for status in [*range(200, 600), 999]:
        fake.knobs.http_status = status
        outcome = (await gateway.send([A], TEXT))[A]
        assert (type(outcome), outcome.reason) == by_http_alone(status), status


def by_http_alone(status: int) -> Expected:
    """What a status means by itself, whoever the provider is."""
    if status < 300:
        return Unknown, Reason.UNREADABLE
    if status in (429, 503):
        return NotSent, Reason.BUSY
    if status >= 500 or status in (408, 425):
        return Unknown, Reason.SERVER_ERROR
    return NotSent, Reason.WRONG_ADDRESS
