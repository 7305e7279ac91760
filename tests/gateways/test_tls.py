import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.domain.outcome import Accepted, NotSent, Reason
from bridge.gateways import Gateway, described, textlocal
from bridge.gateways.described.file import read
from bridge.gateways.probe import probe
from bridge.sandbox.msmpusher import Mode, MsmpusherSandbox
from tests.gateways.conftest import PRIVATE_KEY, PUBLIC_KEY, Authority, Build
from tests.gateways.contract import TEXT, A
from tests.gateways.described_services import SECRETS, Twilio
from tests.gateways.examples import at, example
from tests.gateways.fake_service import FakeService
from tests.gateways.textlocal_service import Textlocal


@pytest.fixture
async def secure() -> AsyncIterator[MsmpusherSandbox]:
    """Not started yet: the test says with which certificate."""
    fake = MsmpusherSandbox(private_key=PRIVATE_KEY, public_key=PUBLIC_KEY)
    yield fake
    await fake.stop()


CERTIFICATES = {
    "expired": {"start": "20200101000000Z", "end": "20200102000000Z"},
    "of another host": {"name": "DNS:other.example"},
}


async def test_calls_go_over_tls_and_keep_the_connection(
    authority: Authority, secure: MsmpusherSandbox, gateway_for: Build
) -> None:
    await secure.start(ssl=authority.server())
    gateway = gateway_for(secure.url, ssl_context=authority.trusted, timeout_s=5)

    outcomes = [(await gateway.send([A], TEXT))[A] for _ in range(3)]

    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert secure.connections == 1


async def test_two_answers_over_tls_do_not_settle_the_next_call(
    authority: Authority, secure: MsmpusherSandbox, gateway_for: Build
) -> None:
    await secure.start(ssl=authority.server())
    gateway = gateway_for(secure.url, ssl_context=authority.trusted, timeout_s=5)
    secure.next_modes.append(Mode.TWO_ANSWERS)
    secure.mode = Mode.NO_BALANCE

    await gateway.send([A], TEXT)
    outcome = (await gateway.send([A], TEXT))[A]

    assert outcome.reason is Reason.NO_BALANCE
    assert secure.connections == 2


@pytest.mark.parametrize("certificate", CERTIFICATES)
async def test_a_certificate_that_is_not_right_stops_the_call(
    certificate: str, authority: Authority, secure: MsmpusherSandbox, gateway_for: Build
) -> None:
    await secure.start(ssl=authority.server(**CERTIFICATES[certificate]))
    gateway = gateway_for(secure.url, ssl_context=authority.trusted, timeout_s=5)

    outcomes = await gateway.send([A], TEXT)

    assert outcomes == {A: NotSent(reason=Reason.BAD_TLS)}
    assert secure.calls == []


@pytest.mark.parametrize("certificate", [*CERTIFICATES, "of an unknown authority"])
@pytest.mark.parametrize("provider", ["textlocal", "twilio"])
async def test_it_stops_the_call_of_each_provider(provider: str, certificate: str, authority: Authority) -> None:
    fake = FakeService(Textlocal() if provider == "textlocal" else Twilio())
    await fake.start(ssl=authority.server(**CERTIFICATES.get(certificate, {})))
    trusted = ssl.create_default_context() if certificate == "of an unknown authority" else authority.trusted
    how: Any = {"now": lambda: datetime.now(UTC), "timeout_s": 5, "ssl_context": trusted}
    gateway: Gateway
    if provider == "textlocal":
        gateway = textlocal.build(url=fake.url, api_key="key", sender="bridge", **how)
    else:
        description = read(at(example("twilio"), fake.origin), values=SECRETS, used=["twilio"])["twilio"]
        gateway = described.build(description, make_id=lambda: "an-id", **how)

    outcomes = await gateway.send([A], TEXT)

    assert outcomes == {A: NotSent(reason=Reason.BAD_TLS)}
    assert fake.calls == []
    await gateway.aclose()
    await fake.stop()


async def test_an_unknown_authority_stops_the_call(
    authority: Authority, secure: MsmpusherSandbox, gateway_for: Build
) -> None:
    await secure.start(ssl=authority.server())

    outcomes = await gateway_for(secure.url, timeout_s=5).send([A], TEXT)  # with the certificates of everybody

    assert outcomes == {A: NotSent(reason=Reason.BAD_TLS)}
    assert secure.calls == []


async def test_a_server_without_tls_behind_https_stops_the_call(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    gateway = gateway_for(fake.url.replace("http:", "https:"), ssl_context=ssl.create_default_context(), timeout_s=5)

    assert await gateway.send([A], TEXT) == {A: NotSent(reason=Reason.BAD_TLS)}
    assert fake.calls == []


@pytest.fixture
async def mute() -> AsyncIterator[int]:
    """The port of a server that takes connections and says nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        except OSError:
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def hanging_up() -> AsyncIterator[int]:
    """The port of a server that takes connections and closes them."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_a_time_out_in_the_handshake_is_certainly_not_sent(mute: int, gateway_for: Build) -> None:
    gateway = gateway_for(f"https://127.0.0.1:{mute}/", ssl_context=ssl.create_default_context(), timeout_s=0.2)

    assert await gateway.send([A], TEXT) == {A: NotSent(reason=Reason.UNREACHABLE)}


async def test_a_connection_that_breaks_in_the_handshake_is_certainly_not_sent(
    hanging_up: int, gateway_for: Build
) -> None:
    gateway = gateway_for(f"https://127.0.0.1:{hanging_up}/", ssl_context=ssl.create_default_context(), timeout_s=5)

    assert await gateway.send([A], TEXT) == {A: NotSent(reason=Reason.UNREACHABLE)}


# the probe


async def test_the_probe_sees_an_address_that_works(authority: Authority, secure: MsmpusherSandbox) -> None:
    await secure.start(ssl=authority.server())

    found = await probe(secure.url, ssl_context=authority.trusted)

    assert (found.ok, found.step) == (True, "tls")
    assert "TLSv1" in found.why
    assert secure.calls == []


async def test_the_probe_needs_no_tls_for_http(fake: MsmpusherSandbox) -> None:
    found = await probe(fake.url)

    assert (found.ok, found.step) == (True, "tcp")
    assert fake.calls == []


@pytest.mark.parametrize(
    ("certificate", "word"), [("expired", "expired"), ("of another host", "127.0.0.1")], ids=lambda value: value
)
async def test_the_probe_says_what_is_wrong_with_a_certificate(
    certificate: str, word: str, authority: Authority, secure: MsmpusherSandbox
) -> None:
    await secure.start(ssl=authority.server(**CERTIFICATES[certificate]))

    found = await probe(secure.url, ssl_context=authority.trusted)

    assert (found.ok, found.step) == (False, "tls")
    assert word in found.why
    assert "\n" not in found.why


async def test_the_probe_uses_everybody_s_certificates(authority: Authority, secure: MsmpusherSandbox) -> None:
    await secure.start(ssl=authority.server())

    assert "not accepted" in (await probe(secure.url)).why


async def test_the_probe_names_the_step_that_fails(fake: MsmpusherSandbox, mute: int, hanging_up: int) -> None:
    fake.mode = Mode.DOWN

    refused = await probe(fake.url)
    unknown = await probe(f"https://{'x' * 70}.example/")
    silent = await probe(f"https://127.0.0.1:{mute}/", limit_s=0.3)
    broken = await probe(f"https://127.0.0.1:{hanging_up}/")
    nonsense = await probe("https://[/")

    assert [found.ok for found in (refused, unknown, silent, broken, nonsense)] == [False] * 5
    assert [found.step for found in (refused, unknown, silent, broken, nonsense)] == ["tcp", "dns", "tls", "tls", "dns"]
    assert silent.why == "no answer within 0.3 s"
    assert all(found.why and "\n" not in found.why for found in (refused, unknown, silent, broken, nonsense))
