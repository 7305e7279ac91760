"""`/heartbeats/{name}`: who pings it is alive. Answered once that is committed."""

import hashlib
import hmac
import json
import logging
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.domain.errors import NotFound
from bridge.oncall.records import HeartbeatRule
from bridge.services.heartbeats.incoming import Heartbeats
from bridge.sources import NotSuchAPayload
from bridge.sources.form import read_form
from bridge.web.auth import name_of, token_of
from bridge.web.body import Parting, read_body
from bridge.web.problem import problem, unauthorized
from bridge.web.tried_again import ANSWER_WITHIN_S, TriedAgain

log = logging.getLogger(__name__)

BODY_LIMIT = 1 << 20
"""Bytes: a Watchdog's payload, or the last lines of a job's output."""


class HeartbeatDoor:
    """The routes."""

    def __init__(
        self, *, heartbeats: Heartbeats, names: Mapping[str, str], answer_within_s: float = ANSWER_WITHIN_S
    ) -> None:
        """`names`: SHA-256 of each token (hex) -> its name."""
        self._heartbeats = heartbeats
        self._names = names
        self._tried_again = TriedAgain("heartbeat", answer_within_s)

    def routes(self) -> list[Route]:
        """For the web app."""
        return [Route(f"/heartbeats/{{name}}{slash}", self.take, methods=["GET", "POST"]) for slash in ("", "/")]

    async def take(self, request: Request) -> Response:
        """200 once the ping is committed; 401, 403, 404, 405, 413; 503 for all trouble of ours.

        A body with `status: resolved` is no ping: of a Watchdog, it says that the alert that always fires has ended.
        """
        if request.method == "HEAD":  # Starlette's, wherever GET is: who only looks whether we are there is no job
            return Response(status_code=405, headers={"Allow": "GET, POST"})
        return await self._tried_again.answer("a heartbeat", self._take(request, str(request.path_params["name"])))

    async def _take(self, request: Request, name: str) -> Response:
        rules = await self._heartbeats.rules()
        refusal = self._refusal(request, rules.get(name), rules)
        if refusal is not None:
            return refusal
        body = await read_body(request, BODY_LIMIT)
        if body is None:
            return Parting(problem(413, "too_large", f"At most {BODY_LIMIT} bytes."))
        if says_resolved(body, request.headers.get("content-type", "")):
            return JSONResponse({"heartbeat": name, "ping": False, "due_at": None})
        try:
            due_at = await self._heartbeats.ping(name)
        except NotFound:
            return problem(404, "not_found", "The on-call file has no heartbeat of this name.")
        return JSONResponse({"heartbeat": name, "ping": True, "due_at": due_at.isoformat()})

    def _refusal(
        self, request: Request, rule: HeartbeatRule | None, rules: Mapping[str, HeartbeatRule]
    ) -> Response | None:
        """The answer to who may not ping, alike for names that are no heartbeat's; None for who may."""
        own = rule.token if rule else ""
        in_the_address = _same(request.query_params.get("token", ""), own)
        in_the_header = _same(token_of(request) or "", own)
        if in_the_address or in_the_header or name_of(request, self._names) is not None:
            return None
        if not self._names and not any(one.token for one in rules.values()):
            words = "Neither BRIDGE_ALERT_TOKENS nor BRIDGE_API_TOKENS is set: this door is closed."
            return problem(403, "no_tokens", words)
        return unauthorized()


def says_resolved(body: bytes, content_type: str) -> bool:
    """Whether a JSON object or a form holds `status: resolved`. Whatever else it is says nothing against a ping."""
    if body.lstrip()[:1] == b"{":
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            return False
        status = found.get("status")
    else:
        try:
            status = read_form(body, content_type).get("status")
        except NotSuchAPayload:
            return False
    return isinstance(status, str) and status.strip().lower() == "resolved"


def _same(given: str, wanted: str) -> bool:
    """Compared in constant time; nothing is the same as no token."""
    digests = (hashlib.sha256(one.encode("utf-8", "replace")).digest() for one in (given, wanted))
    return hmac.compare_digest(*digests) and bool(wanted)
