"""The whole sandbox of `bridge demo`: Telegram, the SMS gateway, and the page that shows both side by side."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.sandbox import on_call
from bridge.sandbox.alert_source import RULE, AlertSource, NotTaken
from bridge.sandbox.loopback import Loopback
from bridge.sandbox.msmpusher import MsmpusherSandbox, SentSms
from bridge.sandbox.msmpusher_modes import Mode
from bridge.sandbox.telegram import TelegramSandbox
from bridge.sandbox.telegram_limits import Limits, Rate
from bridge.sandbox.telegram_state import Chat, Kind
from bridge.sandbox.telegram_state import Message as ChatMessage
from bridge.sandbox.view import SWITCHES, Person, Phones, View

Json = dict[str, Any]

PAGE = Path(__file__).parent / "page"
FILES = {"/": "index.html", "/style.css": "style.css", "/page.js": "page.js", "/alerts.js": "alerts.js"}

AMA = Person(id=on_call.AMA.telegram, first_name="Ama", last_name="Mensah", role="admin")
KOFI = Person(id=on_call.KOFI.telegram, first_name="Kofi", last_name="Boateng", role="user")
EFUA = Person(id=333333333, first_name="Efua", last_name="Owusu", role="stranger")
PEOPLE = (AMA, KOFI, EFUA)

KEEP_ALIVE_S = 15
ANSWER_WAIT_S = 15


class Sandbox:
    """What the service needs to know of it: `telegram_api_url`, `bot_token`, `gateway_url`, the keys, the people.

    `port`: of the page; the other two servers take any free port. `alert_source.target` is to be set to where the
    service takes alerts.
    """

    admins = (AMA.id,)
    users = (KOFI.id,)
    sender = "MSMPUSHER"

    def __init__(self) -> None:
        chatty = Limits(chat=Rate(per_s=1, burst=20))  # a person who clicks fast shall not wait for Telegram
        self.telegram = TelegramSandbox(limits=chatty)
        self.gateway = MsmpusherSandbox()
        self.gateway.knobs.slow_s = 2  # well within the time limit of the demo's service
        self.phones = Phones()
        self.alert_source = AlertSource()
        self.gateway.on_sms = self._buzz
        for person in PEOPLE:
            self.telegram.add_user(person.id, person.first_name, person.last_name)
        self.ops = self.telegram.add_group("Ops", [person.id for person in PEOPLE], kind=Kind.SUPERGROUP)
        self._server = Loopback(Starlette(routes=self._routes(), middleware=[Middleware(_OwnFilesOnly)]))

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Raises OSError where the port is taken; then nothing runs."""
        await self._server.start(host, port)
        self.alert_source.own_url = self.url
        await self.telegram.start(host)
        await self.gateway.start(host)

    async def stop(self) -> None:
        await self._server.stop()
        await self.telegram.stop()
        await self.gateway.stop()

    @property
    def url(self) -> str:
        """The page."""
        return self._server.url + "/"

    @property
    def telegram_api_url(self) -> str:
        return self.telegram.url

    @property
    def bot_token(self) -> str:
        return self.telegram.token

    @property
    def gateway_url(self) -> str:
        return self.gateway.url

    @property
    def private_key(self) -> str:
        return self.gateway.private_key

    @property
    def public_key(self) -> str:
        return self.gateway.public_key

    def _buzz(self, sms: SentSms) -> None:
        self.phones.buzz(sms, time.time())
        self.telegram.world.changes.notify()

    def _routes(self) -> list[Route]:
        doers = {
            "say": self._say,
            "edit": self._edit,
            "press": self._press,
            "gateway": self._switch,
            "alert": self._alert,
            "clear": self._clear,
        }
        return [
            *(Route(path, _file(name)) for path, name in FILES.items()),
            Route("/events", self._events),
            *(Route(f"/do/{verb}", doer, methods=["POST"]) for verb, doer in doers.items()),
        ]

    async def _events(self, _: Request) -> Response:
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers={"cache-control": "no-store"})

    async def _stream(self) -> AsyncIterator[str]:
        view = View(
            telegram=self.telegram,
            gateway=self.gateway,
            phones=self.phones,
            people=PEOPLE,
            alert_source=self.alert_source,
        )
        yield "retry: 1000\n" + _event("snapshot", view.snapshot())
        while True:
            changed = self.telegram.world.changes.next()
            events = [_event(name, data) for name, data in view.changes()]
            if events:
                yield "".join(events)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed, KEEP_ALIVE_S)
                continue
            yield ": still here\n\n"

    # what the page does for a person

    async def _say(self, request: Request) -> Response:
        data = await _json(request)
        chat = self._chat(data)
        text = str(data.get("text", ""))
        if not text.strip():
            raise HTTPException(400, "nothing to say")
        reply_to = self._message(chat, data["reply_to"]) if data.get("reply_to") else None
        message = self.telegram.say(_person(data).id, text[:4096], chat=chat, reply_to=reply_to)
        return JSONResponse({"id": message.id})

    async def _edit(self, request: Request) -> Response:
        data = await _json(request)
        message = self._message(self._chat(data), data.get("message"))
        if message.sender is None or message.sender.id != _person(data).id or not str(data.get("text", "")).strip():
            raise HTTPException(400, "people edit their own messages only")
        self.telegram.edit(_person(data).id, message, str(data["text"])[:4096])
        return JSONResponse({})

    async def _press(self, request: Request) -> Response:
        data = await _json(request)
        message = self._message(self._chat(data), data.get("message"))
        try:
            pressed = await self.telegram.press(_person(data).id, message, str(data.get("data", "")))
        except LookupError:
            raise HTTPException(409, "That button is gone.") from None
        try:
            answer = await pressed.answer(ANSWER_WAIT_S)
        except TimeoutError:
            raise HTTPException(504, "Bridge did not answer.") from None
        return JSONResponse({"text": answer.text, "alert": answer.alert})

    async def _switch(self, request: Request) -> Response:
        data = await _json(request)
        mode = next((switch.mode for switch in SWITCHES if switch.mode == data.get("mode")), None)
        if mode is None:
            raise HTTPException(400, "no such switch")
        self.gateway.mode = Mode(mode)
        self.telegram.world.changes.notify()
        return JSONResponse({})

    async def _alert(self, request: Request) -> Response:
        """Something breaks, or is well again: the alert source tells the service."""
        data = await _json(request)
        key, source = str(data.get("key")), self.alert_source
        if key not in RULE or data.get("state") not in ("firing", "resolved"):
            raise HTTPException(400, "no such alert")
        try:
            await (source.fire(key) if data["state"] == "firing" else source.resolve(key))
        except NotTaken as error:
            raise HTTPException(502, str(error)) from None
        self.telegram.world.changes.notify()
        return JSONResponse({})

    async def _clear(self, _: Request) -> Response:
        """Empties the phones. The chats stay: the service remembers them."""
        self.phones.arrived.clear()
        self.telegram.world.changes.notify()
        return JSONResponse({})

    def _chat(self, data: Json) -> Chat:
        chat = self.telegram.world.chats.get(data.get("chat") or 0)
        if chat is None or _person(data).id not in chat.members:
            raise HTTPException(400, "no such chat")
        return chat

    def _message(self, chat: Chat, message_id: object) -> ChatMessage:
        message = chat.messages.get(message_id) if isinstance(message_id, int) else None
        if message is None:
            raise HTTPException(409, "That message is gone.")
        return message


def _person(data: Json) -> Person:
    person = next((person for person in PEOPLE if person.id == data.get("person")), None)
    if person is None:
        raise HTTPException(400, "no such person")
    return person


async def _json(request: Request) -> Json:
    """Demands JSON by its type too: another site's form cannot send that."""
    try:
        data = await request.json()
    except ValueError:
        data = None
    if not isinstance(data, dict) or not request.headers.get("content-type", "").startswith("application/json"):
        raise HTTPException(400, "a JSON object, please")
    return data


def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _file(name: str) -> Any:
    async def answer(_: Request) -> Response:
        return FileResponse(PAGE / name, headers={"cache-control": "no-cache"})

    return answer


class _OwnFilesOnly:
    """The page loads nothing from elsewhere and runs no inline script, whatever a message holds."""

    POLICY = b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:"

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", self.POLICY),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        await self._app(scope, receive, guarded)
