"""Keys, numbers and texts stay out of logs and exceptions, whatever goes wrong."""

import asyncio
import json
import logging
from urllib.parse import quote, quote_plus

import httpx
import pytest

from bridge.gateways.msmpusher import METHODS
from bridge.gateways.transport import OneConnection
from bridge.sandbox.gateway_http import Answer
from bridge.sandbox.msmpusher import Mode, MsmpusherSandbox
from tests.gateways.conftest import PRIVATE_KEY, PUBLIC_KEY, Build
from tests.gateways.contract import A

TEXT = "Geheimnis Ω of the database"
KEYS = {
    write(key) for key in (PRIVATE_KEY, PUBLIC_KEY) for write in (str, quote, quote_plus, lambda k: quote(k, safe=""))
}
SECRETS = KEYS | {A.removeprefix("+"), TEXT, "Geheimnis", quote(TEXT), quote_plus(TEXT)}


@pytest.mark.parametrize("method", METHODS)
async def test_nothing_secret_reaches_a_log_whatever_goes_wrong(
    method: str, fake: MsmpusherSandbox, gateway_for: Build, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.get_running_loop().set_debug(True)
    caplog.set_level(logging.DEBUG)
    fake.knobs.huge_bytes = 1024 * 1024
    gateway = gateway_for(fake.url, method=method, timeout_s=0.1)
    seen = [repr(gateway), str(gateway)]

    for mode in Mode:
        fake.mode = mode
        seen.append(repr((await gateway.send([A], TEXT))[A]))

    seen += [f"{record.getMessage()} {record.__dict__!r} {record.exc_text}" for record in caplog.records]
    assert [line for line in seen for secret in SECRETS if secret in line] == []


@pytest.mark.parametrize("key", [PRIVATE_KEY, PUBLIC_KEY])
async def test_a_key_that_the_gateway_echoes_is_not_in_its_words(
    key: str, fake: MsmpusherSandbox, gateway_for: Build
) -> None:
    body = {"type": key, "code": 1004, "error": f"bad key {key}", "detail": [quote(key)], "sms_id": quote_plus(key)}
    fake.mode = Mode.CUSTOM
    fake.knobs.custom = Answer(body=json.dumps(body).encode(), status=403)

    outcome = (await gateway_for(fake.url).send([A], TEXT))[A]

    assert outcome.words.error == "bad key [key]"
    assert not any(form in repr(outcome) for form in KEYS)


@pytest.mark.parametrize("mode", [Mode.DOWN, Mode.HANG, Mode.CUT, Mode.RESET_BEFORE, Mode.HUGE, Mode.NOT_HTTP])
async def test_no_error_of_the_transport_holds_the_address_s_query(mode: Mode, fake: MsmpusherSandbox) -> None:
    fake.mode = mode
    url = httpx.URL(fake.url, params={"privatekey": PRIVATE_KEY, "publickey": PUBLIC_KEY, "sender": "x"})
    url = url.copy_merge_params({"numbers": A.removeprefix("+"), "message": TEXT})
    transport = OneConnection(timeout_s=0.1)

    with pytest.raises(httpx.HTTPError) as caught:
        await transport.handle_async_request(httpx.Request("GET", url))

    error: BaseException | None = caught.value
    while error is not None:
        assert not any(secret in f"{error} {error!r}" for secret in SECRETS)
        error = error.__cause__ or error.__context__
    await transport.aclose()
