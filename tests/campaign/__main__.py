"""Run it: `make faults`. Every fault of the table, the real program, kills in between, and one table at the end."""

import argparse
import asyncio
import os
import platform
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bridge import __version__
from tests.campaign.cases import all_cases
from tests.campaign.combinations import play_combinations
from tests.campaign.driver import Campaign, is_clean
from tests.campaign.tally import table


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--cases", default="", help="only those whose title holds one of these words, by commas")
    parser.add_argument("--kills", type=int, default=100, help="kill -9 in all; rounds go on until then (100)")
    parser.add_argument("--most", type=int, default=2, help="kills in one case at most (2)")
    parser.add_argument("--combinations", type=int, default=10, help="of faults that hold together (10)")
    parser.add_argument("--steps", type=int, default=25, help="in one combination at most (25)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quiet", action="store_true", help="only the table")
    return parser.parse_args()


def main() -> int:
    """0, or 1 when something was lost or doubled without a word of it, or it was cut short."""
    asked = arguments()
    tell = _nothing if asked.quiet else _tell
    words = [word for word in asked.cases.split(",") if word]
    cases = [case for case in all_cases() if not words or any(word in case.title for word in words)]
    if not cases:
        sys.exit(f"no case has one of these words in its title: {asked.cases}")
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that small disks are not left behind
    with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
        campaign = Campaign(Path(folder), asked.seed, tell=tell)
        rows, is_whole = [], True
        try:
            asyncio.run(campaign.run(cases, kills=asked.kills, most_a_case=asked.most))
            if asked.combinations and not words:
                row, wrong = play_combinations(asked.combinations, asked.steps, seed=asked.seed)
                rows.append(row)
                tell(f"{row.case}: {row.kills} kills, {row.lost} lost, {row.doubled} doubled\n{wrong}".rstrip())
        except KeyboardInterrupt:
            is_whole = False
            print("\ncut short; so far:")
        rows = [*campaign.rows, *rows]
    minutes = (time.monotonic() - began) / 60
    print(
        f"\n{datetime.now(UTC):%Y-%m-%d}, bridge {__version__}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, seed {asked.seed}, {minutes:.1f} minutes\n"
    )
    print(table(rows))
    return 0 if is_whole and is_clean(rows) else 1


def _tell(words: str) -> None:
    print(words, flush=True)


def _nothing(words: str) -> None:
    pass


if __name__ == "__main__":
    sys.exit(main())
