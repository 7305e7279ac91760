"""A server whose certificate is not good, and addresses that ask for one and name none: one line says which it is."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from bridge.domain.errors import StoreUnavailable, StoreUnusable
from bridge.store.homes import home_of
from tests.gateways.conftest import Authority, authority  # noqa: F401 - a fixture
from tests.support.named_values import put


class Front:
    """What a client of PostgreSQL meets before its first word: whether TLS is spoken, and then whose certificate."""

    def __init__(self, certificate: ssl.SSLContext | None) -> None:
        """`certificate`: None for a server that speaks none."""
        self._certificate = certificate
        self.url = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"postgresql://bridge@127.0.0.1:{self._server.sockets[0].getsockname()[1]}/bridge"

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.readexactly(8)  # SSLRequest
            writer.write(b"S" if self._certificate else b"N")
            if self._certificate:
                await writer.start_tls(self._certificate)
        writer.close()


@pytest.fixture
async def front(authority: Authority) -> AsyncIterator[Front]:  # noqa: F811
    front = Front(authority.server(name="DNS:db.example.org"))
    await front.start()
    yield front
    await front.stop()


async def test_a_certificate_of_another_host_is_named_and_is_no_bug_of_ours(
    front: Front,
    authority: Authority,  # noqa: F811
) -> None:
    """Also for a service that is up when the server gets it: it asks again, and says why."""
    home = home_of(f"{front.url}?sslmode=verify-full&sslrootcert={authority.folder / 'ca.pem'}")
    with pytest.raises(StoreUnusable, match=r"the server's certificate is not good: .*127\.0\.0\.1"):
        await home.current()
    database = home.open()
    with pytest.raises(StoreUnavailable, match=r"^database: the server's certificate is not good: "):
        await database.write(put("one"))
    await database.aclose()


async def test_a_certificate_of_an_unknown_authority_is_named(front: Front, authority: Authority) -> None:  # noqa: F811
    other = Authority(folder=authority.folder.parent / "other")
    other.create()
    home = home_of(f"{front.url}?sslmode=verify-ca&sslrootcert={other.folder / 'ca.pem'}")
    with pytest.raises(StoreUnusable, match="the server's certificate is not good: "):
        await home.current()


async def test_a_server_that_speaks_none_is_named() -> None:
    front = Front(None)
    await front.start()
    with pytest.raises(StoreUnusable, match="the server speaks no TLS, and sslmode asks for it"):
        await home_of(f"{front.url}?sslmode=require").current()
    await front.stop()


async def test_a_file_without_a_certificate_is_named(front: Front, authority: Authority) -> None:  # noqa: F811
    empty = authority.folder / "empty.pem"
    empty.touch()
    with pytest.raises(StoreUnusable, match="TLS with the server fails: NO_CERTIFICATE_OR_CRL_FOUND"):
        await home_of(f"{front.url}?sslmode=verify-ca&sslrootcert={empty}").current()


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca"])
async def test_what_an_address_lacks_is_named(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(StoreUnusable, match="sslmode=verify-ca and verify-full need sslrootcert=FILE"):
        await home_of(f"postgresql://bridge:s3cret@127.0.0.1:1/bridge?sslmode={mode}").current()
