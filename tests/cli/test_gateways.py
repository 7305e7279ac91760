"""The gateways of BRIDGE_GATEWAYS, as somebody at a terminal meets them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.sandbox.msmpusher import MsmpusherSandbox
from bridge.sandbox.msmpusher_modes import Mode
from tests.cli.program import Shell
from tests.gateways.described_services import SECRETS, AfricasTalking, Twilio
from tests.gateways.examples import at, example, names
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
    assert "gateway textlocal: admins hear when its balance is at 100 or below" in done.out
    assert API_KEY not in done.out + done.err
    assert textlocal.calls == []


async def test_check_says_where_nobody_hears_before_the_balance_is_gone(shell: Shell, textlocal: FakeService) -> None:
    done = await shell.bridge("check", BRIDGE_TEXTLOCAL_LOW_BALANCE="0")

    assert "note    gateway textlocal: BRIDGE_TEXTLOCAL_LOW_BALANCE sets no mark: nobody hears" in done.out


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

    assert done.wrong == ["BRIDGE_TEXTLOCAL_API_KEY is not set"]


# gateways of a file


def file(shell: Shell) -> Path:
    return shell.folder / "gateways.toml"


@pytest.fixture
async def twilio(shell: Shell) -> AsyncIterator[FakeService]:
    """The page's example is the only gateway that is set."""
    fake = FakeService(Twilio())
    await fake.start()
    file(shell).write_text(at(example("twilio"), fake.origin))
    for name in ("PRIVATE_KEY", "PUBLIC_KEY", "SENDER"):
        shell.variables[f"BRIDGE_MSMPUSHER_{name}"] = ""
    shell.variables |= {"BRIDGE_GATEWAYS": "twilio", "BRIDGE_HTTP_GATEWAYS": str(file(shell)), **SECRETS}
    yield fake
    await fake.stop()


async def test_a_message_goes_by_a_gateway_of_the_file(shell: Shell, twilio: FakeService) -> None:
    done = await shell.bridge("send", TO, "Disk full: 世界", "--wait")

    assert (done.code, done.err) == (0, "")
    assert f"✅ {NUMBER} accepted" in done.out
    assert [(sms.number, sms.text, sms.sender) for sms in twilio.sent] == [(NUMBER, "Disk full: 世界", "+15005550006")]


async def test_what_it_refuses_is_shown_in_its_own_words(shell: Shell, twilio: FakeService) -> None:
    twilio.decides = lambda asked: Twilio.refuses(21610, message="Attempt to send to unsubscribed recipient")

    done = await shell.bridge("send", TO, "x", "--wait")

    assert done.code == 1
    assert f"❌ {NUMBER} rejected · the gateway refuses this message · 21610" in done.out
    assert "unsubscribed recipient" in done.out


async def test_a_list_goes_out_in_calls_as_large_as_the_file_allows(shell: Shell, twilio: FakeService) -> None:
    fake = FakeService(AfricasTalking())
    await fake.start()
    file(shell).write_text(at(example("africastalking"), fake.origin).replace("batch = 50", "batch = 2"))

    done = await shell.bridge("send", f"{TO},0551234567,0201234567", "x", "--wait", BRIDGE_GATEWAYS="africastalking")

    assert done.code == 0
    assert len(fake.sent) == 3
    assert len(fake.calls) == 2
    await fake.stop()


async def test_a_queued_message_needs_neither_the_file_nor_its_values(shell: Shell, twilio: FakeService) -> None:
    file(shell).unlink()

    done = await shell.bridge("send", TO, "x", TWILIO_AUTH_TOKEN="")

    assert (done.code, done.err) == (0, "")


async def test_check_takes_the_examples_as_they_stand(shell: Shell, twilio: FakeService) -> None:
    """But for the address of the one that is used, which is probed; the others are read."""
    others = "\n".join(example(name) for name in names() if name != "twilio")
    file(shell).write_text(file(shell).read_text() + others)

    done = await shell.bridge("check")

    assert "gateway twilio: 127.0.0.1 can be reached" in done.out
    assert "WRONG" not in done.out
    assert twilio.calls == []
    assert not [secret for secret in SECRETS.values() if secret in done.out + done.err]


async def test_check_names_every_mistake(shell: Shell, twilio: FakeService) -> None:
    file(shell).write_text(file(shell).read_text().replace("basic_auth", "basic_aut").replace("{text}", "{txt}"))

    done = await shell.bridge("check")

    assert done.code == 1
    lines = [line for line in done.out.splitlines() if "BRIDGE_HTTP_GATEWAYS: " in line and "WRONG" in line]
    assert len(lines) == 2
    assert f"{file(shell)}: line 3: gateways.twilio.basic_aut is not known here; is basic_auth meant?" in lines[0]
    assert f"{file(shell)}: line 5: gateways.twilio.form.Body cannot hold {{txt}}" in lines[1]


async def test_check_says_that_a_gateway_is_called_in_the_clear(shell: Shell, twilio: FakeService) -> None:
    file(shell).write_text(at(example("twilio"), "http://sms.invalid"))

    done = await shell.bridge("check")

    (line,) = (line for line in done.out.splitlines() if line.startswith("CAUTION"))
    assert line.endswith(f"{file(shell)}: gateways.twilio.url is http: keys and texts travel in the clear")


@pytest.mark.parametrize("command", [("run",), ("send", TO, "x", "--wait")], ids=lambda value: value[0])
@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"TWILIO_AUTH_TOKEN": ""}, "{file}: line 3: gateways.twilio.basic_auth[2] needs ${TWILIO_AUTH_TOKEN}, which"),
        ({"BRIDGE_GATEWAYS": "twlio"}, "there is no gateway 'twlio' in {file}; did you mean twilio?"),
        ({"BRIDGE_GATEWAYS": "qqqq"}, "there is no gateway 'qqqq' in {file}; there is msmpusher, textlocal, twilio"),
        ({"BRIDGE_HTTP_GATEWAYS": "/none"}, "BRIDGE_HTTP_GATEWAYS: cannot read /none: No such file or directory"),
        ({"BRIDGE_HTTP_GATEWAYS": ""}, "BRIDGE_GATEWAYS: 'twilio' is neither msmpusher nor textlocal"),
    ],
)
async def test_a_gateway_that_cannot_be_built_is_one_line(
    command: tuple[str, ...], variables: dict[str, str], line: str, shell: Shell, twilio: FakeService
) -> None:
    done = await shell.bridge(*command, **variables)

    assert done.code == 2
    assert line.replace("{file}", str(file(shell))) in done.line
    assert not shell.database.exists()
