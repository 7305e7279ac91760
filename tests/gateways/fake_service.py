"""A provider's server on loopback: what it reads and says is the provider's, what goes wrong on the wire is ours.

fake = FakeService(Textlocal())     # a `Service`: reads requests, says yes
await fake.start()
fake.mode = Mode.RESET_BEFORE       # any mode that is about the wire
fake.decides = lambda asked: Decision(answer=…, takes=asked.numbers)    # what the provider itself says
"""

import asyncio
import ssl as tls
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.sandbox.gateway_faults import Knobs, page
from bridge.sandbox.gateway_http import Answer, Listener, RawRequest, Wire
from bridge.sandbox.msmpusher_modes import BREAKS_WITHOUT_SENDING, FAULTS, Mode


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a request asks for; numbers with `+`."""

    numbers: tuple[str, ...]
    text: str
    sender: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What is said, and whose phones buzz."""

    answer: Answer
    takes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """An SMS that reached a phone."""

    number: str
    text: str
    sender: str


class Service(Protocol):
    """One provider, as its documentation says."""

    path: str

    def read(self, request: RawRequest) -> Asked | Answer:
        """What is asked for; an Answer where the request breaks the provider's rules."""
        ...

    def accept(self, asked: Asked, call: int) -> Answer:
        """What it says when it takes all of it. `call` counts from 1: ids differ from call to call."""
        ...


class FakeService:
    """The server. Runs in the event loop that starts it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._mode = Mode.OK
        self.knobs = Knobs(slow_s=1.0, drip_s=0.1)
        self.decides: Callable[[Asked], Decision] | None = None
        self.calls: list[RawRequest] = []
        self.sent: list[Taken] = []
        self.scheduled: list[Taken] = []
        self._listener = Listener(self._received)
        self._scheme = "http"
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, ssl: tls.SSLContext | None = None) -> None:
        self._scheme = "https" if ssl else "http"
        await self._listener.start("127.0.0.1", 0, ssl)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))
        await self._listener.stop()

    @property
    def mode(self) -> Mode:
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        was, self._mode = self._mode, mode
        if mode is Mode.DOWN:
            self._listener.refuse()
        elif was is Mode.DOWN:
            self._listener.accept()

    @property
    def origin(self) -> str:
        """Such as `http://127.0.0.1:8123`."""
        return f"{self._scheme}://127.0.0.1:{self._listener.port}"

    @property
    def url(self) -> str:
        return self.origin + self.service.path

    def _received(self, request: RawRequest, wire: Wire) -> None:
        self.calls.append(request)
        asked = self._read(request)
        if isinstance(asked, Answer):
            wire.write(asked.whole())
            return
        if self.mode in BREAKS_WITHOUT_SENDING:
            answer = page(500)
        else:
            decision = self.decides(asked) if self.decides else None
            takes = asked.numbers if decision is None else decision.takes
            self.sent += [Taken(number=number, text=asked.text, sender=asked.sender) for number in takes]
            answer = decision.answer if decision else self.service.accept(asked, len(self.calls))
        if (fault := FAULTS.get(self.mode)) is None:
            wire.write(answer.whole())
            return
        task = asyncio.ensure_future(fault(wire, answer, self.knobs))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _read(self, request: RawRequest) -> Asked | Answer:
        if request.target.partition("?")[0] != self.service.path:
            return page(404, body=b"<h1>Not Found</h1>")
        return self.service.read(request)
