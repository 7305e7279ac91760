"""`/openapi.json`: what the routes take and give. A test holds it against the routes that there are."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge import __version__
from bridge.domain.delivery import State
from bridge.web.auth import is_loopback, name_of
from bridge.web.openapi_alerts import alert_paths
from bridge.web.problem import unauthorized
from bridge.web.sms_api import NewSms
from bridge.web.telegram import SECRET

_JSON = "application/json"


def _answer(words: str, schema: str | None = None) -> dict[str, Any]:
    content = {"content": {_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}} if schema else {}
    return {"description": words, **content}


_REFUSED = {
    "401": _answer("No token, or a wrong one.", "Problem"),
    "403": _answer("No token is configured, or the daily limit is reached.", "Problem"),
}
_UNAVAILABLE = _answer("Paused, or it could not be committed: nothing was taken.", "Problem")
_TEXT = {"type": "string"}


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    sms = {
        "post": {
            "operationId": "sendSms",
            "summary": "Send a text. Answered once it is committed to the outbox.",
            "security": [{"token": []}],
            "parameters": [
                {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "required": False,
                    "description": "The same key and body gives the same answer for 7 days.",
                    "schema": {"type": "string", "maxLength": 200},
                }
            ],
            "requestBody": {"required": True, "content": {_JSON: {"schema": {"$ref": "#/components/schemas/NewSms"}}}},
            "responses": {
                "202": _answer("It is in the outbox.", "Taken"),
                **_REFUSED,
                "408": _answer("The body did not come in time.", "Problem"),
                "409": _answer("The Idempotency-Key was used with another body.", "Problem"),
                "413": _answer("The body is too large.", "Problem"),
                "422": _answer("The request cannot be taken; every bad recipient is named.", "Problem"),
                "503": _UNAVAILABLE,
            },
        }
    }
    one = {
        "get": {
            "operationId": "showSms",
            "summary": "The state of each recipient.",
            "security": [{"token": []}],
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}}],
            "responses": {
                "200": _answer("The message.", "Message"),
                **_REFUSED,
                "404": _answer("There is no such message of this token.", "Problem"),
                "503": _UNAVAILABLE,
            },
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "bridge",
            "version": __version__,
            "description": "SMS with the true outcome for every number.",
        },
        "paths": {
            "/v1/sms": sms,
            "/v1/sms/{id}": one,
            **alert_paths(_answer),
            "/healthz": {"get": _open("The process answers.", {"200": _answer("It does.")})},
            "/readyz": {
                "get": _open(
                    "It can commit and its loops turn.",
                    {"200": _answer("Ready.", "Readiness"), "503": _answer("Not ready.", "Readiness")},
                )
            },
            "/metrics": {
                "get": _open(
                    "Prometheus metrics; a token is needed but on loopback.",
                    {"200": _answer("The metrics."), "401": _REFUSED["401"], "503": _UNAVAILABLE},
                )
            },
            "/openapi.json": {
                "get": _open(
                    "This document; a token is needed but on loopback.",
                    {"200": _answer("This document."), "401": _REFUSED["401"]},
                )
            },
        },
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "webhook": {"type": "apiKey", "in": "header", "name": SECRET},
            },
            "schemas": _schemas(),
        },
    }


def _open(words: str, responses: dict[str, Any]) -> dict[str, Any]:
    return {"summary": words, "responses": responses}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _schemas() -> dict[str, Any]:
    state = {"type": "string", "enum": [state.value for state in State]}
    recipient = _object(
        to=_TEXT,
        state=state,
        reason=_TEXT,
        attempts={"type": "integer"},
        earlier_unknown={"type": "integer", "description": "Attempts before the last round of which nobody knows."},
        gateway=_TEXT,
        code=_TEXT,
        type=_TEXT,
        error=_TEXT,
        detail=_TEXT,
        sms_id=_TEXT,
    )
    return {
        "NewSms": NewSms.model_json_schema(),
        "Taken": {
            "type": "object",
            "required": ["id", "recipients"],
            "properties": {
                "id": {"type": "integer"},
                "recipients": {"type": "integer"},
                "left_out": {"type": "array", "items": _TEXT, "description": "People without a phone."},
            },
        },
        "Kept": {
            "type": "object",
            "required": ["alerts"],
            "properties": {
                "alerts": {"type": "integer", "description": "How many it holds."},
                "warnings": {
                    "type": "array",
                    "items": _TEXT,
                    "description": "What was taken, and hardly as it was meant: an unknown severity, say.",
                },
            },
        },
        "Ping": _object(
            heartbeat=_TEXT, ping={"type": "boolean"}, due_at={"type": ["string", "null"], "format": "date-time"}
        ),
        "Problem": _object(error=_TEXT, detail={"type": "array", "items": _TEXT}),
        "Readiness": _object(
            ready={"type": "boolean"},
            role={"type": "string", "enum": ["leader", "follower"]},
            reasons={"type": "array", "items": _TEXT},
            degraded={"type": "object"},
        ),
        "Message": _object(
            id={"type": "integer"},
            created_at={"type": "string", "format": "date-time"},
            segments={"type": "integer"},
            encoding={"type": "string"},
            counts={"type": "object", "additionalProperties": {"type": "integer"}},
            recipients={"type": "array", "items": recipient},
        ),
    }


class OpenApiRoute:
    """`/openapi.json`: open on loopback, else by an API token."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def routes(self) -> list[Route]:
        """For the web app."""
        return [Route("/openapi.json", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        """The document; 401 from elsewhere without a token."""
        if not is_loopback(request) and name_of(request, self._names) is None:
            return unauthorized()
        return JSONResponse(document())
