"""What a clock can do: it is set ahead or back, and the time of day of a zone changes."""

from collections.abc import Mapping
from datetime import UTC, datetime

from tests.campaign.stage import Act, Stage

HOUR = 3600.0
DAY = 24 * HOUR
BEFORE_S = 60.0

# In Europe/Berlin, where the rota of the cases is: its hand-over is at 02:30, which is skipped in spring and comes
# twice in autumn.
CHANGES: Mapping[str, datetime] = {
    "summer time begins": datetime(2027, 3, 28, 1, 0, tzinfo=UTC),
    "summer time ends": datetime(2027, 10, 31, 1, 0, tzinfo=UTC),
}


def is_set_by(seconds: float) -> Act:
    """The machine's clock shows so much more, or less; no time passes."""

    def begin(stage: Stage) -> None:
        stage.clock.set_by(seconds)

    return begin


def stands_before(change: datetime) -> Act:
    """It is a minute before the change, for everybody."""

    def prepare(stage: Stage) -> None:
        stage.begin_at((change - datetime.now(UTC)).total_seconds() - BEFORE_S)

    return prepare


def passes_the_change(stage: Stage) -> None:
    """Two hours go by."""
    stage.clock.skip(2 * HOUR)
