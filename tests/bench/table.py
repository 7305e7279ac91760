"""What was measured, as a table in Markdown with a column for each database."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Show = Callable[[float], str]


def whole(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")


def ratio(value: float) -> str:
    return f"{value:.2f}"


def milliseconds(value: float) -> str:
    return f"{value * 1000:.1f} ms"


def seconds(value: float) -> str:
    return f"{value:.2f} s"


def megabytes(value: float) -> str:
    return f"{value:.0f} MB"


def spread(values: Sequence[float], show: Show) -> str:
    """Median, and from the least to the most where there are several."""
    if len(values) == 1:
        return show(values[0])
    return f"{show(statistics.median(values))} ({show(min(values))} to {show(max(values))})"


@dataclass
class Row:
    goal: str = ""
    found: dict[str, str] = field(default_factory=dict)


@dataclass
class Table:
    """Rows in the order in which they were first found."""

    columns: Sequence[str]
    rows: dict[str, Row] = field(default_factory=dict)

    def add(self, what: str, column: str, values: Sequence[float], show: Show, goal: str = "") -> None:
        """Remember it, and say it: the whole takes many minutes."""
        row = self.rows.setdefault(what, Row())
        row.goal = row.goal or goal
        row.found[column] = spread(values, show)
        print(f"{column}: {what}: {row.found[column]}", flush=True)

    def __str__(self) -> str:
        lines = [("measure", *self.columns, "to reach"), ("---",) * (len(self.columns) + 2)]
        for what, row in self.rows.items():
            lines.append((what, *(row.found.get(column, "") for column in self.columns), row.goal))
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
