"""MSMPUSHER as its page describes it, on loopback: strict with requests, and able to go wrong in every way.

sandbox = MsmpusherSandbox()
await sandbox.start()
sandbox.url                     # http://127.0.0.1:PORT/v1/send
sandbox.on_sms = phone.buzz
sandbox.mode = Mode.NO_BALANCE  # from now on
sandbox.next_modes.append(Mode.TIMEOUT_AFTER_ACCEPT)  # for one call
sandbox.sent                    # what really reached a phone
await sandbox.stop()
"""

import asyncio
import inspect
import ssl as tls
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from bridge.sandbox.gateway_faults import Knobs, page
from bridge.sandbox.gateway_http import Answer, Listener, RawRequest, Wire
from bridge.sandbox.msmpusher_answers import acceptance, refusal
from bridge.sandbox.msmpusher_modes import BREAKS_WITHOUT_SENDING, FAULTS, REFUSES, Mode
from bridge.sandbox.msmpusher_requests import submission

__all__ = ["Call", "Mode", "MsmpusherSandbox", "SentSms"]  # who drives the gateway finds all of it here


@dataclass(frozen=True, kw_only=True, slots=True)
class SentSms:
    """An SMS that reached a phone. `number` in E.164 with `+`; `at` is `time.monotonic()`; `call` counts from 1."""

    number: str
    text: str
    sender: str
    at: float
    call: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request that came. `numbers` and `text` are empty where it was refused for its form."""

    number: int
    request: RawRequest
    at: float
    numbers: tuple[str, ...] = ()
    text: str = ""
    sender: str = ""


Hook = Callable[[Call], Awaitable[None] | None]


class MsmpusherSandbox:
    """The fake gateway. Runs in the event loop that starts it."""

    def __init__(
        self, *, private_key: str = "sandbox-private-key", public_key: str = "sandbox-public-key", mode: Mode = Mode.OK
    ) -> None:
        self.private_key, self.public_key = private_key, public_key
        self.knobs = Knobs()
        self.answer_after_s = 0.0
        self.next_modes: deque[Mode] = deque()
        self.number_modes: dict[str, Mode] = {}  # by number with "+"; of a list the first that has one counts
        self.bad_numbers: set[str] = set()  # with "+": refused with 1005
        self.sends_the_good_ones = False  # a list with a bad number: False sends nothing, True sends and names the rest
        self.failure_http_status = 200
        self.on_sms: Callable[[SentSms], None] | None = None
        # when the request is complete, before anything is decided: fault tests kill the service here
        self.on_request: Hook | None = None
        # when the phones have buzzed, before the answer
        self.on_decided: Hook | None = None
        self.calls: list[Call] = []
        self.sent: list[SentSms] = []
        self.scheduled: list[SentSms] = []
        self._mode = mode
        self._last_id = "MSG_TRANS_0"
        self._listener = Listener(self._received)
        self._scheme = "http"
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0, ssl: tls.SSLContext | None = None) -> None:
        """Raises OSError where the port is taken. Port 0: any free one."""
        self._scheme = "https" if ssl else "http"
        await self._listener.start(host, port, ssl)
        if self._mode is Mode.DOWN:
            self._listener.refuse()

    async def stop(self) -> None:
        """Breaks what is open. Does nothing where nothing runs."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._listener.stop()

    @property
    def url(self) -> str:
        host = f"[{self._listener.host}]" if ":" in self._listener.host else self._listener.host
        return f"{self._scheme}://{host}:{self._listener.port}/v1/send"

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def connections(self) -> int:
        """How many were opened so far."""
        return self._listener.connections

    @property
    def mode(self) -> Mode:
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        was, self._mode = self._mode, mode
        if mode is Mode.DOWN and was is not Mode.DOWN:
            self._listener.refuse()
        elif was is Mode.DOWN and mode is not Mode.DOWN:
            self._listener.accept()

    # one call

    def _received(self, request: RawRequest, wire: Wire) -> None:
        call, refused = self._read(request)
        self.calls.append(call)
        if self.on_request is None and self.on_decided is None and not self.answer_after_s:
            mode, answer = self._decide(call, refused)
            if (fault := FAULTS.get(mode)) is None:
                wire.write(answer.whole())
                return
            work = fault(wire, answer, self.knobs)
        else:
            work = self._serve(call, refused, wire)
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _read(self, request: RawRequest) -> tuple[Call, Answer | None]:
        """The call, and the refusal of a request that breaks the page's rules."""
        number, at = len(self.calls) + 1, time.monotonic()
        target = urlsplit(request.target)
        if target.path.rstrip("/") != "/v1/send":
            return Call(number=number, request=request, at=at), page(404, body=b"<h1>Not Found</h1>")
        if request.method not in ("GET", "POST"):
            return Call(number=number, request=request, at=at), page(405, ("Allow", "GET, POST"), body=b"<h1>No</h1>")
        sms = submission(request, target.query, private_key=self.private_key, public_key=self.public_key)
        call = Call(number=number, request=request, at=at, numbers=sms.numbers, text=sms.text, sender=sms.sender)
        return call, self._refusal(sms.refused) if sms.refused else None

    async def _serve(self, call: Call, refused: Answer | None, wire: Wire) -> None:
        await _run(self.on_request, call)
        mode, answer = self._decide(call, refused)
        await _run(self.on_decided, call)
        if self.answer_after_s:
            await asyncio.sleep(self.answer_after_s)
        if (fault := FAULTS.get(mode)) is None:
            wire.write(answer.whole())
        else:
            await fault(wire, answer, self.knobs)

    def _decide(self, call: Call, refused: Answer | None) -> tuple[Mode, Answer]:
        """What becomes of it: phones buzz here."""
        if refused is not None:
            return Mode.OK, refused
        mode = self._mode_of(call)
        if mode in BREAKS_WITHOUT_SENDING:
            return mode, page(500)
        if mode in REFUSES:
            return mode, self._refusal(REFUSES[mode])
        good = [number for number in call.numbers if number not in self.bad_numbers]
        if len(good) < len(call.numbers):
            if not self.sends_the_good_ones:
                return mode, self._refusal(1005)
            self._send(good, call)
            return mode, self._refusal(1005, listed=good)
        if mode in (Mode.PARTIAL_BALANCE, Mode.PARTIAL_BALANCE_UNLISTED):
            paid = good[: len(good) // 2]
            self._send(paid, call)
            return mode, self._refusal(1001, listed=paid if mode is Mode.PARTIAL_BALANCE else None)
        if mode is Mode.SCHEDULED:
            self.scheduled += [self._sms(number, call) for number in good]
        else:
            self._send(good, call)
        if mode is not Mode.SAME_ID:
            self._last_id = f"MSG_TRANS_{int(time.time() * 1000)}{len(self.calls):06d}"
        return mode, acceptance(mode, good, sms_id=self._last_id)

    def _mode_of(self, call: Call) -> Mode:
        if self.next_modes:
            return self.next_modes.popleft()
        if self.number_modes:
            return next((self.number_modes[n] for n in call.numbers if n in self.number_modes), self._mode)
        return self._mode

    def _sms(self, number: str, call: Call) -> SentSms:
        return SentSms(number=number, text=call.text, sender=call.sender, at=time.monotonic(), call=call.number)

    def _send(self, numbers: Sequence[str], call: Call) -> None:
        for number in numbers:
            sms = self._sms(number, call)
            self.sent.append(sms)
            if self.on_sms is not None:
                self.on_sms(sms)

    def _refusal(self, code: int, listed: Sequence[str] | None = None) -> Answer:
        return refusal(code, listed=listed, http_status=self.failure_http_status)


async def _run(hook: Hook | None, call: Call) -> None:
    if hook is not None and inspect.isawaitable(waits := hook(call)):
        await waits
