"""Cases with a second gateway behind the first."""

from bridge.sandbox.msmpusher import Mode
from tests.campaign.gateway_faults import MODES
from tests.campaign.stage import Act, Stage
from tests.support.second_gateway import be_well, behind, change_with_every_call


async def stands_behind(stage: Stage) -> None:
    """It works, and is asked when the first one cannot."""
    stage.second, settings = await stage.undo.enter_async_context(behind(stage.scene.gateway, stage.folder))
    stage.settings |= settings


def both_are(first: Mode, second: Mode) -> Act:
    """From now on."""

    def begin(stage: Stage) -> None:
        stage.scene.gateway.mode = first
        stage.other_gateway.mode = second

    return begin


def both_change(stage: Stage) -> None:
    """Another fault with every call, each in an order of its own."""
    for gateway in (stage.scene.gateway, stage.other_gateway):
        change_with_every_call(gateway, stage.chance)


def both_are_well(stage: Stage) -> None:
    """As they should be."""
    for gateway in (stage.scene.gateway, stage.other_gateway):
        be_well(gateway)


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
