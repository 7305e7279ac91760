"""Can a gateway's address be reached? DNS, TCP and TLS, one after the other, without a request: for `bridge check`."""

import asyncio
import socket
import ssl
from dataclasses import dataclass
from typing import Literal

import httpx

from bridge.gateways.wire import Wire, connect

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
            await _hang_up(await connect(host, port, tls=None, keep_s=0))
            if target.scheme != "https":
                return Probe(ok=True, step=step, why=f"{host} answers on port {port}, without TLS")
            step = "tls"
            wire = await connect(host, port, tls=ssl_context or httpx.create_ssl_context(), keep_s=0)
            version = wire.tls_version
            await _hang_up(wire)
            return Probe(ok=True, step=step, why=f"{host} answers on port {port}, {version}, certificate accepted")
    except TimeoutError:
        return Probe(ok=False, step=step, why=f"no answer within {limit_s:g} s")
    except ssl.SSLCertVerificationError as error:
        return Probe(ok=False, step=step, why=f"the certificate of {host} is not accepted: {error.verify_message}")
    except (OSError, ValueError, httpx.InvalidURL) as error:
        return Probe(ok=False, step=step, why=_line(error))


async def _hang_up(wire: Wire) -> None:
    wire.abort()
    await wire.lost


def _line(error: Exception) -> str:
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(words.split())
