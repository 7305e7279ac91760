"""The campaign in short: a case of each kind with a kill, one combination; and that it sees what it looks for."""

import dataclasses
import random
from pathlib import Path

import pytest

from tests.campaign.cases import Case, all_cases
from tests.campaign.combinations import play_combinations
from tests.campaign.driver import is_clean, play, settle
from tests.campaign.stage import Stage
from tests.campaign.tally import Row, table, tally

SHORT = (
    "gateway: another fault with every call",
    "gateway: sends, and hangs",
    "gateway: TLS: expired",
    "telegram: 502, HTML",
    "telegram: the group becomes a supergroup",
    "store: nothing but kills",
    "clock: an hour back",
)
CASES = {case.title: case for case in all_cases()}


def test_no_two_cases_have_one_title() -> None:
    assert len(CASES) == len(all_cases())


@pytest.mark.parametrize("case", [CASES[title] for title in SHORT], ids=lambda case: case.title)
async def test_nothing_is_lost_and_nothing_doubled_in_silence_while(case: Case, tmp_path: Path) -> None:
    row = await play(case, tmp_path / "case", random.Random(case.title), kills=1)
    if row.not_here:
        pytest.skip(row.not_here)
    print(f"\n{table([row])}")
    assert not row.why
    assert is_clean([row])
    assert min(row.asked, row.sent, row.said) > 0


def test_nothing_is_lost_and_nothing_doubled_in_silence_when_faults_combine() -> None:
    row, wrong = play_combinations(2, 10)
    print(f"\n{table([row])}")
    assert not wrong
    assert is_clean([row])


OF_A_COMMAND = "(SELECT min(id) FROM messages WHERE source = 'telegram')"
TAMPERED = {  # what is done to the database -> in which columns it is seen
    f"DELETE FROM deliveries WHERE message_id = {OF_A_COMMAND}": {"lost"},
    f"UPDATE deliveries SET state = 'failed' WHERE message_id = {OF_A_COMMAND}": {"lost", "doubled"},
    f"UPDATE posts SET telegram_id = NULL WHERE message_id = {OF_A_COMMAND}": {"lost"},
    "DELETE FROM inbox": {"lost"},
    "DELETE FROM incidents": {"lost"},
    "DELETE FROM attempts": {"doubled"},
}


async def test_what_is_lost_or_doubled_is_counted(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "case", random.Random(1))
    await stage.open()
    try:
        await stage.start()
        stage.people_write(2)
        stage.alerts_fire(1)
        assert await settle(stage) == []
        await stage.kill()
        assert is_clean([tally(stage, "untouched")])
        stage.scene.on_database(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
        whole = stage.scene.database.read_bytes()
        for statement, columns in TAMPERED.items():
            stage.scene.on_database(lambda connection, statement=statement: connection.execute(statement))
            stage.scene.on_database(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
            assert seen(stage) >= columns, statement
            stage.scene.database.write_bytes(whole)
            assert not seen(stage)
        stage.scene.gateway.sent.append(stage.scene.gateway.sent[0])
        assert seen(stage) == {"doubled"}
    finally:
        await stage.close()


def seen(stage: Stage) -> set[str]:
    """Columns of the table that are not zero."""
    row = tally(stage, "tampered")
    assert is_clean([row]) is not bool(row.why)
    return {name for name in ("lost", "doubled") if getattr(row, name)}


def test_the_table_has_a_line_for_each_case_and_the_sum() -> None:
    row = Row(case="gateway: slow", kills=2, asked=12, sent=11, said=12)
    other = dataclasses.replace(row, case="store: locked", lost=1, doubled=3)
    absent = Row(case="store: read-only", not_here="chattr: not permitted")
    assert table([row, other, absent]).splitlines() == [
        "case           rounds  kills  asked  sent  said  lost  doubled without saying so",
        "-------------  ------  -----  -----  ----  ----  ----  -------------------------",
        "gateway: slow       1      2     12    11    12     0                          0",
        "store: locked       1      2     12    11    12     1                          3",
        "all                 2      4     24    22    24     1                          3",
        "store: read-only: this machine cannot play it (chattr: not permitted)",
    ]
