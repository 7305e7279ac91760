"""Faults that hold together, in any order: hypothesis begins and ends them, and lets people act in between."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as with_seed
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.campaign.cases import Case, all_cases
from tests.campaign.driver import act, settle
from tests.campaign.moments import before
from tests.campaign.stage import Stage
from tests.campaign.tally import Row, tally

CASES = {case.title: case for case in all_cases() if case.combines}
LASTING = [title for title, case in CASES.items() if case.group != "clock"]
JUMPS = [title for title, case in CASES.items() if case.group == "clock"]
NAME = "combinations"
MOMENTS_S = st.floats(0, 0.2)


class Combination(RuleBasedStateMachine):
    """One installation. The books hold after every step, and when all has ended and settled."""

    def __init__(self, rows: list[Row]) -> None:
        """`rows` gets a row when it is over."""
        super().__init__()
        self._rows = rows
        self._runner = asyncio.Runner()
        self._folder = Path(tempfile.mkdtemp(prefix="campaign-"))
        self._holding: dict[str, Case] = {}
        self._set_back = False
        self._stage = self._runner.run(self._opened())

    async def _opened(self) -> Stage:
        stage = Stage(self._folder, random.Random(0))
        await stage.open()
        await stage.start()
        return stage

    @rule(title=st.sampled_from(LASTING), moment=MOMENTS_S)
    def fault_begins(self, title: str, moment: float) -> None:
        case = CASES[title]
        if case.group not in self._holding:
            self._holding[case.group] = case
            self._runner.run(self._act(case.begin, moment))

    @precondition(lambda self: self._holding)
    @rule(which=st.integers(0, 2), moment=MOMENTS_S)
    def fault_ends(self, which: int, moment: float) -> None:
        group = sorted(self._holding)[which % len(self._holding)]
        self._runner.run(self._act(self._holding.pop(group).end, moment))

    @rule(title=st.sampled_from(JUMPS), moment=MOMENTS_S)
    def clock_is_set(self, title: str, moment: float) -> None:
        self._set_back |= CASES[title].set_back
        self._runner.run(self._act(CASES[title].begin, moment))

    @rule(count=st.integers(1, 3), moment=MOMENTS_S)
    def people_write(self, count: int, moment: float) -> None:
        self._runner.run(self._act(lambda stage: stage.people_write(count), moment))

    @rule(count=st.integers(1, 2), moment=MOMENTS_S)
    def alerts_fire(self, count: int, moment: float) -> None:
        self._runner.run(self._act(lambda stage: stage.alerts_fire(count), moment))

    @rule(count=st.integers(1, 2), moment=MOMENTS_S)
    def people_acknowledge(self, count: int, moment: float) -> None:
        self._runner.run(self._act(lambda stage: stage.people_acknowledge(count), moment))

    @precondition(lambda self: self._stage.service is not None)
    @rule(moment=MOMENTS_S, is_followed=st.booleans())
    def process_dies(self, moment: float, is_followed: bool) -> None:
        self._runner.run(self._dies(moment, is_followed))

    @precondition(lambda self: self._stage.service is None)
    @rule(moment=MOMENTS_S)
    def process_starts(self, moment: float) -> None:
        self._runner.run(self._act(lambda stage: stage.begin_process(), moment))

    async def _act(self, does: Callable[[Stage], object], moment: float) -> None:
        await act(does, self._stage)
        await before(moment)

    async def _dies(self, moment: float, is_followed: bool) -> None:
        await before(moment)
        await self._stage.kill()
        if is_followed:
            await self._stage.start()

    @invariant()
    def nothing_is_lost_or_doubled_so_far(self) -> None:
        scene = self._stage.scene
        assert scene.confirmed() <= scene.books.kept()
        assert (scene.report().doubled, self._stage.night.audit().doubled) == (0, 0)

    def teardown(self) -> None:
        try:
            row = self._runner.run(self._over())
            self._rows.append(row)
            assert not row.why, row.why
        finally:
            self._runner.run(self._stage.close())
            self._runner.close()
            shutil.rmtree(self._folder)

    async def _over(self) -> Row:
        stage = self._stage
        for case in self._holding.values():
            await act(case.end, stage)
        await stage.start()
        return tally(stage, NAME, await settle(stage), set_back=self._set_back)


def play_combinations(count: int, steps: int, *, seed: int = 1) -> tuple[Row, str]:
    """So many, of so many steps at most. Gives their sum, and what was found wrong.

    Not from within an event loop.
    """
    rows: list[Row] = []
    chosen = settings(
        max_examples=count,
        stateful_step_count=steps,
        derandomize=False,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    wrong = ""
    try:
        run_state_machine_as_test(with_seed(seed)(lambda: Combination(rows)), settings=chosen)
    except (AssertionError, Flaky, ExceptionGroup) as error:
        wrong = f"{error}\n" + "\n".join(getattr(error, "__notes__", ()))
    return sum_of(rows, wrong), wrong


def sum_of(rows: list[Row], wrong: str) -> Row:
    """One row. Something wrong that no row counts is a loss."""
    total = Row(case=NAME, rounds=0)
    for row in rows:
        total += row
    if wrong and not (total.lost or total.doubled):
        total += Row(case=NAME, rounds=0, lost=1, why=(wrong,))
    return total
