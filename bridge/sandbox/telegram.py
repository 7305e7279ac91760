"""A Bot API server on loopback, as strict as Telegram, with its people driven from Python.

telegram = TelegramSandbox()
await telegram.start()
ama = telegram.add_user(111111111, "Ama", "Mensah")
telegram.say(ama, "/whoami")
await telegram.wait_for(lambda: telegram.last_text(ama.id))
"""

import asyncio
import inspect
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message as AsgiMessage
from starlette.types import Receive, Scope, Send

from bridge.sandbox import telegram_errors as errors
from bridge.sandbox.loopback import Loopback, reset
from bridge.sandbox.telegram_errors import Refusal
from bridge.sandbox.telegram_faults import ANY, Break, Fault, Faults, refused
from bridge.sandbox.telegram_limits import Limits
from bridge.sandbox.telegram_methods import METHODS
from bridge.sandbox.telegram_people import People
from bridge.sandbox.telegram_requests import parameters
from bridge.sandbox.telegram_state import Chat, Message, User
from bridge.sandbox.telegram_updates import Update
from bridge.sandbox.telegram_world import World

Json = dict[str, Any]
Hook = Callable[[str, Json], Awaitable[None] | None]
T = TypeVar("T")

BOT = User(id=5_005_005_005, first_name="Bridge", username="bridge_sandbox_bot", is_bot=True)
TOKEN = f"{BOT.id}:AAsandbox-token-of-nobody_0123456789"
LONGEST_POLL_S = 50


@dataclass(kw_only=True, slots=True)
class Call:
    """One request. `at`, `answered_at`: monotonic seconds; `status` is None while it is open, or got no answer."""

    method: str
    params: Json
    at: float
    answered_at: float | None = None
    status: int | None = None
    answer: Json | None = None

    @property
    def ok(self) -> bool:
        return bool(self.answer and self.answer.get("ok"))

    @property
    def result(self) -> Any:
        return self.answer.get("result") if self.answer else None

    @property
    def description(self) -> str:
        return str(self.answer.get("description", "")) if self.answer else ""


class TelegramSandbox(People):
    """`on_call` runs before a method is carried out, `on_done` after it and before its answer leaves; both may wait.

    `poll_floor_s`: Telegram makes a bot that asks twice in this time with the same offset wait (3 s); 0 leaves it out.
    `stop` and `start` on the same port: Telegram is out of reach for a while; nothing is forgotten.
    """

    def __init__(
        self,
        *,
        token: str = TOKEN,
        limits: Limits | None = None,
        privacy: bool = True,
        poll_floor_s: float = 0,
        answer_within_s: float = 60,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            World(
                bot=BOT,
                privacy=privacy,
                now=now,
                clock=clock,
                limits=limits or Limits(),
                answer_within_s=answer_within_s,
            )
        )
        self.token = token
        self.calls: list[Call] = []
        self.faults = Faults()
        self.on_call: Hook | None = None
        self.on_done: Hook | None = None
        self._poll_floor_s = poll_floor_s
        self._poller: asyncio.Future[None] | None = None
        self._last_poll: tuple[int, float] | None = None
        self._server = Loopback(Starlette(routes=[Route("/bot{token}/{method}", _Endpoint(self))]))

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        await self._server.start(host, port)

    async def stop(self) -> None:
        await self._server.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """What `BRIDGE_TELEGRAM_API_URL` is to be."""
        return self._server.url

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def polled(self) -> bool:
        """A bot asks for its updates now, or did within the last 30 s."""
        recent = self._last_poll is not None and self.world.clock() - self._last_poll[1] < 30
        return self._poller is not None or recent

    # what a test looks at

    def messages(self, chat: int | Chat | User) -> list[Message]:
        """All messages of a chat as they are now, oldest first."""
        where = self.world.chats.get(chat.id if isinstance(chat, User | Chat) else chat)
        return sorted(where.messages.values(), key=lambda m: m.id) if where else []

    def from_bot(self, chat: int | Chat | User) -> list[Message]:
        return [m for m in self.messages(chat) if m.sender is self.world.bot]

    def last_text(self, chat: int | Chat | User) -> str:
        """The bot's last message in a chat, or nothing."""
        found = self.from_bot(chat)
        return found[-1].text if found else ""

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method.lower() == method.lower()]

    @property
    def unconfirmed_updates(self) -> list[Update]:
        return self.world.updates.unconfirmed

    async def wait_for(self, predicate: Callable[[], T], timeout_s: float = 10) -> T:
        """The first true value of `predicate`, looked at after each change. Raises TimeoutError showing the chats."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (found := predicate()):
                    await self.world.changes.next()
                return found
        except TimeoutError:
            raise TimeoutError(f"not within {timeout_s} s. {self._picture()}") from None

    def fault(self, fault: Fault, *, method: str = ANY, times: int | None = 1) -> Callable[[], None]:
        """The next `times` calls of a method (None: all) meet the fault. Gives the function that removes it."""
        return self.faults.add(fault, method=method, times=times)

    def _picture(self) -> str:
        lines = [
            f"{chat!r}: "
            + " | ".join(f"{m.id} {m.sender.first_name if m.sender else '-'}: {m.text[:200]!r}" for m in last)
            for chat in self.world.chats.values()
            if (last := self.messages(chat)[-3:])
        ]
        calls = [f"{c.method} -> {c.status} {c.description}" for c in self.calls[-5:]]
        return "\n".join(["The chats:", *lines, "The last calls:", *calls])

    # what a bot's request meets

    async def answer(self, token: str, method: str, params: Json) -> Json:
        """Carries out one method. Raises Refusal."""
        if token != self.token:
            raise errors.unauthorized() if _looks_like_a_token(token) else errors.not_found()
        if method.lower() == "getupdates":
            return {"ok": True, "result": await self._get_updates(params)}
        if method.lower() not in METHODS:
            raise errors.not_found("method not found")
        result = METHODS[method.lower()](self.world, params)
        if method.lower() == "setwebhook" and self._poller and not self._poller.done():
            self._poller.set_exception(errors.conflict("terminated by setWebhook request"))
        return {"ok": True, "result": result}

    async def _get_updates(self, params: Json) -> list[Json]:
        if self.world.webhook.url:
            raise errors.conflict(errors.WEBHOOK_SET)
        offset, limit = params.get("offset", 0), min(max(params.get("limit", 100), 1), 100)
        timeout_s: float = min(max(params.get("timeout", 0), 0), LONGEST_POLL_S)
        if params.get("allowed_updates") is not None:
            self.world.updates.allow(params["allowed_updates"])
        if self._poller and not self._poller.done():
            self._poller.set_exception(errors.conflict(errors.OTHER_POLLER))
        now = self.world.clock()
        if self._last_poll and offset == self._last_poll[0] and now < self._last_poll[1] + self._poll_floor_s:
            timeout_s = max(timeout_s, self._poll_floor_s)
        self._last_poll = (offset, now)
        if offset:
            self.world.updates.confirm_below(offset)
            self.world.changes.notify()
        self._poller = ended = asyncio.get_running_loop().create_future()
        try:
            await self._some_update(ended, timeout_s)
        finally:
            if self._poller is ended:
                self._poller = None
            ended.cancel()
        return [update.json() for update in self.unconfirmed_updates[:limit]]

    async def _some_update(self, ended: "asyncio.Future[None]", timeout_s: float) -> None:
        deadline = asyncio.get_running_loop().time() + timeout_s
        while not self.unconfirmed_updates:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return
            change = self.world.changes.next()
            try:
                await asyncio.wait((change, ended), timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                change.cancel()
            if ended.done():
                ended.result()


def _looks_like_a_token(token: str) -> bool:
    number, colon, secret = token.partition(":")
    return bool(colon and number.isdigit() and number[0] != "0" and len(secret) >= 30)


class _Endpoint:
    """The ASGI side: reads the request, meets faults, runs the hooks, notices a client that is gone."""

    def __init__(self, sandbox: TelegramSandbox) -> None:
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sandbox = self._sandbox
        token, method = scope["path_params"]["token"], scope["path_params"]["method"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _whole_body(receive)
        if body is None:
            return
        call = Call(method=method, params={}, at=sandbox.world.clock())
        gone = asyncio.ensure_future(_gone(receive))
        work = asyncio.ensure_future(self._answer(call, token, scope["query_string"].decode(), headers, body))
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                return
            fault = work.result()
            call.answered_at = sandbox.world.clock()
            await self._send(fault, scope, receive, send, gone)
        finally:
            work.cancel()
            gone.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)
            sandbox.world.changes.notify()

    async def _answer(self, call: Call, token: str, query: str, headers: dict[str, str], body: bytes) -> Fault:
        sandbox = self._sandbox
        fault: Fault | None = None
        try:
            call.params = parameters(query, headers.get("content-type", ""), body)
            sandbox.calls.append(call)
            sandbox.world.changes.notify()
            await _run(sandbox.on_call, call)
            fault = sandbox.faults.take(call.method)
            if fault is None or fault.done:
                call.answer = await sandbox.answer(token, call.method, call.params)
                call.status = 200
                await _run(sandbox.on_done, call)
        except Refusal as refusal:
            answer = refused(refusal)
            call.status, call.answer = refusal.code, json.loads(answer.body)
            return fault or answer
        finally:
            sandbox.world.changes.notify()
        if fault:
            call.status = None if fault.breaks is not Break.NONE else fault.status
            return fault
        return Fault(body=json.dumps(call.answer, ensure_ascii=False).encode())

    async def _send(
        self, fault: Fault, scope: Scope, receive: Receive, send: Send, gone: "asyncio.Future[None]"
    ) -> None:
        transport = scope["state"]["transport"]
        match fault.breaks:
            case Break.NONE:
                await Response(fault.body, fault.status, media_type=fault.content_type)(scope, receive, send)
                return
            case Break.HANG:
                pass
            case Break.RESET:
                reset(transport)
            case Break.CLOSE:
                transport.close()
            case Break.CUT:
                promised = str(len(fault.body) + 1000).encode()
                start: AsgiMessage = {"type": "http.response.start", "status": fault.status}
                await send(
                    {**start, "headers": [(b"content-type", b"application/json"), (b"content-length", promised)]}
                )
                await send({"type": "http.response.body", "body": fault.body, "more_body": True})
                transport.close()
        await gone


async def _whole_body(receive: Receive) -> bytes | None:
    """None where the client went away in the middle."""
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        body += event.get("body", b"")
        if not event.get("more_body"):
            return bytes(body)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _run(hook: Hook | None, call: Call) -> None:
    if hook is not None and inspect.isawaitable(waiting := hook(call.method, call.params)):
        await waiting
