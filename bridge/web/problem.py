"""Error answers, all alike."""

from collections.abc import Mapping

from starlette.responses import JSONResponse


def problem(status: int, code: str, *sentences: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error answer: a stable `error` word, and sentences for people."""
    return JSONResponse({"error": code, "detail": list(sentences)}, status, headers)


def unauthorized() -> JSONResponse:
    """401: no token, or a wrong one."""
    return problem(401, "unauthorized", "A valid API token is needed.", headers={"WWW-Authenticate": "Bearer"})
