"""How the fake gateway misbehaves on the wire: one coroutine a fault, given the answer that is due."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from bridge.sandbox.gateway_http import Answer, Wire


@dataclass(kw_only=True, slots=True)
class Knobs:
    """What a test or the demo may turn while it runs."""

    slow_s: float = 5.0
    drip_s: float = 0.2
    retry_after_s: int = 2
    http_status: int = 500
    huge_bytes: int = 64 * 1024 * 1024
    custom: Answer = field(default_factory=lambda: Answer(body=b""))


Fault = Callable[[Wire, Answer, Knobs], Awaitable[None]]

HTML = b"<html>\r\n<head><title>Trouble</title></head>\r\n<body><h1>Trouble</h1><p>Error 1000</p></body>\r\n</html>"


def page(status: int, *headers: tuple[str, str], body: bytes = HTML) -> Answer:
    """What a proxy in front of the gateway says."""
    return Answer(body=body, status=status, headers=headers, content_type="text/html; charset=utf-8")


async def silence(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    """No answer at all, while the connection stays open."""
    await wire.lost.wait()


async def slow(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    await asyncio.sleep(knobs.slow_s)
    wire.write(answer.whole())


async def reset_before(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    wire.reset()


async def close_before(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    wire.close()


async def reset_in_answer(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    whole = answer.whole()
    wire.write(whole[: len(whole) - len(answer.body) // 2])
    await asyncio.sleep(0.02)
    wire.reset()


async def reset_after(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    wire.write(answer.whole())
    await asyncio.sleep(0.02)
    wire.reset()


async def cut(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    """The head promises more than comes; what comes shows the status."""
    wire.write(answer.head(length=len(answer.body)) + answer.body[:-1])
    wire.close()


async def cut_without_length(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    """A body that ends with its connection, half-way: HTTP itself sees nothing wrong."""
    wire.write(replace(answer, headers=(*answer.headers, ("Connection", "close"))).head(length=None))
    wire.write(answer.body[: len(answer.body) // 2])
    wire.close()


async def drip(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    """A byte at a time: no single read ever times out."""
    for byte in answer.whole():
        if wire.lost.is_set():
            return
        wire.write(bytes([byte]))
        await asyncio.sleep(knobs.drip_s)


async def huge(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    wire.write(answer.head(length=knobs.huge_bytes))
    wire.write(answer.body)
    block = b" " * 65536
    for _ in range(knobs.huge_bytes // len(block)):
        if wire.lost.is_set():
            return
        wire.write(block)
        await asyncio.sleep(0)


async def gzip_bomb(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    """A few kilobytes that unpack to `huge_bytes`."""
    packed = gzip.compress(answer.body + b" " * knobs.huge_bytes, compresslevel=9)
    wire.write(replace(answer, body=packed, headers=(("Content-Encoding", "gzip"),)).whole())


async def gzipped(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    """Compressed, though nobody asked for it."""
    wire.write(replace(answer, body=gzip.compress(answer.body), headers=(("Content-Encoding", "gzip"),)).whole())


async def two_answers(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    wire.write(answer.whole() * 2)


async def late_second_answer(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    """The second one comes while the connection is idle, or as the next request's answer."""
    wire.write(answer.whole())
    await asyncio.sleep(0.03)
    wire.write(answer.whole())


async def bad_chunks(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    head = replace(answer, headers=(*answer.headers, ("Transfer-Encoding", "chunked"))).head(length=None)
    wire.write(head + b"%x\r\n" % len(answer.body) + answer.body + b"\r\nzz\r\n")


async def bad_length(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    """Two lengths that contradict each other."""
    wire.write(replace(answer, headers=(("Content-Length", "3"),)).head(length=len(answer.body)) + answer.body)


async def not_http(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    wire.write(b"SMTP ready\r\n\r\n" + answer.body)


async def busy_seconds(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    wire.write(page(429, ("Retry-After", str(knobs.retry_after_s))).whole())


async def busy_date(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    at = datetime.now(UTC) + timedelta(seconds=knobs.retry_after_s)
    wire.write(page(429, ("Retry-After", format_datetime(at, usegmt=True))).whole())


async def unavailable_retry(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    wire.write(page(503, ("Retry-After", str(knobs.retry_after_s))).whole())


async def unavailable(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    wire.write(page(503).whole())


async def html_502(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    wire.write(page(502).whole())


async def http_status(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    wire.write(page(knobs.http_status).whole())


async def redirect(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    """To itself: a client that follows would send its keys, and the SMS, again."""
    wire.write(page(307, ("Location", "/v1/send"), body=b"").whole())


async def empty_body(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    wire.write(replace(answer, body=b"").whole())


async def custom(wire: Wire, answer: Answer, knobs: Knobs) -> None:
    wire.write(knobs.custom.whole())
