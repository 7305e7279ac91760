"""Telegram's refusals: code and description as the Bot API gives them (telegram-bot-api, Client.cpp)."""

from typing import Any


class Refusal(Exception):
    """`parameters`: Telegram's ResponseParameters."""

    def __init__(self, *, code: int, description: str, parameters: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description
        self.parameters = parameters or {}


def bad_request(words: str, **parameters: Any) -> Refusal:
    return Refusal(code=400, description=f"Bad Request: {words}", parameters=parameters)


def forbidden(words: str) -> Refusal:
    return Refusal(code=403, description=f"Forbidden: {words}")


def conflict(words: str) -> Refusal:
    return Refusal(code=409, description=f"Conflict: {words}")


def too_many(retry_after: int) -> Refusal:
    return Refusal(
        code=429,
        description=f"Too Many Requests: retry after {retry_after}",
        parameters={"retry_after": retry_after},
    )


def unauthorized() -> Refusal:
    return Refusal(code=401, description="Unauthorized")


def not_found(words: str = "") -> Refusal:
    return Refusal(code=404, description=f"Not Found: {words}" if words else "Not Found")


OTHER_POLLER = "terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_SET = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)
QUERY_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
