"""The gateways of BRIDGE_GATEWAYS, as somebody at a terminal meets them."""

from collections.abc import AsyncIterator

import pytest

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.msmpusher_modes import Mode
from tests.cli.program import Shell
from tests.gateways.fake_service import FakeService
from tests.gateways.textlocal_service import API_KEY, Textlocal, fails

TO = "0241109433"
NUMBER = "+233241109433"


@pytest.fixture
async def textlocal(shell: Shell) -> AsyncIterator[FakeService]:
    """Textlocal is the only gateway that is set."""
    fake = FakeService(Textlocal())
    await fake.start()
    for name in ("PRIVATE_KEY", "PUBLIC_KEY", "SENDER"):
        shell.variables[f"BRIDGE_MSMPUSHER_{name}"] = ""
    shell.variables |= {
        "BRIDGE_GATEWAYS": "textlocal",
        "BRIDGE_TEXTLOCAL_URL": fake.url,
        "BRIDGE_TEXTLOCAL_API_KEY": API_KEY,
        "BRIDGE_TEXTLOCAL_SENDER": "OPS",
    }
    yield fake
    await fake.stop()


async def test_a_message_goes_by_textlocal_where_that_is_the_gateway(
    shell: Shell, textlocal: FakeService, gateway: MsmpusherSandbox
) -> None:
    done = await shell.bridge("send", f"{TO},0551234567", "Disk full", "--wait")

    assert (done.code, done.err) == (0, "")
    assert f"✅ {NUMBER} accepted" in done.out
    assert sorted((sms.number, sms.text, sms.sender) for sms in textlocal.sent) == [
        (NUMBER, "Disk full", "OPS"),
        ("+233551234567", "Disk full", "OPS"),
    ]
    assert gateway.calls == []


async def test_what_textlocal_says_is_shown(shell: Shell, textlocal: FakeService) -> None:
    textlocal.decides = lambda asked: fails(7, "Insufficient credits")

    done = await shell.bridge("send", TO, "Disk full", "--wait")

    assert done.code == 1
    assert f"❌ {NUMBER} failed" in done.out
    assert "Insufficient credits" in done.out


async def test_a_break_after_the_request_is_unknown(shell: Shell, textlocal: FakeService) -> None:
    textlocal.mode = Mode.CLOSE_BEFORE_ANSWER

    done = await shell.bridge("send", TO, "Disk full", "--wait")

    assert done.code == 3
    assert len(textlocal.calls) == 1


async def test_the_first_gateway_takes_the_messages(
    shell: Shell, textlocal: FakeService, gateway: MsmpusherSandbox
) -> None:
    keys = {
        "BRIDGE_MSMPUSHER_PRIVATE_KEY": gateway.private_key,
        "BRIDGE_MSMPUSHER_PUBLIC_KEY": gateway.public_key,
        "BRIDGE_MSMPUSHER_SENDER": "OPS",
    }

    await shell.bridge("send", TO, "x", "--wait", BRIDGE_GATEWAYS="textlocal,msmpusher", **keys)
    assert (len(textlocal.sent), len(gateway.sent)) == (1, 0)

    await shell.bridge("send", TO, "x", "--wait", BRIDGE_GATEWAYS="msmpusher,textlocal", **keys)
    assert (len(textlocal.sent), len(gateway.sent)) == (1, 1)


async def test_check_looks_at_every_gateway_and_hides_the_key(shell: Shell, textlocal: FakeService) -> None:
    done = await shell.bridge("check")

    assert "gateway textlocal: 127.0.0.1 can be reached" in done.out
    assert "BRIDGE_TEXTLOCAL_API_KEY = ***" in done.out
    assert API_KEY not in done.out + done.err
    assert textlocal.calls == []


async def test_check_names_the_setting_of_a_gateway_that_cannot_be_reached(
    shell: Shell, textlocal: FakeService
) -> None:
    textlocal.mode = Mode.DOWN

    done = await shell.bridge("check")

    assert done.code == 1
    assert "gateway textlocal: BRIDGE_TEXTLOCAL_URL: 127.0.0.1 cannot be reached" in done.out


async def test_check_sends_its_test_by_the_first_gateway(shell: Shell, textlocal: FakeService) -> None:
    done = await shell.bridge("check", "--send-test", TO)

    assert "--send-test: the gateway took it" in done.out
    assert [sms.number for sms in textlocal.sent] == [NUMBER]


@pytest.mark.parametrize("command", [("run",), ("check",), ("send", TO, "x", "--wait")], ids=lambda value: value[0])
async def test_a_gateway_without_its_key_is_one_line(
    command: tuple[str, ...], shell: Shell, textlocal: FakeService
) -> None:
    done = await shell.bridge(*command, BRIDGE_TEXTLOCAL_API_KEY="")

    assert done.code == 2
    assert done.line == "BRIDGE_TEXTLOCAL_API_KEY is not set"
