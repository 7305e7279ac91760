"""The HTTP side of the Bot API: reads a request, meets faults, runs the hooks, notices a client that is gone."""

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.responses import Response
from starlette.types import Message as AsgiMessage
from starlette.types import Receive, Scope, Send

from bridge.sandbox.loopback import reset
from bridge.sandbox.telegram_errors import Refusal
from bridge.sandbox.telegram_faults import Break, Fault, Faults, refused
from bridge.sandbox.telegram_requests import parameters
from bridge.sandbox.telegram_world import World

Json = dict[str, Any]
Hook = Callable[[str, Json], Awaitable[None] | None]


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


class Bots(Protocol):
    """Who carries the methods out."""

    world: World
    calls: list[Call]
    faults: Faults
    on_call: Hook | None
    on_done: Hook | None

    async def answer(self, token: str, method: str, params: Json) -> Json:
        """The whole JSON answer. Raises Refusal."""
        ...


class Endpoint:
    """The ASGI application behind `/bot<token>/<method>`."""

    def __init__(self, sandbox: Bots) -> None:
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
