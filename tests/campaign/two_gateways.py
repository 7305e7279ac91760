"""A second gateway behind the first, with one ledger for both: what one did and the other did again shows in it."""

import itertools

from bridge.sandbox.msmpusher import Mode, MsmpusherSandbox
from tests.campaign.gateway_faults import MODES
from tests.campaign.stage import Act, Stage

DESCRIPTION = """
[gateways.second]
url = "{url}"
sender = "MSMPUSHER"
plus = false
json = {{ privatekey = "{private}", publickey = "{public}", sender = "{{sender}}", numbers = "{{number}}", message = "{{text}}" }}
answer = {{ id = "sms_id", code = "code", error = "error" }}
rules = [
  {{ json = "status", is = 1000, outcome = "accepted" }},
  {{ json = "code", is = 1003, outcome = "out_of_service", reason = "no_balance" }},
  {{ json = "code", is = 1005, outcome = "rejected", reason = "bad_number" }},
  {{ json = "code", is = 1009, outcome = "not_sent", reason = "gateway_failed" }},
]
"""  # noqa: E501
# Of a call that the description above can tell the end of, or that ends in silence.
EITHER = (
    Mode.OK,
    Mode.NO_BALANCE,
    Mode.FAILS,
    Mode.RESET_BEFORE,
    Mode.CLOSE_BEFORE_ANSWER,
    Mode.TIMEOUT_AFTER_ACCEPT,
    Mode.HANG,
    Mode.CUT,
    Mode.BAD_CHUNKS,
    Mode.TWO_ANSWERS,
    Mode.BUSY_SECONDS,
    Mode.UNAVAILABLE,
    Mode.HTML_502,
    Mode.REDIRECT,
    Mode.EMPTY_BODY,
)


async def stands_behind(stage: Stage) -> None:
    """It works, and is asked when the first one cannot."""
    first = stage.scene.gateway
    stage.second = second = MsmpusherSandbox()
    second.sent, second.calls, second.knobs = first.sent, first.calls, first.knobs
    await second.start()
    stage.undo.push_async_callback(second.stop)
    description = stage.folder / "gateways.toml"
    description.write_text(
        DESCRIPTION.format(url=second.url, private=second.private_key, public=second.public_key), encoding="utf-8"
    )
    stage.settings |= {"gateways": "msmpusher,second", "http_gateways": str(description)}


def both_are(first: Mode, second: Mode) -> Act:
    """From now on."""

    def begin(stage: Stage) -> None:
        stage.scene.gateway.mode = first
        stage.other_gateway.mode = second

    return begin


def both_change(stage: Stage) -> None:
    """Another fault with every call, each in an order of its own."""
    for gateway in (stage.scene.gateway, stage.other_gateway):
        order = itertools.cycle(stage.chance.sample(EITHER, len(EITHER)))

        def next_one(_: object, gateway: MsmpusherSandbox = gateway, order: "itertools.cycle[Mode]" = order) -> None:
            gateway.mode = next(order)

        gateway.on_request = next_one


def both_are_well(stage: Stage) -> None:
    """As they should be."""
    for gateway in (stage.scene.gateway, stage.other_gateway):
        gateway.on_request = None
        gateway.mode = Mode.OK


FIRST_IS = (
    "connection refused",
    "hangs, nothing sent",
    "sends, and hangs",
    "closed before an answer",
    "cut",
    "429, seconds",
    "1003",
    "1005",
)
PAIRS = {f"the first: {name}": (MODES[name], Mode.OK) for name in FIRST_IS} | {
    "both: connection refused": (Mode.DOWN, Mode.DOWN),
    "both: 1003": (Mode.NO_BALANCE, Mode.NO_BALANCE),
    "both: sends, and hangs": (Mode.TIMEOUT_AFTER_ACCEPT, Mode.TIMEOUT_AFTER_ACCEPT),
}
