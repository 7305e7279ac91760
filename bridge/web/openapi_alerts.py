"""The paths of alerts, heartbeats, the ack page and the webhook, for `/openapi.json`."""

from collections.abc import Callable
from typing import Any

from bridge.sources import SOURCES
from bridge.store.inbox import LARGEST_ID
from bridge.web.alerts import methods
from bridge.web.telegram import PATH

Answer = Callable[[str, str | None], dict[str, Any]]

_SAYS = {
    "alertmanager": "What an Alertmanager's webhook sends (version 4).",
    "grafana": "What a Grafana contact point of the type webhook sends.",
    "uptime-kuma": "What Uptime Kuma's webhook notification sends.",
    "generic": "One alert, or a list of them: title, and text, severity, state, key. As JSON or as a form.",
}


def alert_paths(answer: Answer) -> dict[str, Any]:
    """Path -> its operations."""
    responses = {
        "202": answer("Every alert of it is committed.", "Kept"),
        "401": answer("No token, or a wrong one; or a wrong signature.", "Problem"),
        "403": answer("No token is configured.", "Problem"),
        "413": answer("More than 8 MiB.", "Problem"),
        "415": answer("Encoded: send it plain.", "Problem"),
        "422": answer("No such payload.", "Problem"),
        "503": answer("It could not be committed: send it again.", "Problem"),
    }
    alerts = {
        f"/alerts/{source}": {
            method.lower(): {
                "summary": _SAYS[source],
                "security": [{"token": []}],
                "requestBody": {"required": True, "content": _content(source)},
                "responses": responses,
            }
            for method in methods(source)
        }
        for source in SOURCES
    }
    return alerts | {
        "/heartbeats/{name}": _heartbeat(answer),
        "/a/{token}": _ack_page(),
        PATH: _telegram(answer),
    }


def _content(source: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"schema": {"type": ["object", "array"] if source == "generic" else "object"}}
    forms = ("application/x-www-form-urlencoded", "multipart/form-data") if source == "generic" else ()
    return dict.fromkeys(("application/json", *forms), schema)


def _heartbeat(answer: Answer) -> dict[str, Any]:
    ping = {
        "summary": "I am alive. A body with `status: resolved` is no ping.",
        "security": [{"token": []}],
        "parameters": [
            {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}},
            {
                "name": "token",
                "in": "query",
                "required": False,
                "description": "The heartbeat's own, of the on-call file; then no other is needed.",
                "schema": {"type": "string"},
            },
        ],
        "responses": {
            "200": answer("The ping is committed; when the next one is due.", "Ping"),
            "401": answer("No token, or a wrong one.", "Problem"),
            "403": answer("No token is configured.", "Problem"),
            "404": answer("The on-call file has no such heartbeat.", "Problem"),
            "413": answer("The body is too large.", "Problem"),
            "503": answer("It could not be committed: send it again.", "Problem"),
        },
    }
    return {"get": ping, "post": ping}


def _telegram(answer: Answer) -> dict[str, Any]:
    post = {
        "summary": "An update of Telegram's. It comes again until it is answered with 200.",
        "security": [{"webhook": []}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["update_id"],
                        "properties": {"update_id": {"type": "integer", "minimum": 0, "maximum": LARGEST_ID}},
                    }
                }
            },
        },
        "responses": {
            "200": answer("The update is committed, or was before.", None),
            "401": answer("The secret is wrong, or not there.", "Problem"),
            "413": answer("The body is too large.", "Problem"),
            "422": answer("No update.", "Problem"),
            "503": answer("It could not be committed: send it again.", "Problem"),
        },
    }
    return {"post": post}


def _ack_page() -> dict[str, Any]:
    token = {"name": "token", "in": "path", "required": True, "schema": {"type": "string"}}
    responses = {
        status: {"description": words, "content": {"text/html": {}}}
        for status, words in (
            ("200", "How the incidents of the page stand."),
            ("404", "No such link, or it has ended."),
            ("429", "Too many wrong links from this address."),
            ("503", "The database does not serve."),
        )
    }
    show = {"summary": "The page of an SMS: shows, and changes nothing.", "parameters": [token], "responses": responses}
    press = {"summary": "Acknowledge every incident of the page.", "parameters": [token], "responses": responses}
    return {"get": show, "post": press}
