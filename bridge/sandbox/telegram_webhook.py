"""Brings updates to the bot's webhook, as Telegram does it (telegram-bot-api, WebhookActor.cpp).

Those of one chat, or presses of one person, come one after another; others beside them, up to `max_connections`. What
is not answered with 2xx comes again: at once, then after 2, 4, 8 ... seconds, or when `Retry-After` says so.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from bridge.sandbox.telegram_errors import bad_request
from bridge.sandbox.telegram_updates import Update
from bridge.sandbox.telegram_world import World

PORTS = (443, 80, 88, 8443)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SECRET = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name
LONGEST_WAIT_S = 60.0  # for an answer, and between two tries

Resolve = Callable[[str], str]


def is_loopback(url: str) -> bool:
    return urlsplit(url).scheme == "http" and urlsplit(url).hostname in LOOPBACK


def check_address(url: str) -> None:
    """Raises Refusal. Loopback is taken, as a Bot API server of one's own takes it in its local mode."""
    if is_loopback(url):
        return
    if urlsplit(url).scheme != "https":
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if (urlsplit(url).port or 443) not in PORTS:
        raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")


def queue_of(update: Update) -> tuple[str, int]:
    """Updates of one queue keep their order."""
    if "chat" in update.payload:
        return "chat", int(update.payload["chat"]["id"])
    return "person", int(update.payload.get("from", {}).get("id", 0))


@dataclass(kw_only=True, slots=True)
class _Again:
    """When the first of a queue is tried again. `at`: by the event loop's clock."""

    at: float = 0.0
    failures: int = 0
    delay_s: float = 1.0


class Deliveries:
    """`resolve`: the address behind a webhook's, as a proxy would have it; without one only loopback is reached.

    `loses`: so many of the next answers with 2xx get lost, so that their updates come again. `second_s`: how long a
    second is between two tries.
    """

    def __init__(self, world: World, *, second_s: float) -> None:
        self._world = world
        self._second_s = second_s
        self._again: dict[tuple[str, int], _Again] = {}
        self._busy: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None
        self.resolve: Resolve | None = None
        self.loses = 0

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        tasks = [one for one in (self._task, *self._busy.values()) if one is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._busy.clear()

    async def _run(self) -> None:
        # Without a context for TLS: only loopback is ever reached, and reading the authorities takes 0.1 s.
        async with httpx.AsyncClient(verify=False, timeout=LONGEST_WAIT_S, trust_env=False) as client:  # noqa: S501
            while True:
                change = self._world.changes.next()
                wait_s = self._begin(client)
                await asyncio.wait((change,), timeout=wait_s)
                change.cancel()

    def _begin(self, client: httpx.AsyncClient) -> float | None:
        """Try what may be tried now; gives when to look again."""
        webhook = self._world.webhook
        now, seen, waits = asyncio.get_running_loop().time(), set(), []
        for update in self._world.updates.unconfirmed if webhook else ():
            queue = queue_of(update)
            if queue in seen:
                continue
            seen.add(queue)
            if queue in self._busy or len(self._busy) >= webhook.max_connections:  # type: ignore[union-attr]
                continue
            again = self._again.setdefault(queue, _Again())
            if again.at > now:
                waits.append(again.at - now)
                continue
            self._busy[queue] = asyncio.create_task(self._try(client, queue, update))
        return min(waits, default=None)

    async def _try(self, client: httpx.AsyncClient, queue: tuple[str, int], update: Update) -> None:
        trouble, retry_after_s = await self._bring(client, update)
        if not trouble and self.loses:
            self.loses -= 1
            trouble = "Connection timed out"
        if trouble:
            self._world.webhook_error = (int(self._world.now()), trouble)
            again = self._again[queue]
            if not retry_after_s and again.failures:
                again.delay_s = min(LONGEST_WAIT_S, again.delay_s * 2)
            wait_s = retry_after_s or (again.delay_s if again.failures else 0)
            again.failures += 1
            again.at = asyncio.get_running_loop().time() + wait_s * self._second_s
        else:
            self._world.updates.confirm(update.id)
            self._again.pop(queue, None)
        del self._busy[queue]
        self._world.changes.notify()

    async def _bring(self, client: httpx.AsyncClient, update: Update) -> tuple[str, float]:
        """(what went wrong, "" where nothing did; seconds of Retry-After)."""
        webhook = self._world.webhook
        if webhook is None:
            return "Webhook was deleted", 0
        url = self.resolve(webhook.url) if self.resolve else webhook.url
        if not is_loopback(url):
            return "Failed to resolve host: Name or service not known", 0
        try:
            answer = await client.post(
                url, json=update.json(), headers={SECRET: webhook.secret} if webhook.secret else {}
            )
        except httpx.TimeoutException:
            return "Connection timed out", 0
        except httpx.ConnectError:
            return "Connection refused", 0
        except httpx.HTTPError:
            return "Webhook connection closed", 0
        if answer.is_success:
            return "", 0
        retry_after = answer.headers.get("retry-after", "")
        wrong = f"Wrong response from the webhook: {answer.status_code} {answer.reason_phrase}"
        return wrong, float(retry_after) if retry_after.isdecimal() else 0
