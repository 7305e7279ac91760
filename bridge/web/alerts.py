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
from bridge.services.incidents import refused_posts
from bridge.services.incidents.keep_requests import KeepRequests, NewRequest
from bridge.services.incidents.refused_posts import RefusedPosts, Sender
from bridge.sources import SOURCES, NotSuchAPayload, generic, grafana
from bridge.store import audit
from bridge.store.audit import AuditEntry
from bridge.store.database import Database
from bridge.web.auth import name_of
from bridge.web.body import BodyRoom, NoRoom, Parting, read_body
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

NEAR = "alert"
"""What stands in an address that is meant to be one of these; in `/api/v2/alerts`, too, where a Prometheus posts."""

ASTRAY = {404: refused_posts.NO_SUCH_ADDRESS, 405: refused_posts.WRONG_METHOD}
MEANT = ("POST", "PUT", "PATCH", "GET")

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
        refused_posts: RefusedPosts,
        on_refused: Callable[[], None],
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        """`names`: SHA-256 of each token (hex) -> its name. `grafana_secret`: key of its signatures, or "".

        `on_refused`: there may be a notice to post.
        """
        self._database = database
        self._names = names
        self._grafana_secret = grafana_secret
        self._clock = clock
        self._on_kept = on_kept
        self._refused_posts = refused_posts
        self._on_refused = on_refused
        self._unknown = BodyRoom(UNKNOWN_LIMIT)
        self._keeping = KeepRequests(database, refused_posts)
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
        """The answer to who may not post; None for who may, or has signed."""
        if self._is_signed(source, request):
            pass
        elif not self._names and not (source == grafana.NAME and self._grafana_secret):
            words = "Neither BRIDGE_ALERT_TOKENS nor BRIDGE_API_TOKENS is set: this door is closed."
            return problem(403, "no_tokens", words)
        elif name_of(request, self._names) is None:
            return unauthorized()
        return None

    def _is_signed(self, source: str, request: Request) -> bool:
        """Whether there is a signature that decides who may post; looked at when the body is there."""
        return bool(source == grafana.NAME and self._grafana_secret and SIGNATURE in request.headers)

    async def _keep(self, source: str, request: Request) -> Response:
        if request.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
            await self._refused(source, request, refused_posts.ENCODED)
            words = "Content-Encoding: send it plain."
            return Parting(problem(415, "encoded", words, headers={"Accept-Encoding": "identity"}))
        with self._unknown.share() as share:
            body = await read_body(request, BODY_LIMIT, share if self._is_signed(source, request) else None)
            if body is None:
                log.error("a request of %s is larger than 8 MiB", source, extra={"event": "alerts.refused"})
                await self._refused(source, request, refused_posts.TOO_LARGE)
                return Parting(problem(413, "too_large", f"At most {BODY_LIMIT} bytes."))
            content_type = request.headers.get("content-type", "")[:CONTENT_TYPE_LIMIT]
            read = partial(self._read, source, request, body, content_type)
            try:
                news = await asyncio.to_thread(read) if len(body) > THREAD_ABOVE else read()
            except NotSuchAPayload as error:
                log.error("a request of %s is none: %s", source, error, extra={"event": "alerts.refused"})
                await self._refused(source, request, refused_posts.INVALID, str(error), signature_is_good=True)
                return problem(422, "invalid", str(error))
        if news is None:
            return unauthorized()
        entry = self._entry(source, request)
        kept = NewRequest(
            sender=Sender(source=source, name=entry.name),
            entry=replace(entry, detail=count(len(news.alerts), "alert")),
            content_type=content_type,
            body=body,
            news=news,
            came_at=self._clock.now(),
            tells_ends=source == generic.NAME,
        )
        told = [*news.warnings, *await self._keeping.keep(kept)]
        log.debug("a request of %s is kept", source, extra={"event": "alert.kept"})
        self._on_kept()
        return JSONResponse({"alerts": len(news.alerts)} | ({"warnings": told} if told else {}), 202)

    def _entry(self, source: str, request: Request) -> AuditEntry:
        """For the audit: who posts."""
        name = refused_posts.SIGNED if self._is_signed(source, request) else name_of(request, self._names) or ""
        return AuditEntry(who=f"alerts:{name}", name=name, door="alerts", act=f"{request.method} /alerts/{source}")

    async def _refused(
        self, source: str, request: Request, kind: str, why: str = "", *, signature_is_good: bool = False
    ) -> None:
        """Somebody who may post has posted what can never be taken: into the audit, and told now and then.

        Of who has signed nobody knows whether they may, until that is looked at.
        """
        if signature_is_good or not self._is_signed(source, request):
            await self._tell(self._entry(source, request), source, kind, why)

    async def astray(self, request: Request, status: int) -> None:
        """A request got a 404 or 405: told, if it was an alert of somebody who may post."""
        meant = NEAR in request.url.path.lower() and request.method in MEANT
        name = name_of(request, self._names) if meant else None
        if name is None:
            return
        addresses = {f"/alerts/{one}": one for one in SOURCES}
        # Of an address that is none of ours nothing is told: a token may stand in it.
        address = request.url.path if request.url.path in addresses else refused_posts.NOWHERE
        entry = AuditEntry(who=f"alerts:{name}", name=name, door="alerts", act=f"{request.method} {address}")
        why = f"Send it by POST to one of {', '.join(addresses)}."
        await self._tell(entry, addresses.get(address, refused_posts.NOWHERE), ASTRAY[status], why)

    async def _tell(self, entry: AuditEntry, source: str, kind: str, why: str) -> None:
        now = self._clock.now()

        def tell(connection: Connection) -> None:
            audit.write(connection, replace(entry, outcome=kind), now)
            self._refused_posts.refused(connection, Sender(source=source, name=entry.name), kind, why, now)

        with suppress(StoreUnavailable):  # the answer does not hang on it
            await self._database.write(tell)
            self._on_refused()

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
