"""Plays cases: people act, something is wrong, processes die, it ends, all settles, everything is counted."""

import inspect
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.campaign.cases import Case
from tests.campaign.machine_parts import NotHere
from tests.campaign.moments import before
from tests.campaign.stage import Stage
from tests.campaign.tally import Row, tally
from tests.support.eventually import until

LIVES_S = 0.6
"""How long a process lives at most that is to be killed."""
SETTLES_S = 60.0
SKIPS_S = 2.5 * 3600
"""Waits of the program that may be skipped. A clock that was set back makes some of 70 minutes; none is longer."""
FALLBACK_S = 31 * 60
"""After which those are paged again whom nobody could page so far."""


async def play(case: Case, folder: Path, chance: random.Random, kills: int) -> Row:
    """One case, with so many kills. Gives its row."""
    try:
        stage = Stage(folder, chance, small_disk=case.small_disk)
    except NotHere as error:
        return Row(case=case.title, not_here=str(error))
    stage.settings |= case.settings
    try:
        await stage.open()
        await act(case.prepare, stage)
        unsettled = await _lives(case, stage, kills)
        return tally(stage, case.title, unsettled, set_back=case.set_back)
    except NotHere as error:
        return Row(case=case.title, not_here=str(error))
    finally:
        await stage.close()
        shutil.rmtree(folder)


async def _lives(case: Case, stage: Stage, kills: int) -> list[str]:
    """One process after the other. Gives what was not settled in the end."""
    for life in range(kills + 1):
        is_last = life == kills
        await stage.start(None if is_last else stage.a_kill())
        if life == 0:
            stage.people_write(2)
            stage.alerts_fire(1, case.team)
            await stage.a_moment(LIVES_S / 2)
            await act(case.begin, stage)
            stage.people_write(case.writes)
        stage.people_write(1)
        stage.alerts_fire(1, case.team)
        await stage.people_acknowledge(1)
        if not is_last:
            await stage.a_moment(LIVES_S)
            await stage.kill()
    await before(case.holds_s, stage.everything_was_tried)
    await act(case.end, stage)
    await stage.start()
    await stage.people_acknowledge(1)
    return await settle(stage)


async def act(does: Callable[[Stage], object], stage: Stage) -> None:
    """Do it, and wait until it is done."""
    if inspect.isawaitable(waits := does(stage)):
        await waits


async def settle(stage: Stage) -> list[str]:
    """Let time pass until nothing is left to be done; gives what is, when it does not end."""
    skipped, step = 0.0, 0.1
    deadline = time.monotonic() + SETTLES_S

    def over() -> bool:
        nonlocal skipped, step
        if not _unrest(stage) or time.monotonic() > deadline:
            return True
        if skipped < SKIPS_S:
            stage.clock.skip(step)
            skipped += step
            step = min(step * 1.05, 20.0)
        return False

    for _ in range(3):
        await until(over, timeout_s=2 * SETTLES_S)
        if not any("no phone got it" in words for words in stage.night.audit().wrong):
            break
        stage.clock.skip(FALLBACK_S)
        await stage.looks_again()
    unrest = _unrest(stage)
    if stage.service is None:
        last = stage.scene.services[-1]
        unrest.append(f"the process has ended by itself: {last.exit_code}, {last.output[-200:]}")
    return unrest


def _unrest(stage: Stage) -> list[str]:
    untold = stage.untold()
    return [f"{untold} alerts are not taken"] if untold else stage.night.unrest()


class Campaign:
    """Rounds of cases until enough processes were killed."""

    def __init__(self, folder: Path, seed: int, *, tell: Callable[[str], None] = print) -> None:
        """`tell` hears of each case that is over."""
        self._folder = folder
        self._seed = seed
        self._tell = tell
        self._rows: dict[str, Row] = {}

    @property
    def rows(self) -> list[Row]:
        """One for each case that was played so far."""
        return list(self._rows.values())

    async def run(self, cases: Sequence[Case], *, kills: int, most_a_case: int) -> None:
        """Every case once, and again until there were so many kills in all."""
        rows = self._rows
        number, left = 0, kills
        while number == 0 or (left > 0 and any(row.kills for row in rows.values())):
            number += 1
            plan = self._kills_of_a_round(number, cases, left, most_a_case)
            for case in cases if number == 1 else plan:
                chance = random.Random(f"{self._seed} {number} {case.title}")
                row = await play(case, self._folder / "case", chance, plan[case])
                rows[case.title] = rows[case.title] + row if case.title in rows else row
                left -= row.kills
                self._told(number, row)

    def _kills_of_a_round(self, number: int, cases: Sequence[Case], left: int, most: int) -> Counter[Case]:
        """How often the processes of each case die: half of what could be, some more and some less."""
        places = [case for case in cases for _ in range(most)]
        chance = random.Random(f"{self._seed} {number}")
        return Counter(chance.sample(places, min(left, (len(places) + 1) // 2)))

    def _told(self, number: int, row: Row) -> None:
        self._tell(f"round {number}, {row.case}: {row.kills} kills, {row.lost} lost, {row.doubled} doubled")
        for words in row.why:
            self._tell(f"  {words}")


def is_clean(rows: Sequence[Row]) -> bool:
    """Nothing lost, nothing doubled without saying so, and no log that holds what it must not."""
    return not any(row.lost or row.doubled or row.why for row in rows)
