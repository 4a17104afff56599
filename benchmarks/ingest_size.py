"""How long a large catalog takes to come in, and how much memory: a million items and 25 million events.

    python benchmarks/ingest_size.py [--items 1000000] [--events 25000000] [--users 500000] [--format csv] [--seed 7]

Makes the files from the seed in a temporary folder: items with title, description, category, brand and price, of which
some lack the price; events of user, item, rating and time, whose items and users are as uneven as people's are. Then,
each in a process of its own, whose peak of memory is its own: pyarrow's plain reading of both files, `ingest`, and what
a build does first with the result (load_data, resolve_config, split_interactions).
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from genrec.config import Config
from genrec.data.ingest import ingest, load_data
from genrec.data.splits import split_interactions
from genrec.data_defaults import resolve_config
from genrec.generations import Generation

_KINDS = ("lamp", "chair", "vase", "rug", "clock", "shelf", "table", "mirror", "candle", "blanket", "pillow", "basket")
_COLORS = ("red", "green", "blue", "black", "white", "grey", "brown", "yellow", "pink", "orange")
_MATERIALS = ("oak", "steel", "linen", "glass", "wool", "marble", "bamboo", "cotton", "brass", "clay")
_AT_ONCE = 5_000_000  # events that are made at once


def make_items(num_items: int, path: Path, rng: np.random.Generator) -> None:
    """Write an items table: a title and a description of its own for each, 12 categories, 2,000 brands."""
    kinds, colors, materials = (rng.integers(len(words), size=num_items) for words in (_KINDS, _COLORS, _MATERIALS))
    prices = np.round(np.exp(rng.normal(3, 1, num_items)), 2)
    has_price = rng.random(num_items) > 0.03
    numbers = rng.integers(10_000, size=num_items)
    rows = list(zip(kinds.tolist(), colors.tolist(), materials.tolist(), numbers.tolist(), strict=True))
    table = pa.table(
        {
            "item_id": [f"P{row:07d}" for row in range(num_items)],
            "title": [f"{_COLORS[c]} {_KINDS[k]} of {_MATERIALS[m]} no. {n}" for k, c, m, n in rows],
            "description": [
                f"A {_KINDS[k]}, made of {_MATERIALS[m]}, in {_COLORS[c]}; {n % 97} cm wide, for rooms of any size."
                for k, c, m, n in rows
            ],
            "category": [_KINDS[k] for k, *_ in rows],
            "brand": [f"Brand {n % 2000}" for *_, n in rows],
            "price": [f"{price:.2f}" if there else "" for price, there in zip(prices, has_price, strict=True)],
        }
    )
    _write([table], path)


def make_events(num_events: int, num_items: int, num_users: int, path: Path, rng: np.random.Generator) -> None:
    """Write an events table in the order of time."""
    times = np.sort(rng.integers(1_500_000_000, 1_700_000_000, size=num_events))

    def parts() -> "list[pa.Table]":
        for start in range(0, num_events, _AT_ONCE):
            size = min(_AT_ONCE, num_events - start)
            users = (num_users * rng.random(size) ** 2).astype(np.int64)
            items = (num_items * rng.random(size) ** 3).astype(np.int64)
            yield pa.table(
                {
                    "user_id": _names("u", users),
                    "item_id": _names("P", items, 7),
                    "rating": pa.array(rng.choice(5, size, p=[0.06, 0.08, 0.16, 0.35, 0.35]) + 1),
                    "timestamp": pa.array(times[start : start + size]),
                }
            )

    _write(parts(), path)


def _names(prefix: str, numbers: np.ndarray, width: int = 0) -> pa.Array:
    codes, places = np.unique(numbers, return_inverse=True)
    return pa.array([f"{prefix}{code:0{width}d}" for code in codes.tolist()]).take(pa.array(places))


def _write(tables: "list[pa.Table]", path: Path) -> None:
    writer = None
    for table in tables:
        if writer is None:
            make = arrow_csv.CSVWriter if path.suffix == ".csv" else pq.ParquetWriter
            writer = make(str(path), table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def read_plainly(folder: Path, _: Path) -> dict[str, object]:
    """Read both files with pyarrow alone."""
    num_rows = 0
    for path in sorted(folder.iterdir()):
        table = arrow_csv.read_csv(path) if path.suffix == ".csv" else pq.read_table(path)
        num_rows += len(table)
    return {"rows": num_rows}


def ingest_folder(folder: Path, out: Path) -> dict[str, object]:
    """Ingest the folder."""
    report = ingest("files", folder, out)
    return {"items": report.num_items, "users": report.num_users, "events": report.num_events}


def load_folder(_: Path, out: Path) -> dict[str, object]:
    """Read what came in back into memory."""
    data = load_data(Generation.open_newest(out).folder)
    return {"items": len(data.catalog), "events": len(data.interactions)}


def resolve_folder(_: Path, out: Path) -> dict[str, object]:
    """The settings that suit the data, which loads and splits it."""
    config = resolve_config(out, Generation.open_newest(out).folder)
    return {"num_codes": config.tokenize.num_codes}


def split_folder(_: Path, out: Path) -> dict[str, object]:
    """Load, and split by leave-one-out."""
    data = load_data(Generation.open_newest(out).folder)
    split = split_interactions(data.interactions, Config.for_preset("tiny").split)
    return {"train": len(split.train), "cases": len(split.validation) + len(split.test)}


_PARTS: dict[str, Callable[[Path, Path], dict[str, object]]] = {
    "pyarrow alone": read_plainly,
    "ingest": ingest_folder,
    "load_data": load_folder,
    "resolve_config": resolve_folder,
    "load and split": split_folder,
}


def run_part(name: str, folder: Path, out: Path) -> None:
    """One part in this process; prints what it found, its seconds and its peak of memory as JSON."""
    before = time.process_time()
    start = time.perf_counter()
    found = _PARTS[name](folder, out)
    figures = {
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(time.process_time() - before, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }
    print(json.dumps({**figures, **found}))


def measure(name: str, folder: Path, out: Path) -> dict[str, float]:
    """One part in a process of its own."""
    command = [sys.executable, __file__, "--part", name, str(folder), str(out)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=25_000_000)
    parser.add_argument("--users", type=int, default=500_000)
    parser.add_argument("--format", choices=("csv", "parquet"), default="csv")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--dir", type=Path, help="a folder for the files, kept and used again")
    parser.add_argument("--part", nargs=3, metavar=("NAME", "FOLDER", "OUT"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        run_part(asked.part[0], Path(asked.part[1]), Path(asked.part[2]))
        return
    with tempfile.TemporaryDirectory(dir=asked.dir) as scratch:
        home = asked.dir or Path(scratch)
        folder = home / f"{asked.items}-{asked.events}-{asked.users}-{asked.format}-{asked.seed}"
        if not folder.is_dir():
            folder.mkdir()
            rng = np.random.default_rng(asked.seed)
            make_items(asked.items, folder / f"items.{asked.format}", rng)
            make_events(asked.events, asked.items, asked.users, folder / f"events.{asked.format}", rng)
        plain_s = 0.0
        for name in _PARTS:
            figures = measure(name, folder, Path(scratch, "out"))
            if name == "pyarrow alone":
                plain_s = figures["seconds"]
            elif name == "ingest":
                figures["events_per_s"] = round(asked.events / figures["seconds"])
                figures["times_pyarrow"] = round(figures["seconds"] / max(plain_s, 0.1), 1)
            print(f"{name:15}", " ".join(f"{key}={value:,}" for key, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
