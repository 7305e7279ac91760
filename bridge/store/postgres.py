"""PostgreSQL: its sessions, and what their errors mean."""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import asyncpg
from sqlalchemy import ExceptionContext, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeSession
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bridge.domain.errors import StoreUnavailable
from bridge.store.database import BUSY_TIMEOUT_S, TROUBLE_OF

CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 15.0
"""How long a statement is waited for, in seconds, when the server does not even say that it takes too long."""

# Of every session. A session whose process is gone or cut off must not keep a lock for long: the server asks after it.
SETTINGS = {
    "lock_timeout": f"{BUSY_TIMEOUT_S:g}s",
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "6s",
    "tcp_keepalives_idle": "4",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "2",
    "tcp_user_timeout": "8s",
    "default_transaction_isolation": "read committed",
    "synchronous_commit": "on",  # what is answered is kept, however the database is set
    # Each query reads a few rows by an index. Of `shown < wanted` the server expects a third of the table, and to start
    # workers for that takes 20 ms.
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
}

Connect = Callable[[], Awaitable[Any]]
"""Makes a session."""


def connecting(dsn: str, purpose: str) -> Connect:
    """What makes a session. `purpose`: what others may know of it, as its `application_name`."""
    name = f"bridge/{purpose}/{os.getpid()}@{socket.gethostname()}"

    async def connect() -> Any:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S, command_timeout=ANSWER_TIMEOUT_S)
        values = {"application_name": name[:63], **SETTINGS}
        await connection.execute(
            "SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS given (name, value)",
            list(values),
            list(values.values()),
        )
        return connection

    return connect


def postgres_engine(connect: Connect, sessions: int = 1) -> AsyncEngine:
    """An engine of so many sessions at most, each made by `connect`."""
    engine = create_async_engine(
        "postgresql+asyncpg://?prepared_statement_cache_size=500",
        async_creator=connect,
        pool_size=sessions,
        max_overflow=0,
        pool_timeout=BUSY_TIMEOUT_S,
        hide_parameters=True,  # they are texts and numbers, and errors end up in logs
        execution_options={TROUBLE_OF: unavailable},
    )

    @event.listens_for(engine.sync_engine, "before_cursor_execute", retval=True)
    def without_nul(_c: object, _cursor: object, statement: str, values: Any, _context: object, _many: bool) -> Any:
        return statement, _without_nul(values)

    @event.listens_for(engine.sync_engine, "handle_error")
    def without_values(context: ExceptionContext) -> None:
        _forget_values(context.original_exception)

    return engine


def _forget_values(error: BaseException | None) -> None:
    """The server and the driver quote values; errors end up in logs."""
    while error is not None:
        if isinstance(error, ValueError) or str(error).startswith("invalid input for query argument"):
            error.args = ("a value that the driver does not take",)
        if isinstance(error, asyncpg.PostgresError):
            error.detail = error.hint = error.where = None
        error = error.__cause__


def _without_nul(value: Any) -> Any:
    """PostgreSQL keeps no NUL in a text: U+FFFD stands for it."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd") if "\0" in value else value
    if isinstance(value, list | tuple):
        return type(value)(map(_without_nul, value))
    return value


_TROUBLE = {
    "28": "it does not let us in (user, password, pg_hba.conf)",
    "3D000": "the server has no such database",
    "42501": "this user may not do that there",
    "25006": "it is read-only",
    "53100": "the disk is full",
    "53200": "the server is out of memory",
    "53300": "the server takes no more sessions",
    "55P03": "another program holds a lock on it",
    "57014": "a statement took too long",
    "57P01": "the server was stopped",
    "57P02": "the server has crashed",
    "57P03": "the server is starting or stopping",
    "42P01": "it has no tables of bridge",
    "0A000": "its tables were changed just now",
}
"""SQLSTATE, or its class -> words."""

_GONE = ("08", "57P", "25P03", "25006")
"""SQLSTATEs of a session that is of no use any more; one that only reads may be of the server of before a failover."""
_AGAIN = (*_GONE, "40", "0A000")
"""SQLSTATEs after which the same is tried anew, in a new session: nothing of the transaction was kept."""
_PASSES = (*_AGAIN, "28", "3D000", "42501", "53", "55P03", "57", "58", "XX")
"""SQLSTATEs of a server that cannot serve just now. All others are bugs of ours."""


_NO_TLS = "rejected SSL upgrade"
"""asyncpg's words; it has no class for that."""


def _told(error: BaseException) -> Iterator[BaseException]:
    """What the driver and the server said. Of an error of anybody else, whatever its cause: itself alone."""
    cause: BaseException | None = error.orig if isinstance(error, DBAPIError) else error
    while cause is not None:
        yield cause
        cause = cause.__cause__ if isinstance(error, DBAPIError) else None


def _sqlstate(error: BaseException) -> str:
    return next((str(state) for one in _told(error) if (state := getattr(one, "sqlstate", None))), "")


def explain(error: BaseException) -> str:
    """Why the server refused, in a few words for an operator; holds no SQL and no values."""
    state = _sqlstate(error)
    if words := _TROUBLE.get(state) or _TROUBLE.get(state[:2]):
        return words
    for one in _told(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            return f"the server's certificate is not good: {one.verify_message}"
        if isinstance(one, ssl.SSLError):
            return f"TLS with the server fails: {one.reason or type(one).__name__}"
        if _NO_TLS in str(one):
            return "the server speaks no TLS, and sslmode asks for it"
    if is_lost(error):
        return "the server cannot be reached"
    if isinstance(error, NoFreeSession):
        return "all sessions are taken"
    return f"{type(getattr(error, 'orig', None) or error).__name__}{f' ({state})' if state else ''}"


def is_no_address(error: BaseException) -> bool:
    """Whether the driver did not even try: it does not take the address as it is."""
    return any(isinstance(one, asyncpg.exceptions.ClientConfigurationError) for one in _told(error))


def is_lost(error: BaseException) -> bool:
    """Whether the session is gone, or of no use."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    for one in _told(error):
        # So are the driver's errors about values that do not fit; a certificate that is not good is one by its class.
        ours = isinstance(one, ValueError) and not isinstance(one, OSError)
        if isinstance(one, OSError | asyncpg.InterfaceError | asyncpg.PostgresConnectionError) and not ours:
            return True
    return _sqlstate(error).startswith(_GONE)


def may_work_again(error: BaseException) -> bool:
    """Whether a transaction that was not committed may go through when it is run anew, at once."""
    return is_lost(error) or _sqlstate(error).startswith(_AGAIN)


def unavailable(error: BaseException) -> BaseException:
    """`StoreUnavailable` for a server that cannot serve just now; its cause stays attached. Others as they are."""
    if isinstance(error, asyncio.CancelledError):
        return error
    if not (is_lost(error) or isinstance(error, NoFreeSession) or _sqlstate(error).startswith(_PASSES)):
        return error
    trouble = StoreUnavailable(f"database: {explain(error)}")
    trouble.__cause__ = error
    return trouble
