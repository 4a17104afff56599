"""Try to break a workspace and its server, and say how often it worked.

    python benchmarks/trials.py DIR [--only kills,pairs,…] [--scale 1.0] [--minutes 30] [--seed 0] [--json]

DIR is a built demo; trials of the disk use a small shop of their own. Everything stays on this machine. The trials:
kills of each command at each of its renames and at 100 random moments · 40 pairs of commands at once · 200 spoiled
files, then the advised command · 2,000 spoiled files that the inventory calls whole · people erased, and every file
searched, with SQLite and PostgreSQL · 2,000 clients that send half of a request, beside calm ones · 10,000 spoiled
requests · a server killed under load · a mixed load of 16 clients for so many minutes, with a reload in it. --scale
multiplies the counts. Exit 1 when anything went wrong, with a line for each.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from trials_disk import Row, World, corruptions, forgeries, kills, pairs
from trials_server import erasures, fuzzed, killed_servers, mixed_load, slow_clients

DISK: Mapping[str, Callable[[World, float, random.Random], Iterable[Row]]] = {
    "kills": lambda world, scale, rng: kills(world, round(100 * scale), rng),
    "pairs": lambda world, scale, rng: [pairs(world, round(40 * scale), rng)],
    "corruptions": lambda world, scale, rng: [corruptions(world, round(200 * scale), rng)],
    "forgeries": lambda world, scale, rng: [forgeries(world, round(2_000 * scale), rng)],
}
SERVER: Mapping[str, Callable[[Path, float, float], Iterable[Row]]] = {
    "erasures": lambda directory, _scale, _minutes: erasures(directory),
    "slow": lambda directory, scale, _minutes: [slow_clients(directory, round(2_000 * scale))],
    "requests": lambda directory, scale, _minutes: [fuzzed(directory, round(10_000 * scale))],
    "served": lambda directory, scale, _minutes: [killed_servers(directory, max(2, round(20 * scale)))],
    "load": lambda directory, _scale, minutes: [mixed_load(directory, minutes)],
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--only", default=",".join((*DISK, *SERVER)), help="names of trials, separated by commas")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    names = [name.strip() for name in options.only.split(",") if name.strip()]
    unknown = [name for name in names if name not in (*DISK, *SERVER)]
    if unknown:
        parser.error(f"--only names {unknown[0]!r}; choose from {', '.join((*DISK, *SERVER))}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        world = World.make(Path(folder)) if set(names) & set(DISK) else None
        for name in names:
            if name in DISK:
                assert world is not None
                found = DISK[name](world, options.scale, random.Random(options.seed))
            else:
                found = SERVER[name](options.directory, options.scale, options.minutes)
            for row in found:  # each as soon as it is there: some take an hour
                rows.append(row)
                if not options.as_json:
                    _print(row)
    if options.as_json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    sys.exit(any(row.wrong for row in rows))


def _print(row: Row) -> None:
    print(f"{row.trial:<40}{row.count:>8,}  {len(row.wrong):>3} wrong  {row.notes}", flush=True)
    for line in row.wrong:
        print(f"    {line}", flush=True)


if __name__ == "__main__":
    main()
