import socket

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.domain.errors import SettingsError
from bridge.web.server import bind, web_app


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_port_0_is_any_free_port(host: str) -> None:
    with bind(host, 0) as listening:
        assert listening.getsockname()[1] > 0


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 on this machine")
def test_an_ipv6_address_is_understood() -> None:
    try:
        listening = bind("::1", 0)
    except SettingsError:
        pytest.skip("no IPv6 on this machine")
    assert listening.family == socket.AF_INET6
    listening.close()


def test_a_port_in_use_is_named_with_its_setting() -> None:
    with bind("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"^BRIDGE_HOST, BRIDGE_PORT: cannot listen on 127.0.0.1:{port}: Addr"):
            bind("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "a..b", "", " ", "x" * 300, "nul\0", "::zz"])
def test_a_host_that_cannot_be_listened_on_is_one_line(host: str) -> None:
    if host == "":
        bind(host, 0).close()  # all addresses: that is what an empty host means
        return
    with pytest.raises(SettingsError, match=r"^BRIDGE_HOST, BRIDGE_PORT: cannot listen on") as caught:
        bind(host, 0)
    assert "None" not in str(caught.value)


async def test_an_error_of_ours_is_json_and_shows_nothing_of_itself() -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError("private detail")

    app = web_app([Route("/broken", broken)])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as client:
        answer = await client.get("/broken")
    assert (answer.status_code, answer.json()["error"]) == (500, "error")
    assert "private" not in answer.text
