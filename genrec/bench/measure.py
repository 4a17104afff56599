"""Rows of a measurement: how their times are taken, and how they are shown.

Knows clocks and tables; deliberately knows nothing of what is measured.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

Row = dict[str, float | int | str]


class Stopwatch:
    """Seconds per named part; a `Watch` for `search_beams` and whatever else times its parts."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[part] += time.perf_counter() - start

    def share(self, part: str, total_s: float) -> float:
        """The part's share of a total, 0 to 1."""
        return self.seconds[part] / total_s


def median_s(work: Callable[[], object], *, repeats: int) -> float:
    """Median seconds of some runs; one more comes before them, to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def table_lines(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Column names and cells, numbers to three significant digits; a cell is empty where a row has no such number."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return columns, [[_cell(row.get(column, "")) for column in columns] for row in rows]


def _cell(value: float | int | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return f"{value:.3g}" if isinstance(value, float) else f"{value:,}"
