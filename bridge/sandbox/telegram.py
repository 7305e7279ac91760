"""A Bot API server on loopback, as strict as Telegram, with its people driven from Python.

telegram = TelegramSandbox()
await telegram.start()
ama = telegram.add_user(111111111, "Ama", "Mensah")
telegram.say(ama, "/whoami")
await telegram.wait_for(lambda: telegram.last_text(ama.id))
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Self, TypeVar

from starlette.applications import Starlette
from starlette.routing import Route

from bridge.sandbox import telegram_errors as errors
from bridge.sandbox.loopback import Loopback
from bridge.sandbox.telegram_faults import ANY, Fault, Faults
from bridge.sandbox.telegram_http import Call, Endpoint, Hook
from bridge.sandbox.telegram_limits import Limits
from bridge.sandbox.telegram_methods import METHODS
from bridge.sandbox.telegram_people import People
from bridge.sandbox.telegram_state import Chat, Message, User
from bridge.sandbox.telegram_updates import Update
from bridge.sandbox.telegram_webhook import Deliveries
from bridge.sandbox.telegram_world import World

Json = dict[str, Any]
T = TypeVar("T")

BOT = User(id=5_005_005_005, first_name="Bridge", username="bridge_sandbox_bot", is_bot=True)
TOKEN = f"{BOT.id}:AAsandbox-token-of-nobody_0123456789"
LONGEST_POLL_S = 50


class TelegramSandbox(People):
    """`on_call` runs before a method is carried out, `on_done` after it and before its answer leaves; both may wait.

    `poll_floor_s`: Telegram makes a bot that asks twice in this time with the same offset wait (3 s); 0 leaves it out.
    `webhook_second_s`: how long a second is between two tries to deliver by webhook (`deliveries`).
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
        webhook_second_s: float = 1,
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
        self.deliveries = Deliveries(self.world, second_s=webhook_second_s)
        self._server = Loopback(Starlette(routes=[Route("/bot{token}/{method}", Endpoint(self))]))

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        await self._server.start(host, port)
        self.deliveries.start()

    async def stop(self) -> None:
        await self.deliveries.stop()
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
        if self.world.webhook:
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
