"""`/alerts/...`: what a source sends is kept as it came, then answered; the alerting loop takes it in.

An Alertmanager tries again, without end, what was answered with 5xx or broke, and gives up what was answered with 4xx.
So a 4xx is only for what can never become good, and every trouble of ours, a bug as well, is a 503.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.clock import Clock
from bridge.domain.alerts import News
from bridge.domain.errors import StoreUnavailable
from bridge.domain.wording import count
from bridge.sources import SOURCES, NotSuchAPayload, generic, grafana
from bridge.store import alert_inbox, audit
from bridge.store.audit import AuditEntry
from bridge.store.database import Database
from bridge.web.auth import name_of
from bridge.web.body import NoRoom, Parting, Room, read_body
from bridge.web.problem import problem, unauthorized
from bridge.web.tried_again import ANSWER_WITHIN_S, TriedAgain

log = logging.getLogger(__name__)

BODY_LIMIT = 8 << 20
"""Bytes. 2 000 alerts came as 1 MB."""

UNKNOWN_LIMIT = 2 * BODY_LIMIT
"""Bytes of large bodies, of all requests together, whose signature is still to be looked at: it covers the body."""

THREAD_ABOVE = 64 << 10
"""Bytes that are read in a thread: everybody else would wait for them."""

CONTENT_TYPE_LIMIT = 200
"""Characters that are kept: the loop must read what the door read."""

PUT_TOO = (grafana.NAME, generic.NAME)
"""Sources that may use PUT; all use POST."""

SIGNATURE = "x-grafana-alerting-signature"
TIMESTAMP = "x-grafana-alerting-timestamp"
"""The second is what has to be set as the contact point's "Timestamp Header", if one is wanted."""


def methods(source: str) -> tuple[str, ...]:
    """What a source may use."""
    return ("POST", "PUT") if source in PUT_TOO else ("POST",)


class AlertDoor:
    """The routes, one for each source."""

    def __init__(
        self,
        *,
        database: Database,
        names: Mapping[str, str],
        grafana_secret: str,
        clock: Clock,
        on_kept: Callable[[], None],
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        """`names`: SHA-256 of each token (hex) -> its name. `grafana_secret`: key of its signatures, or ""."""
        self._database = database
        self._names = names
        self._grafana_secret = grafana_secret
        self._clock = clock
        self._on_kept = on_kept
        self._unknown = Room(UNKNOWN_LIMIT)
        self._tried_again = TriedAgain("alerts", answer_within_s)

    def routes(self) -> list[Route]:
        """For the web app. Each with and without a slash at its end: a redirect would lose the alert."""
        return [
            Route(f"/alerts/{source}{slash}", partial(self.take, source), methods=methods(source))
            for source in SOURCES
            for slash in ("", "/")
        ]

    async def take(self, source: str, request: Request) -> Response:
        """202 once it is committed; 401, 403, 413, 415, 422 as it can never be taken; 503 for all trouble of ours."""
        return await self._tried_again.answer(f"a request of {source}", self._take(source, request))

    async def _take(self, source: str, request: Request) -> Response:
        try:
            return self._refusal(source, request) or await self._keep(source, request)
        except NoRoom:
            words = "Too many large bodies at a time from senders who are not known yet."
            return Parting(problem(503, "unavailable", words))

    def _refusal(self, source: str, request: Request) -> Response | None:
        """The answer to who may not post, or sends what is not understood; None for who may, or has signed."""
        encoding = request.headers.get("content-encoding", "").strip().lower()
        if self._is_signed(source, request):
            pass
        elif not self._names and not (source == grafana.NAME and self._grafana_secret):
            words = "Neither BRIDGE_ALERT_TOKENS nor BRIDGE_API_TOKENS is set: this door is closed."
            return problem(403, "no_tokens", words)
        elif name_of(request, self._names) is None:
            return unauthorized()
        if encoding not in ("", "identity"):
            words = "Content-Encoding: send it plain."
            return Parting(problem(415, "encoded", words, headers={"Accept-Encoding": "identity"}))
        return None

    def _is_signed(self, source: str, request: Request) -> bool:
        """Whether there is a signature that decides who may post; looked at when the body is there."""
        return bool(source == grafana.NAME and self._grafana_secret and SIGNATURE in request.headers)

    async def _keep(self, source: str, request: Request) -> Response:
        with self._unknown.share() as share:
            body = await read_body(request, BODY_LIMIT, share if self._is_signed(source, request) else None)
            if body is None:
                log.error("a request of %s is larger than 8 MiB", source, extra={"event": "alerts.refused"})
                if not self._is_signed(source, request):  # whether that signature is good, nobody knows yet
                    await self._refused(source, request, "too_large")
                return Parting(problem(413, "too_large", f"At most {BODY_LIMIT} bytes."))
            content_type = request.headers.get("content-type", "")[:CONTENT_TYPE_LIMIT]
            read = partial(self._read, source, request, body, content_type)
            try:
                news = await asyncio.to_thread(read) if len(body) > THREAD_ABOVE else read()
            except NotSuchAPayload as error:
                log.error("a request of %s is none: %s", source, error, extra={"event": "alerts.refused"})
                await self._refused(source, request, "invalid")
                return problem(422, "invalid", str(error))
        if news is None:
            return unauthorized()
        now = self._clock.now()
        entry = replace(self._entry(source, request), detail=count(len(news.alerts), "alert"))

        def keep(connection: Connection) -> None:
            alert_inbox.keep(connection, source, content_type, body, now)
            audit.write(connection, entry, now)

        await self._database.write(keep)
        log.debug("a request of %s is kept", source, extra={"event": "alert.kept"})
        self._on_kept()
        warnings = {"warnings": list(news.warnings)} if news.warnings else {}
        return JSONResponse({"alerts": len(news.alerts), **warnings}, 202)

    def _entry(self, source: str, request: Request) -> AuditEntry:
        """For the audit: who posts."""
        name = "signature" if self._is_signed(source, request) else name_of(request, self._names) or ""
        return AuditEntry(who=f"alerts:{name}", name=name, door="alerts", act=f"{request.method} /alerts/{source}")

    async def _refused(self, source: str, request: Request, outcome: str) -> None:
        """Into the audit: somebody who may post has posted what can never be taken."""
        entry = replace(self._entry(source, request), outcome=outcome)
        with suppress(StoreUnavailable):  # the answer does not hang on it
            await self._database.write(partial(audit.write, entry=entry, now=self._clock.now()))

    def _read(self, source: str, request: Request, body: bytes, content_type: str) -> News | None:
        """What the body says; None when it was signed by somebody else. Raises NotSuchAPayload."""
        if self._is_signed(source, request) and not grafana.signed(
            body,
            request.headers[SIGNATURE],
            self._grafana_secret,
            now=self._clock.now(),
            timestamp=request.headers.get(TIMESTAMP, ""),
        ):
            return None
        return SOURCES[source](body, content_type)
