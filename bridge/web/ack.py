"""`/a/{token}`: the page behind the link of an SMS. Phones and scanners fetch links; only its button changes things."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bridge.clock import Clock
from bridge.domain.errors import StoreUnavailable
from bridge.services.incidents.ack_link import Linked, answer, look
from bridge.store import audit
from bridge.store.audit import AuditEntry
from bridge.store.database import Database
from bridge.store.oncall import RosterOf
from bridge.web.ack_html import HEADERS, ack_page, notice_page
from bridge.web.wrong_guesses import WITHIN, WrongGuesses

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 9.0
DOOR, ACK = "link", "POST /a"


class AckPage:
    """Its two routes. Every answer is a page for people."""

    def __init__(
        self,
        *,
        database: Database,
        roster: RosterOf,
        clock: Clock,
        on_acknowledged: Callable[[], None],
    ) -> None:
        self._database = database
        self._roster = roster
        self._clock = clock
        self._on_acknowledged = on_acknowledged
        self._wrong = WrongGuesses(clock)

    def routes(self) -> list[Route]:
        """For the web app."""
        return [Route("/a/{token}", self.serve, methods=["GET", "POST"])]

    async def serve(self, request: Request) -> Response:
        """How the page's incidents stand; a POST first acknowledges them all, by the person of the page.

        404 for a token that opens nothing, 429 after many of them, 503 for trouble of ours.
        """
        token = str(request.path_params["token"])
        presses = request.method == "POST"
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                if presses:
                    linked = await self._database.write(partial(self._acknowledge, token))
                else:
                    linked = await self._database.read(partial(self._look, token))
        except (StoreUnavailable, TimeoutError) as error:
            log.error("an ack page could not be served: %s", error, extra={"event": "store.unavailable"})
            return _page(503, notice_page("Just now that does not work.", again=presses))
        except Exception:
            log.exception("an ack page met an error of ours", extra={"event": "ack.error"})
            return _page(503, notice_page("Just now that does not work.", again=presses))
        if linked is None:
            return self._unknown(request)
        if presses:
            log.info("page %s was answered by its link", linked.page.code, extra={"event": "ack.link"})
            self._on_acknowledged()
        return _page(200, ack_page(linked, self._clock.now()))

    def _look(self, token: str, connection: Connection) -> Linked | None:
        return look(connection, token, self._clock.now())

    def _acknowledge(self, token: str, connection: Connection) -> Linked | None:
        now = self._clock.now()
        linked = answer(connection, token, self._roster(connection), now)
        if linked is None:
            denied = AuditEntry(who=f"{DOOR}:", door=DOOR, act=ACK, outcome="no_such_link")
            audit.write_now_and_then(connection, denied, now)
            return None
        page = linked.page
        entry = AuditEntry(who=f"{DOOR}:{page.person}", name=page.person_name, door=DOOR, act=ACK, about=page.code)
        audit.write(connection, replace(entry, outcome=linked.refused or audit.DONE), now)
        return linked

    def _unknown(self, request: Request) -> Response:
        """Alike for what never was and for what is over."""
        if self._wrong.one_more(request.client.host if request.client else ""):
            seconds = f"{WITHIN.total_seconds():.0f}"
            return _page(429, notice_page("Too many wrong links. Wait a minute."), {"Retry-After": seconds})
        return _page(
            404,
            notice_page("This link does not work, or not any more. Write /ack and the code of the SMS in the chat."),
        )


def _page(status: int, html: str, more: Mapping[str, str] | None = None) -> Response:
    return HTMLResponse(html, status, {**HEADERS, **(more or {})})
