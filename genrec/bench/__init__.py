"""Measurements that need no dataset: `genrec bench decode | tokenize | recommend`.

Every speed is a ratio to a peer that runs in the same process on the same model, or stands beside the parts it is made
of. Knows the benches by name; what each measures is in its own file.
"""

from collections.abc import Callable, Sequence

from genrec.bench.decode import bench_decode
from genrec.bench.measure import Row
from genrec.bench.recommend import bench_recommend
from genrec.bench.tokenize import bench_tokenize
from genrec.errors import InputError
from genrec.evaluate.report import describe_machine
from genrec.runtime import seed_everything

BENCHES: dict[str, Callable[[int], list[Row]]] = {
    "decode": bench_decode,
    "recommend": bench_recommend,
    "tokenize": bench_tokenize,
}


def bench(name: str, *, seed: int = 7) -> dict[str, object]:
    """Run one measurement. Returns {"name", "machine", "rows"}. Raises InputError on an unknown name."""
    if name not in BENCHES:
        raise InputError(f"bench {name!r} is unknown; choose one of {', '.join(BENCHES)}")
    seed_everything(seed)
    return {"name": name, "machine": describe_machine(), "seed": seed, "rows": BENCHES[name](seed)}


def table_lines(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Column names and cells, numbers to three significant digits."""
    columns = list(rows[0])
    cells = [[f"{row[c]:.3g}" if isinstance(row[c], float) else f"{row[c]:,}" for c in columns] for row in rows]
    return columns, cells
