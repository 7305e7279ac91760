"""One connection, and what is left over on it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from bridge.domain.outcome import Accepted, NotSent, Reason, Unknown
from bridge.gateways.transport import OneConnection
from bridge.gateways.wire import ANSWER_LIMIT, AnswerTooLarge
from bridge.sandbox.msmpusher import Mode, MsmpusherSandbox
from tests.gateways.conftest import Build
from tests.gateways.contract import TEXT, A, B

# the fake gateway: whole calls


async def test_a_kept_connection_serves_the_next_call(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    gateway = gateway_for(fake.url)

    for _ in range(5):
        await gateway.send([A], TEXT)

    assert (len(fake.sent), fake.connections) == (5, 1)


async def test_without_keeping_every_call_takes_a_fresh_connection(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    gateway = gateway_for(fake.url, keep_s=0)

    for _ in range(3):
        await gateway.send([A], TEXT)

    assert (len(fake.sent), fake.connections) == (3, 3)


@pytest.mark.parametrize(
    "fault", [Mode.CUT, Mode.HUGE, Mode.HANG, Mode.BAD_CHUNKS, Mode.RESET_BEFORE, Mode.TWO_ANSWERS, Mode.GZIP_BOMB]
)
async def test_after_trouble_the_next_call_takes_a_fresh_connection(
    fault: Mode, fake: MsmpusherSandbox, gateway_for: Build
) -> None:
    gateway = gateway_for(fake.url, timeout_s=0.5 if fault is Mode.HANG else 10)
    fake.knobs.huge_bytes = 1024 * 1024
    fake.next_modes.append(fault)
    await gateway.send([A], TEXT)
    fake.mode = Mode.NO_BALANCE

    outcome = (await gateway.send([A], TEXT))[A]

    assert (type(outcome), outcome.reason) == (NotSent, Reason.NO_BALANCE)
    assert fake.connections == 2


@pytest.mark.parametrize("standing", [Mode.NO_BALANCE, Mode.HANG])
async def test_a_second_answer_never_settles_the_next_call(
    standing: Mode, fake: MsmpusherSandbox, gateway_for: Build
) -> None:
    gateway = gateway_for(fake.url, timeout_s=0.5 if standing is Mode.HANG else 10)
    fake.next_modes.append(Mode.TWO_ANSWERS)
    fake.mode = standing

    first, second = (await gateway.send([A], TEXT))[A], (await gateway.send([A], TEXT))[A]

    assert isinstance(first, Accepted)
    assert not isinstance(second, Accepted)


@pytest.mark.parametrize("number", [A, B])
async def test_a_second_answer_that_comes_when_the_next_call_waits_is_known_by_its_id(
    number: str, fake: MsmpusherSandbox, gateway_for: Build
) -> None:
    gateway = gateway_for(fake.url, timeout_s=2)
    fake.next_modes.extend([Mode.LATE_SECOND_ANSWER, Mode.HANG])
    await gateway.send([A], TEXT)

    misled = (await gateway.send([number], TEXT))[number]
    after = (await gateway.send([number], TEXT))[number]

    assert (type(misled), misled.reason) == (Unknown, Reason.REPEATED_ID)
    assert isinstance(after, Accepted)
    assert fake.connections == 2


async def test_an_answer_for_a_stranger_ends_the_connection(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    gateway = gateway_for(fake.url)
    fake.next_modes.append(Mode.STRANGE_LIST)

    misled = (await gateway.send([A], TEXT))[A]
    await gateway.send([B], TEXT)

    assert (type(misled), misled.reason) == (Unknown, Reason.NOT_LISTED)
    assert fake.connections == 2


async def test_an_id_that_is_given_twice_is_no_acceptance(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    gateway = gateway_for(fake.url)
    await gateway.send([A], TEXT)
    fake.mode = Mode.SAME_ID

    outcome = (await gateway.send([A], TEXT))[A]

    assert (type(outcome), outcome.reason) == (Unknown, Reason.REPEATED_ID)


async def test_a_redirect_is_not_followed_even_on_a_kept_connection(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    gateway = gateway_for(fake.url)
    fake.next_modes.extend([Mode.OK, Mode.REDIRECT])
    await gateway.send([A], TEXT)
    await gateway.send([B], TEXT)

    assert [sms.number for sms in fake.sent] == [A]
    assert len(fake.calls) == 2


async def test_a_call_that_is_cancelled_leaves_no_connection(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    gateway = gateway_for(fake.url, timeout_s=30)
    arrived = asyncio.Event()
    fake.on_request = lambda call: arrived.set()
    fake.next_modes.append(Mode.HANG)
    call = asyncio.create_task(gateway.send([A], TEXT))
    await arrived.wait()

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert isinstance((await gateway.send([A], TEXT))[A], Accepted)
    assert fake.connections == 2


async def test_two_calls_at_once_never_share_the_connection(fake: MsmpusherSandbox, gateway_for: Build) -> None:
    gateway = gateway_for(fake.url)

    first, second = await asyncio.gather(gateway.send([A], TEXT), gateway.send([B], TEXT))

    assert isinstance(first[A], Accepted)
    assert isinstance(second[B], NotSent)
    assert [sms.number for sms in fake.sent] == [A]


# a server that follows a script: bytes and moments

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Runs `script` for each connection. `ended`: a connection was closed by its client."""

    def __init__(self) -> None:
        self.connections: list[asyncio.StreamWriter] = []
        self.ended = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers each request; the test may write more."""
        self.connections.append(writer)
        try:
            while await request(reader):
                writer.write(ANSWER)
        except OSError:
            pass
        finally:
            self.ended.set()
            writer.transport.abort()


async def request(reader: asyncio.StreamReader) -> bytes:
    """One GET; empty at the end of the connection."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    yield server
    listening.close()
    for writer in server.connections:
        writer.transport.abort()


@pytest.fixture
async def scripted() -> AsyncIterator[Callable[[Script], Awaitable[str]]]:
    """Starts a server for one script and gives its address."""
    started: list[asyncio.Server] = []

    async def start(script: Script) -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await script(reader, writer)
            except OSError:
                pass
            finally:
                writer.transport.abort()

        started.append(await asyncio.start_server(serve, "127.0.0.1", 0))
        return f"http://127.0.0.1:{started[-1].sockets[0].getsockname()[1]}/"

    yield start
    for server in started:
        server.close()


@pytest.fixture
async def transport() -> AsyncIterator[OneConnection]:
    transport = OneConnection(timeout_s=2.0)
    yield transport
    await transport.aclose()


def get(url: str) -> httpx.Request:
    return httpx.Request("GET", url)


async def test_bytes_that_came_while_idle_end_the_connection(server: Server, transport: OneConnection) -> None:
    await transport.handle_async_request(get(server.url))
    server.connections[0].write(ANSWER)
    await server.ended.wait()

    await transport.handle_async_request(get(server.url))

    assert len(server.connections) == 2


async def test_bytes_that_are_still_in_the_kernel_are_seen_before_the_next_request(
    server: Server, transport: OneConnection
) -> None:
    await transport.handle_async_request(get(server.url))
    server.connections[0].write(ANSWER)  # goes out at once; nobody has read it when the next call begins

    await transport.handle_async_request(get(server.url))

    assert len(server.connections) == 2


async def test_a_connection_that_the_gateway_closed_while_idle_costs_nothing(
    server: Server, transport: OneConnection
) -> None:
    await transport.handle_async_request(get(server.url))
    server.connections[0].close()
    await server.connections[0].wait_closed()

    response = await transport.handle_async_request(get(server.url))

    assert response.status_code == 200
    assert len(server.connections) == 2


async def test_an_idle_connection_is_closed_after_its_time(server: Server) -> None:
    transport = OneConnection(timeout_s=2.0, keep_s=0.05)
    await transport.handle_async_request(get(server.url))

    await asyncio.wait_for(server.ended.wait(), 2)

    await transport.handle_async_request(get(server.url))
    assert len(server.connections) == 2
    await transport.aclose()


async def test_closing_ends_the_connection_and_the_next_call_opens_another(
    server: Server, transport: OneConnection
) -> None:
    await transport.handle_async_request(get(server.url))
    await transport.aclose()
    await server.ended.wait()

    await transport.handle_async_request(get(server.url))

    assert len(server.connections) == 2


async def test_another_address_never_gets_what_is_kept_for_the_first(
    server: Server, fake: MsmpusherSandbox, transport: OneConnection
) -> None:
    await transport.handle_async_request(get(server.url))

    response = await transport.handle_async_request(get(fake.url))

    assert b"1002" in response.content


def answers(*parts: bytes, then_closes: bool = False) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
        if not then_closes:
            await reader.read()

    return script


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("script", "body"),
    [
        (answers(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5 + ANSWER), b"{}"),
        (answers(CHUNKED + b"1\r\n{\r\n", b"1\r\n}\r\n0\r\n\r\n"), b"{}"),
        (answers(b"HTTP/1.0 200 OK\r\n\r\n{}", then_closes=True), b"{}"),
        (answers(b"HTTP/1.1 204 No Content\r\n\r\n"), b""),
        (answers(ANSWER.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")), b"{}"),
    ],
)
async def test_an_answer_is_read_in_any_form_that_http_allows(
    script: Script, body: bytes, scripted: Callable[[Script], Awaitable[str]], transport: OneConnection
) -> None:
    response = await transport.handle_async_request(get(await scripted(script)))

    assert response.content == body


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (answers(then_closes=True), httpx.RemoteProtocolError),
        (answers(b"HTTP/1.1 200 OK\r\nContent-Le", then_closes=True), httpx.RemoteProtocolError),
        (answers(CHUNKED + b"2\r\n{}\r\n", then_closes=True), httpx.RemoteProtocolError),
        (answers(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), httpx.RemoteProtocolError),
        (answers(b"HTTP/1.1 200 OK\r\nX: " + b"x" * ANSWER_LIMIT), AnswerTooLarge),
        (answers(CHUNKED + b"1\r\n \r\n" * ANSWER_LIMIT), AnswerTooLarge),
        (answers(b"HTTP/1.1 103 Early Hints\r\n\r\n" * ANSWER_LIMIT), AnswerTooLarge),
    ],
)
async def test_what_is_no_whole_answer_is_an_error(
    script: Script,
    error: type[Exception],
    scripted: Callable[[Script], Awaitable[str]],
    transport: OneConnection,
) -> None:
    with pytest.raises(error):
        await transport.handle_async_request(get(await scripted(script)))


async def test_a_request_that_is_no_http_is_never_sent(server: Server, transport: OneConnection) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        await transport.handle_async_request(httpx.Request("GET", server.url, headers={"X": "a\nb"}))


async def test_another_scheme_is_not_spoken(transport: OneConnection) -> None:
    with pytest.raises(httpx.UnsupportedProtocol):
        await transport.handle_async_request(get("ftp://127.0.0.1/"))


async def test_a_name_that_cannot_be_looked_up_is_no_connection(transport: OneConnection) -> None:
    with pytest.raises(httpx.ConnectError):
        await transport.handle_async_request(get(f"http://{'x' * 70}.example/"))


async def test_a_name_is_looked_up(server: Server, transport: OneConnection) -> None:
    response = await transport.handle_async_request(get(server.url.replace("127.0.0.1", "localhost")))

    assert response.status_code == 200


async def test_the_environment_s_proxies_are_not_used(
    server: Server, transport: OneConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert (await transport.handle_async_request(get(server.url))).status_code == 200
