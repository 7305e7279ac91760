"""Error answers, all alike."""

from collections.abc import Mapping

from starlette.responses import JSONResponse


def problem(status: int, code: str, *sentences: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error answer: a stable `error` word, and sentences for people."""
    return JSONResponse({"error": code, "detail": list(sentences)}, status, headers)


def unauthorized() -> JSONResponse:
    """401: no token, or a wrong one."""
    words = "A valid token is needed, in the header: Authorization: Bearer and the token."
    return problem(401, "unauthorized", words, headers={"WWW-Authenticate": "Bearer"})
