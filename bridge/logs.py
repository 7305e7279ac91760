"""Logs: a sentence, a stable event name, ids. Secrets and whole numbers are taken out of every line, whoever wrote it.

An error of ours shows where it passed; its words only where they cannot quote what somebody wrote.
"""

import json
import logging
import re
import sqlite3
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from traceback import format_tb
from typing import Any, TextIO
from urllib.parse import quote, quote_plus

from bridge.domain.errors import BridgeError
from bridge.domain.phone import mask

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

# httpx writes whole URLs, and a bot's URL holds its token; the others repeat at INFO what we say better.
# python-telegram-bot also prints a page of HTML and a traceback whenever a proxy of Telegram answers in its place.
_QUIET = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "telegram": logging.CRITICAL,
    "alembic": logging.WARNING,
    "uvicorn.access": logging.WARNING,
    "uvicorn.error": logging.ERROR,  # below are only requests that cannot be read: strangers would fill the log
    "asyncio": logging.WARNING,
}

_SAFE = (BridgeError, OSError, sqlite3.Error, AttributeError, NameError, ImportError, TypeError)
"""Errors whose words are of the program or the system. Those of others quote what they were given: a text, a number."""

_NUMBER = re.compile(r"\+[0-9]{7,15}(?![0-9])")


class _Redacting(logging.Formatter):
    """Formats a record, then blanks every secret in the result: messages, arguments, tracebacks."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        written = {form for secret in secrets if len(secret) >= 4 for form in _written(secret)}
        self._secrets = sorted(written, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        line = self._line(record)
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return _NUMBER.sub(lambda found: mask(found[0]), line)

    def _line(self, record: logging.LogRecord) -> str:
        raise NotImplementedError

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is logging's
        """The places that an error passed, and its words only where they cannot hold a text or a number."""
        return "\n".join(_trace(ei[1]))

    @staticmethod
    def _facts(record: logging.LogRecord) -> dict[str, object]:
        return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _trace(error: BaseException | None, most: int = 8) -> list[str]:
    """An error with what caused it, the first cause first; `most`: so many of them."""
    if error is None or not most:
        return []
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = _trace(cause, most - 1)
    if lines:
        lines.append("which led to:" if error.__cause__ else "during which this happened:")
    lines.append("Traceback (most recent call last):")
    lines.append("".join(format_tb(error.__traceback__)).rstrip("\n"))
    said = f": {error}" if isinstance(error, _SAFE) else " (its words are left out: they may hold a text)"
    lines.append(f"{type(error).__qualname__}{said}")
    return lines


def _written(secret: str) -> set[str]:
    """A secret as it may stand in a line: plain, inside of JSON or a Python literal, in an address."""
    return {
        secret,
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        quote(secret, safe="", errors="replace"),
        quote_plus(secret, errors="replace"),
    }


class TextFormatter(_Redacting):
    """`2026-11-22T03:00:00Z INFO  bridge.services.sms.deliver: sentence [event=… message=42]`."""

    def _line(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        facts = " ".join(f"{name}={value}" for name, value in self._facts(record).items())
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return (
            f"{at}Z {record.levelname:<7} {record.name}: {record.getMessage()}{f' [{facts}]' if facts else ''}{trace}"
        )


class JsonFormatter(_Redacting):
    """One JSON object a line."""

    def _line(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        } | self._facts(record)
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def set_up(level: str, style: str, secrets: Iterable[str], stream: TextIO | None = None) -> None:
    """Send all logs to `stream` (default: stderr), from `level` up, as `text` or `json`, without `secrets`."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter((JsonFormatter if style == "json" else TextFormatter)(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("bridge").setLevel(level)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(least)
