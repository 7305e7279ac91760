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
import json
import ssl as tls
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, urlsplit

from bridge.sandbox import gateway_faults as faults
from bridge.sandbox.gateway_faults import Fault, Knobs, page
from bridge.sandbox.gateway_http import Answer, Listener, RawRequest, Wire


class Mode(StrEnum):
    """How the gateway is today."""

    # what it decides
    OK = "ok"  # 1000
    SCHEDULED = "scheduled"  # 1007: accepted, and nothing reaches a phone yet
    PARTIAL_BALANCE = "partial_balance"  # 1001: the first half of the list is sent, and named
    PARTIAL_BALANCE_UNLISTED = "partial_balance_unlisted"  # 1001: the same, and nobody is named
    MISSING = "missing"  # 1002
    NO_BALANCE = "no_balance"  # 1003
    BAD_KEY = "bad_key"  # 1004
    BAD_NUMBER = "bad_number"  # 1005, whatever the numbers
    BAD_SENDER = "bad_sender"  # 1006
    EMPTY = "empty"  # 1008
    FAILS = "fails"  # 1009
    NO_MESSAGES = "no_messages"  # 1010, which belongs to another call
    NEW_STATUS = "new_status"  # 1011, which the page does not know
    # how it says it; the SMS is sent
    PRINTED = "printed"  # as on the page: `Null`, an unquoted sentence, a trailing comma
    WITHOUT_LIST = "without_list"
    SHORT_LIST = "short_list"  # 1000, but only the first number is named
    STRANGE_LIST = "strange_list"  # 1000 that names somebody else
    SAME_ID = "same_id"  # the sms_id of the last call
    # trouble after the SMS went out
    TIMEOUT_AFTER_ACCEPT = "timeout_after_accept"
    SLOW = "slow"
    RESET_IN_ANSWER = "reset_in_answer"
    RESET_AFTER = "reset_after"
    CLOSE_BEFORE_ANSWER = "close_before_answer"
    CUT = "cut"
    CUT_WITHOUT_LENGTH = "cut_without_length"
    DRIP = "drip"
    HUGE = "huge"
    GZIPPED = "gzipped"
    GZIP_BOMB = "gzip_bomb"
    EMPTY_BODY = "empty_body"
    TWO_ANSWERS = "two_answers"
    LATE_SECOND_ANSWER = "late_second_answer"
    BAD_CHUNKS = "bad_chunks"
    BAD_LENGTH = "bad_length"
    NOT_HTTP = "not_http"
    CUSTOM = "custom"  # answers `knobs.custom`
    # trouble, and nothing is sent
    DOWN = "down"  # refuses connections (as one of `next_modes`: breaks this one)
    HANG = "hang"
    RESET_BEFORE = "reset_before"
    HTML_502 = "html_502"
    REDIRECT = "redirect"
    BUSY_SECONDS = "busy_seconds"  # 429, Retry-After in seconds
    BUSY_DATE = "busy_date"  # 429, Retry-After as a date
    UNAVAILABLE_RETRY = "unavailable_retry"  # 503 with Retry-After
    UNAVAILABLE = "unavailable"  # 503 without
    HTTP_STATUS = "http_status"  # `knobs.http_status` and a page of HTML


REFUSES: Mapping[Mode, int] = {
    Mode.MISSING: 1002,
    Mode.NO_BALANCE: 1003,
    Mode.BAD_KEY: 1004,
    Mode.BAD_NUMBER: 1005,
    Mode.BAD_SENDER: 1006,
    Mode.EMPTY: 1008,
    Mode.FAILS: 1009,
    Mode.NO_MESSAGES: 1010,
    Mode.NEW_STATUS: 1011,
}

BREAKS_AFTER_SENDING: Mapping[Mode, Fault] = {
    Mode.TIMEOUT_AFTER_ACCEPT: faults.silence,
    Mode.SLOW: faults.slow,
    Mode.RESET_IN_ANSWER: faults.reset_in_answer,
    Mode.RESET_AFTER: faults.reset_after,
    Mode.CLOSE_BEFORE_ANSWER: faults.close_before,
    Mode.CUT: faults.cut,
    Mode.CUT_WITHOUT_LENGTH: faults.cut_without_length,
    Mode.DRIP: faults.drip,
    Mode.HUGE: faults.huge,
    Mode.GZIPPED: faults.gzipped,
    Mode.GZIP_BOMB: faults.gzip_bomb,
    Mode.EMPTY_BODY: faults.empty_body,
    Mode.TWO_ANSWERS: faults.two_answers,
    Mode.LATE_SECOND_ANSWER: faults.late_second_answer,
    Mode.BAD_CHUNKS: faults.bad_chunks,
    Mode.BAD_LENGTH: faults.bad_length,
    Mode.NOT_HTTP: faults.not_http,
    Mode.CUSTOM: faults.custom,
}

BREAKS_WITHOUT_SENDING: Mapping[Mode, Fault] = {
    Mode.DOWN: faults.reset_before,
    Mode.HANG: faults.silence,
    Mode.RESET_BEFORE: faults.reset_before,
    Mode.HTML_502: faults.html_502,
    Mode.REDIRECT: faults.redirect,
    Mode.BUSY_SECONDS: faults.busy_seconds,
    Mode.BUSY_DATE: faults.busy_date,
    Mode.UNAVAILABLE_RETRY: faults.unavailable_retry,
    Mode.UNAVAILABLE: faults.unavailable,
    Mode.HTTP_STATUS: faults.http_status,
}

# type, error, detail; only 1005's are printed on the page
WORDS: Mapping[int, tuple[str, str, str | None]] = {
    1001: ("Message(s) Sent", "Insufficient balance", "Not all Messages were sent due to insufficient balance"),
    1002: ("missing_parameters", "Missing API Parameters", None),
    1003: ("insufficient_balance", "Insufficient balance", None),
    1004: ("mismatched_api_key", "Mismatched API key", None),
    1005: ("invalid_phone_number", "Invalid phone number", None),
    1006: ("invalid_sender_id", "invalid Sender ID. Sender ID must not be more than 11 Characters.", None),
    1008: ("empty_message", "Empty Message", None),
    1009: ("sending_failed", "SMS sending failed", None),
    1010: ("no_messages", "No messages has been sent on the specified dates", None),
    1011: ("new", "A status that the page does not know", None),
}


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
        self.on_request: Callable[[Call], Awaitable[None] | None] | None = None
        # when the phones have buzzed, before the answer
        self.on_decided: Callable[[Call], Awaitable[None] | None] | None = None
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

    def drop_connections(self) -> None:
        """Closes open connections in an orderly way, as a gateway does with idle ones."""
        self._listener.drop()

    # one call

    def _received(self, request: RawRequest, wire: Wire) -> None:
        call, refusal = self._read(request)
        self.calls.append(call)
        if self.on_request is None and self.on_decided is None and not self.answer_after_s:
            mode, answer = self._decide(call, refusal)
            if (fault := _fault(mode)) is None:
                wire.write(answer.whole())
                return
            work = fault(wire, answer, self.knobs)
        else:
            work = self._serve(call, refusal, wire)
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, call: Call, refusal: Answer | None, wire: Wire) -> None:
        await _run(self.on_request, call)
        mode, answer = self._decide(call, refusal)
        await _run(self.on_decided, call)
        if self.answer_after_s:
            await asyncio.sleep(self.answer_after_s)
        if (fault := _fault(mode)) is None:
            wire.write(answer.whole())
        else:
            await fault(wire, answer, self.knobs)

    def _decide(self, call: Call, refusal: Answer | None) -> tuple[Mode, Answer]:
        """What becomes of it: phones buzz here."""
        if refusal is not None:
            return Mode.OK, refusal
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
        return mode, self._acceptance(mode, good)

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

    # what it says

    def _acceptance(self, mode: Mode, numbers: Sequence[str]) -> Answer:
        if mode is not Mode.SAME_ID:
            self._last_id = f"MSG_TRANS_{int(time.time() * 1000)}{len(self.calls):06d}"
        listed = [number.removeprefix("+") for number in numbers]
        if mode is Mode.SHORT_LIST:
            del listed[1:]
        elif mode is Mode.STRANGE_LIST:
            listed = ["447820125799"]
        if mode is Mode.PRINTED:
            return Answer(body=PRINTED_PAGE.format(sms_id=self._last_id, numbers=",".join(listed)).encode())
        later = mode is Mode.SCHEDULED
        body: dict[str, object] = {
            "type": "Message(s) Scheduled" if later else "Message(s) Sent",
            "status": 1007 if later else 1000,
            "sms_id": self._last_id,
            "Receiver_numbers": ",".join(listed),
            "error": None,
            "detail": "Message scheduled for later delivery" if later else "All Messages were sent successfully",
        }
        if mode is Mode.WITHOUT_LIST:
            del body["Receiver_numbers"]
        return Answer(body=json.dumps(body).encode())

    def _refusal(self, code: int, listed: Sequence[str] | None = None) -> Answer:
        kind, error, detail = WORDS[code]
        name = "status" if code == 1001 else "code"  # some were sent: the page's form of success
        body: dict[str, object] = {"type": kind, name: code, "error": error, "detail": detail}
        if listed is not None:
            body["Receiver_numbers"] = ",".join(number.removeprefix("+") for number in listed)
        return Answer(body=json.dumps(body, indent=4).encode(), status=self.failure_http_status)

    # what it demands

    def _read(self, request: RawRequest) -> tuple[Call, Answer | None]:
        """The call, and the refusal of a request that breaks the page's rules."""
        number, at = len(self.calls) + 1, time.monotonic()
        split = urlsplit(request.target)
        if split.path.rstrip("/") != "/v1/send":
            return Call(number=number, request=request, at=at), page(404, body=b"<h1>Not Found</h1>")
        if request.method not in ("GET", "POST"):
            return Call(number=number, request=request, at=at), page(405, ("Allow", "GET, POST"), body=b"<h1>No</h1>")
        found = _parameters(request, split.query)
        if found is None or {"privatekey", "publickey", "sender", "numbers", "message"} - found.keys():
            return Call(number=number, request=request, at=at), self._refusal(1002)
        items = found["numbers"].split(",")
        call = Call(
            number=number,
            request=request,
            at=at,
            numbers=tuple("+" + item for item in items),
            text=found["message"],
            sender=found["sender"],
        )
        if (found["privatekey"], found["publickey"]) != (self.private_key, self.public_key):
            return call, self._refusal(1004)
        if not 1 <= len(found["sender"]) <= 11:
            return call, self._refusal(1006)
        if not found["message"].strip():
            return call, self._refusal(1008)
        if not all(_is_number(item) for item in items):
            return call, self._refusal(1005)
        return call, None


# as printed on the page, blanks and all
PRINTED_PAGE = """
     {{
        "type": "Message(s) Sent",
        "status": 1000,
        "sms_id": "{sms_id}",
        "Receiver_numbers": "{numbers}",
        "error": Null,
        "detail": All Messages were sent successfully
        
    }}
"""  # noqa: W293


def _fault(mode: Mode) -> Fault | None:
    return BREAKS_AFTER_SENDING.get(mode) or BREAKS_WITHOUT_SENDING.get(mode)


async def _run(hook: Callable[[Call], Awaitable[None] | None] | None, call: Call) -> None:
    if hook is not None and inspect.isawaitable(waits := hook(call)):
        await waits


def _is_number(item: str) -> bool:
    """Country code first, no `+`, no `00`: as the page says."""
    return item.isascii() and item.isdigit() and 7 <= len(item) <= 15 and not item.startswith("0")


def _parameters(request: RawRequest, query: str) -> dict[str, str] | None:
    """None where they cannot be read, or one of them comes twice."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if request.method == "GET":
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
        elif kind == "application/json":
            pairs = json.loads(request.body.decode("utf-8"), object_pairs_hook=tuple)
            if not isinstance(pairs, tuple):
                return None
        elif kind == "application/x-www-form-urlencoded":
            body = request.body.decode("ascii")
            pairs = parse_qsl(body, keep_blank_values=True, strict_parsing=True, errors="strict")
        else:
            return None
        found = dict(pairs)
    except (ValueError, TypeError):
        return None
    if len(found) != len(pairs) or not all(isinstance(value, str) for value in found.values()):
        return None
    return found
