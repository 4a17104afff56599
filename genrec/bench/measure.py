"""How the benches take time."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

Row = dict[str, float | int | str]


class Stopwatch:
    """Seconds per named part; a watch for `search_beams` and whoever else is asked to tell of parts."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[part] += time.perf_counter() - start

    def share(self, part: str, total_s: float) -> float:
        """How much of a total the part took, 0 to 1."""
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
