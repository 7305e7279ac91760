"""`POST /v1/sms` and `GET /v1/sms/{id}`: the same outbox as `/sms`, for programs."""

import asyncio
import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.clock import Clock
from bridge.domain.errors import Refused, StoreUnavailable
from bridge.domain.phone import hide_numbers, mask
from bridge.domain.problem_words import explain
from bridge.domain.recipients import Problems, read_list
from bridge.domain.wording import reason
from bridge.services.oncall.by_name import ByName, has_names
from bridge.services.sms.rules import Rules
from bridge.services.sms.send_sms import Order, Submitted, measure, size_of, submit
from bridge.store import audit, idempotency, messages
from bridge.store.audit import AuditEntry
from bridge.store.database import Database
from bridge.web.auth import name_of
from bridge.web.body import Parting, read_body
from bridge.web.problem import problem, unauthorized

log = logging.getLogger(__name__)

BODY_LIMIT = 1 << 20
BODY_WITHIN_S = 9.0
KEY_LIMIT = 200
RECIPIENTS_LIMIT = 10_000
DOOR, SEND = "api", "POST /v1/sms"


class NewSms(BaseModel):
    """The body of `POST /v1/sms`."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    to: Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=1, max_length=RECIPIENTS_LIMIT)]
    text: Annotated[str, Field(min_length=1, max_length=4096)]


class SmsApi:
    """The two routes."""

    def __init__(
        self,
        *,
        database: Database,
        names: Mapping[str, str],
        rules: Rules,
        region: str,
        allowed_countries: frozenset[str],
        names_of: Callable[[Connection], ByName],
        clock: Clock,
        make_id: Callable[[], str],
        wake: Callable[[], None],
    ) -> None:
        """`names`: SHA-256 of each API token (hex) -> its name. `names_of`: who is meant by which name now."""
        self._database = database
        self._names = names
        self._rules = rules
        self._region = region
        self._allowed_countries = allowed_countries
        self._names_of = names_of
        self._clock = clock
        self._make_id = make_id
        self._wake = wake

    def routes(self) -> list[Route]:
        """For the web app."""
        return [
            Route("/v1/sms", self.send, methods=["POST"]),
            Route("/v1/sms/{id}", self.show, methods=["GET"]),
        ]

    def _caller(self, request: Request) -> str | Response:
        """The owner, `api:<token name>`, or the answer that refuses."""
        if not self._names:
            return problem(403, "no_tokens", "BRIDGE_API_TOKENS is not set: this door is closed.")
        name = name_of(request, self._names)
        if name is None:
            return unauthorized()
        return f"api:{name}"

    async def send(self, request: Request) -> Response:
        """202 once it is committed; 401, 403, 409, 413, 422 as it cannot be taken; 503 paused, or not committed."""
        owner = self._caller(request)
        if isinstance(owner, Response):
            return owner
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                body = await read_body(request, BODY_LIMIT)
        except ClientDisconnect:
            return problem(503, "unavailable", "The request broke off.")  # nobody hears it
        except TimeoutError:
            return Parting(problem(408, "too_slow", f"The body has to be there within {BODY_WITHIN_S:.0f} s."))
        if body is None:
            await self._note(owner, "too_large")
            return problem(413, "too_large", f"At most {BODY_LIMIT} bytes.")
        key = request.headers.get("idempotency-key", "")
        if len(key) > KEY_LIMIT:
            await self._note(owner, "invalid")
            return problem(422, "invalid", f"Idempotency-Key: at most {KEY_LIMIT} characters.")
        try:
            new = NewSms.model_validate_json(body)
        except ValidationError as error:
            await self._note(owner, "invalid")
            return problem(422, "invalid", *(_where(one["loc"], one["msg"]) for one in error.errors()[:20]))
        body_hash = hashlib.sha256(json.dumps([new.to, new.text]).encode()).hexdigest()
        names = ByName(None, self._clock.now())
        if has_names("".join(new.to)):
            try:
                # Who is meant may be others than at the first time: the answer is that of the first time.
                before = await self._database.read(partial(_answered, owner, key, body_hash)) if key else None
                names = await self._database.read(self._names_of)
            except StoreUnavailable as error:
                return problem(503, "unavailable", str(error))
            if before is not None:
                return before
        read = read_list(
            new.to, text=new.text, region=self._region, allowed_countries=self._allowed_countries, names=names
        )
        if isinstance(read, Problems):
            await self._note(owner, read.problems[0].code.value)
            return problem(422, "invalid", *(_in_place(new.to, one.item, explain(one)) for one in read.problems[:100]))
        if read.unverified:
            await self._note(owner, "unverified")
            return problem(
                422,
                "unverified",
                *(
                    f"{mask(one.e164)} is possible, but in no list of valid numbers: send it from the chat, which asks."
                    for one in read.unverified
                ),
            )
        order = Order(
            source="api",
            source_key=f"{owner}:{self._make_id()}",
            owner=owner,
            owner_name=owner.removeprefix("api:"),
            request=read,
            ordered_at=self._clock.now(),
            left_out=names.left_out,
        )
        try:
            taken = await self._database.write(partial(self._submit, order, key, body_hash))
        except StoreUnavailable as error:
            return problem(503, "unavailable", str(error))
        except DBAPIError as error:
            # A bug of ours. Nothing was taken, so the caller must know that trying again is right.
            log.error("a message could not be written: %s", type(error).__name__, extra={"event": "store.error"})
            return problem(503, "unavailable", "database: an error of ours; it is in the log")
        if isinstance(taken, Refused):
            status = {"paused": 503, "daily_limit": 403, "key_used": 409}.get(taken.code, 422)
            return problem(status, taken.code, str(taken))
        message_id = taken
        self._wake()
        return _taken(message_id, len(read.numbers), order.left_out)

    def _submit(self, order: Order, key: str, body_hash: str, connection: Connection) -> int | Refused:
        """The message's id: of an earlier request where the key was used before. What refuses it is noted, too."""
        now = self._clock.now()
        entry = AuditEntry(who=order.owner, name=order.owner_name, door=DOOR, act=SEND)
        try:
            before = idempotency.find(connection, order.owner, key) if key else None
            if before is not None and before[0] != body_hash:
                raise Refused("key_used", "This Idempotency-Key was used with another body.")
            if before is not None:
                made = Submitted(id=before[1], held=False, repeated=True)
            else:
                measured = measure(order.request.text, self._rules)
                made = submit(connection, order, measured, self._rules, now)
                entry = replace(entry, detail=size_of(order, measured))
                if key:
                    idempotency.keep(connection, order.owner, key, body_hash, made.id, now)
        except Refused as error:
            audit.write(connection, replace(entry, outcome=error.code), now)
            return error
        audit.write(connection, replace(entry, about=f"#{made.id}", outcome=made.outcome), now)
        return made.id

    async def _note(self, owner: str, outcome: str) -> None:
        """Into the audit: a request that is refused before anything else is written."""
        entry = AuditEntry(who=owner, name=owner.removeprefix("api:"), door=DOOR, act=SEND, outcome=outcome)
        with suppress(StoreUnavailable):  # the caller's answer does not hang on it
            await self._database.write(partial(audit.write, entry=entry, now=self._clock.now()))

    async def show(self, request: Request) -> Response:
        """The state of each recipient; 404 alike for none and for another token's."""
        owner = self._caller(request)
        if isinstance(owner, Response):
            return owner
        given = str(request.path_params["id"])
        if not re.fullmatch(r"[0-9]{1,18}", given):  # a longer one is no 64-bit id, and slow to read
            return problem(404, "not_found", "There is no such message.")
        message_id = int(given)
        try:
            found = await self._database.read(
                lambda connection: messages.view(connection, message_id, lines=RECIPIENTS_LIMIT)
            )
        except StoreUnavailable as error:
            return problem(503, "unavailable", str(error))
        if found is None or found.owner != owner:
            return problem(404, "not_found", "There is no such message.")
        return JSONResponse(
            {
                "id": found.id,
                "created_at": found.created_at.isoformat(),
                "segments": found.segments,
                "encoding": found.encoding,
                "counts": {state.value: number for state, number in found.counts.items()},
                "recipients": [
                    {
                        "to": line.number,
                        "state": line.state.value,
                        "reason": reason(line.reason),
                        "attempts": line.attempt,
                        "earlier_unknown": line.maybe_sent,
                        "gateway": line.gateway,
                        "code": line.code,
                        "type": line.type,
                        "error": line.error,
                        "detail": line.detail,
                        "sms_id": line.sms_id,
                    }
                    for line in found.lines
                ],
            }
        )


def _answered(owner: str, key: str, body_hash: str, connection: Connection) -> Response | None:
    """The answer that this key and body was given before; None for another body, and for a new key."""
    before = idempotency.find(connection, owner, key)
    found = messages.view(connection, before[1], lines=0) if before and before[0] == body_hash else None
    if found is None:
        return None
    left_out = found.remarks.get("left_out")
    return _taken(found.id, found.recipients, left_out if isinstance(left_out, list) else ())


def _taken(message_id: int, recipients: int, left_out: Sequence[str]) -> Response:
    """202. `left_out`: people who were meant and have no phone; said only where there are some."""
    answer: dict[str, object] = {"id": message_id, "recipients": recipients}
    return JSONResponse(answer | ({"left_out": list(left_out)} if left_out else {}), 202)


def _in_place(items: Sequence[str], item: str, sentence: str) -> str:
    """Which of the items it is about; without a whole number: callers log the answers that they did not expect."""
    place = next((f"to.{index}: " for index, one in enumerate(items) if item and item in one), "")
    return place + hide_numbers(sentence)


def _where(location: tuple[int | str, ...], message: str) -> str:
    # What is no name of ours came from the body: a text with its quotes in the wrong place, say.
    place = ".".join(str(part) if re.fullmatch(r"\w{1,20}", str(part)) else "…" for part in location)
    return hide_numbers(f"{place}: {message}" if place else message)
