"""An httpx transport for calls that must not be doubled: one connection, one total time limit, a small answer.

    connecting      ConnectError, ConnectTimeout: no byte of the request went out
    request is out  ReadError, ReadTimeout, RemoteProtocolError, AnswerTooLarge, DecodingError: it may have arrived

httpx's own transport limits each read and not the call, reads 64 MB without a word, and hands what one answer left
over to the next request. The environment's proxies are not used: a call goes to the address in the settings or nowhere.
"""

import asyncio
import ssl
import zlib

import httpx

from bridge.gateways.wire import ANSWER_LIMIT, AnswerTooLarge, RawAnswer, Wire, connect

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class OneConnection(httpx.AsyncBaseTransport):
    """One call at a time over one connection, which is kept at most `keep_s` seconds idle (0: never).

    `timeout_s` is for the whole call, from connecting to the last byte. Raises httpx's errors only. `aclose` closes the
    connection; the next call opens another. Certificates are httpx's (certifi, or `SSL_CERT_FILE`) unless given.
    """

    def __init__(self, *, timeout_s: float, ssl_context: ssl.SSLContext | None = None, keep_s: float = 2.0) -> None:
        self._timeout_s = timeout_s
        self._ssl = ssl_context
        self._keep_s = keep_s
        self._wire: Wire | None = None
        self._origin: tuple[str, str, int] | None = None
        self._busy = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._busy:
            raise httpx.PoolTimeout("another call uses this connection")
        self._busy = True
        written = False
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await request.aread()
                wire = await self._connected(request.url)
                answer = wire.ask(request, body)
                written = True
                return _response(await answer)
        except TimeoutError:
            self._drop()
            if written:
                raise httpx.ReadTimeout("no whole answer in time") from None
            raise httpx.ConnectTimeout("no connection in time") from None
        except BaseException:
            self._drop()
            raise
        finally:
            self._busy = False

    async def aclose(self) -> None:
        wire = self._wire
        self._drop()
        if wire is not None:
            await wire.lost

    def _drop(self) -> None:
        if self._wire is not None:
            self._wire.abort()
            self._wire = None

    async def _connected(self, url: httpx.URL) -> Wire:
        """The kept connection where it is surely clean, else a new one."""
        origin = url.scheme, url.raw_host.decode("ascii"), url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
        if self._wire is not None and self._origin == origin and self._wire.is_clean():
            return self._wire
        self._drop()
        self._origin = scheme, host, port = origin
        if scheme not in ("http", "https"):
            raise httpx.UnsupportedProtocol("neither http nor https")
        if scheme == "https" and self._ssl is None:
            self._ssl = httpx.create_ssl_context()
        try:
            tls = self._ssl if scheme == "https" else None
            self._wire = await connect(host, port, tls=tls, keep_s=self._keep_s)
        except (OSError, ValueError) as error:
            raise httpx.ConnectError("no connection") from error
        return self._wire


def _response(answer: RawAnswer) -> httpx.Response:
    """With a body that is already unpacked, as far as we unpack."""
    packed = b", ".join(value for name, value in answer.headers if name.lower() == b"content-encoding").strip().lower()
    return httpx.Response(
        answer.status,
        headers=[(name, value) for name, value in answer.headers if name.lower() not in _ABOUT_THE_BODY],
        content=_unpacked(answer.body, packed),
    )


_ABOUT_THE_BODY = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


def _unpacked(body: bytes, packed: bytes) -> bytes:
    """We ask for plain answers; a gateway that packs them all the same is read up to the limit."""
    if packed in (b"", b"identity") or not body:
        return body
    if packed not in (b"gzip", b"x-gzip", b"deflate"):
        raise httpx.DecodingError("the answer is packed in a way that we did not ask for")
    unpack = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        plain = unpack.decompress(body, ANSWER_LIMIT + 1)
    except zlib.error:
        raise httpx.DecodingError("the answer cannot be unpacked") from None
    if len(plain) > ANSWER_LIMIT:
        raise AnswerTooLarge("the answer is larger than we read")
    if not unpack.eof or unpack.unused_data:
        raise httpx.DecodingError("the packed answer does not end where it should")
    return plain
