"""A second gateway behind the first, with one ledger for both: what one did and the other did again shows in it."""

import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bridge.sandbox.msmpusher import Mode, MsmpusherSandbox

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


@asynccontextmanager
async def behind(first: MsmpusherSandbox, folder: Path) -> AsyncIterator[tuple[MsmpusherSandbox, dict[str, str]]]:
    """It, and the settings of a service that asks it when the first one cannot. `folder`: for its description."""
    second = MsmpusherSandbox()
    second.sent, second.calls, second.knobs = first.sent, first.calls, first.knobs
    await second.start()
    description = folder / "gateways.toml"
    description.write_text(
        DESCRIPTION.format(url=second.url, private=second.private_key, public=second.public_key), encoding="utf-8"
    )
    yield second, {"gateways": "msmpusher,second", "http_gateways": str(description)}
    await second.stop()


def change_with_every_call(gateway: MsmpusherSandbox, chance: random.Random) -> None:
    """From now on another fault each time, in some order."""
    order = itertools.cycle(chance.sample(EITHER, len(EITHER)))

    def next_one(_: object) -> None:
        gateway.mode = next(order)

    gateway.on_request = next_one


def be_well(gateway: MsmpusherSandbox) -> None:
    """As it should be."""
    gateway.on_request = None
    gateway.mode = Mode.OK
