"""Can a gateway's address be reached? DNS, TCP and TLS, one after the other, without a request: for `bridge check`."""

import asyncio
import socket
import ssl
from dataclasses import dataclass
from typing import Literal

import httpx

from bridge.gateways.wire import Wire

Step = Literal["dns", "tcp", "tls"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """`step` is the last one tried; `why` one line that says what came of it."""

    ok: bool
    step: Step
    why: str


async def probe(url: str, *, ssl_context: ssl.SSLContext | None = None, limit_s: float = 5.0) -> Probe:
    """Connects to the host of `url` and hangs up. Raises nothing; takes at most `limit_s` seconds."""
    step: Step = "dns"
    host = ""
    try:
        target = httpx.URL(url)
        host, port = target.raw_host.decode("ascii"), target.port or (443 if target.scheme == "https" else 80)
        async with asyncio.timeout(limit_s):
            await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            step = "tcp"
            await _connect(host, port, None)
            if target.scheme != "https":
                return Probe(ok=True, step=step, why=f"{host} answers on port {port}, without TLS")
            step = "tls"
            version = await _connect(host, port, ssl_context or httpx.create_ssl_context())
            return Probe(ok=True, step=step, why=f"{host} answers on port {port}, {version}, certificate accepted")
    except TimeoutError:
        return Probe(ok=False, step=step, why=f"no answer within {limit_s:g} s")
    except ssl.SSLCertVerificationError as error:
        return Probe(ok=False, step=step, why=f"the certificate of {host} is not accepted: {error.verify_message}")
    except (OSError, ValueError, httpx.InvalidURL) as error:
        return Probe(ok=False, step=step, why=_line(error))


async def _connect(host: str, port: int, context: ssl.SSLContext | None) -> str:
    """The version of TLS, if any. Raises what asyncio raises."""
    loop = asyncio.get_running_loop()
    transport, wire = await loop.create_connection(
        lambda: Wire(loop, keep_s=0),
        host,
        port,
        ssl=context,
        server_hostname=host if context else None,
        happy_eyeballs_delay=0.25,
    )
    secured = transport.get_extra_info("ssl_object")
    wire.abort()
    await wire.lost
    return str(secured.version()) if secured is not None else ""


def _line(error: Exception) -> str:
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(words.split())
