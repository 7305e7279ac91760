"""`/telegram/webhook`: what Telegram brings is kept as it came, then answered; the inbox loop handles it.

Telegram brings an update again and again, for a day, until it is answered with 2xx, and nothing else of its chat before
that. So a 200 is given only after the commit, and every trouble of ours is a 5xx.
"""

import hmac
import json
import logging
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.clock import Clock
from bridge.store import inbox
from bridge.store.database import Database
from bridge.web.body import Parting, read_body
from bridge.web.problem import problem
from bridge.web.tried_again import ANSWER_WITHIN_S, TriedAgain

log = logging.getLogger(__name__)

PATH = "/telegram/webhook"

SECRET = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name

BODY_LIMIT = 1 << 20
"""Bytes. The longest message that replies to the longest one has some 100 kB."""

AGAIN_S = 2
"""Telegram keeps to it (telegram-bot-api, WebhookActor.cpp); by itself it would wait for up to two minutes."""


class TelegramDoor:
    """The route."""

    def __init__(
        self,
        *,
        database: Database,
        secret: str,
        clock: Clock,
        on_kept: Callable[[], None],
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        """`secret`: what Telegram was told to show; with "" nobody is let in. `on_kept`: there is news in the inbox."""
        self._database = database
        self._secret = secret.encode()
        self._clock = clock
        self._on_kept = on_kept
        self._tried_again = TriedAgain("update", answer_within_s)

    def routes(self) -> list[Route]:
        """For the web app."""
        return [Route(PATH, self.take, methods=["POST"])]

    async def take(self, request: Request) -> Response:
        """200 once it is committed, or was before; 401, 413, 422 as it can never be taken; 503 for all trouble of ours.

        Empty: a body could be read as a call of the Bot API.
        """
        answer = await self._tried_again.answer("an update of Telegram's", self._take(request))
        if answer.status_code == 503:
            answer.headers["Retry-After"] = str(AGAIN_S)
        return answer

    async def _take(self, request: Request) -> Response:
        shown = request.headers.get(SECRET, "").encode("latin-1")
        if not (hmac.compare_digest(shown, self._secret) and self._secret):
            words = f"The secret of the webhook is needed, in the header {SECRET}."
            return problem(401, "unauthorized", words, headers={"WWW-Authenticate": SECRET})
        body = await read_body(request, BODY_LIMIT)
        if body is None:
            log.error("an update of Telegram's is larger than 1 MiB", extra={"event": "update.refused"})
            return Parting(problem(413, "too_large", f"At most {BODY_LIMIT} bytes."))
        try:
            update = inbox.as_kept(json.loads(body))
        except (ValueError, RecursionError):
            log.error("what came with the webhook's secret is no update", extra={"event": "update.refused"})
            return problem(422, "invalid", "No update: a JSON object with an update_id.")
        log.debug("1 update received", extra={"event": "update.received"})
        now = self._clock.now()
        await self._database.write(lambda connection: inbox.keep(connection, [update], now))
        log.debug("1 update kept", extra={"event": "update.kept"})
        self._on_kept()
        return Response()
