"""What a store can do to a program: it is full, locked, read-only."""

import subprocess

from bridge.store.database import BUSY_TIMEOUT_S
from tests.campaign.machine_parts import system
from tests.campaign.stage import Stage

LOCK_S = BUSY_TIMEOUT_S + 1.5
"""Long enough for the program to be refused, and not only to wait."""


def fills_the_disk(stage: Stage) -> None:
    """To the last byte."""
    with (stage.scene.database.parent / "filler").open("ab", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue


def empties_the_disk(stage: Stage) -> None:
    """There is room again."""
    stage.scene.gateway.on_decided = None
    (stage.scene.database.parent / "filler").unlink(missing_ok=True)


def fills_the_disk_at_the_outcome(stage: Stage) -> None:
    """When the phone has buzzed, and before anybody knows."""
    stage.scene.gateway.on_decided = lambda _: fills_the_disk(stage)


def locks(stage: Stage) -> None:
    """Another program writes, and does not end."""
    stage.scene.lock_database()


def unlocks(stage: Stage) -> None:
    """It is done."""
    stage.scene.gateway.on_decided = None
    stage.scene.unlock_database()


def locks_at_the_outcome(stage: Stage) -> None:
    """When the phone has buzzed, and before anybody knows."""

    def lock(_: object) -> None:
        if not stage.scene.locks:
            stage.scene.lock_database()

    stage.scene.gateway.on_decided = lock


async def makes_read_only(stage: Stage) -> None:
    """Even for root; the program finds out at its next start."""
    await stage.kill()
    database = str(stage.scene.database)
    system("chattr", "+i", database)
    stage.undo.callback(subprocess.run, ["chattr", "-i", database], check=True)
    await stage.start()


def makes_writable(stage: Stage) -> None:
    """As before."""
    system("chattr", "-i", str(stage.scene.database))
