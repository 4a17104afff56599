"""Kill the demo's pipeline at random moments, and compare what it ends with to a calm run.

    python benchmarks/kills.py [--kills 10] [--seed 0] [--items 120] [--people 240] [--json]

`genrec ingest` and `genrec build` of a small shop run in processes of their own and are ended by SIGKILL at random
moments until so many have died; then they may finish. Compared, byte by byte where a stage is numbers, are the id
tables, the trained weights and the recommendations with those of a run that nobody disturbed.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from safetensors.numpy import load_file

from genrec.artifacts import MANIFEST, read_manifest
from genrec.workspace import load

SETTINGS = ("tokenize.num_codes=32", "tune.epochs=3", "tune.checkpoints_per_run=5")


def commands(directory: Path, num_items: int, num_people: int) -> list[list[str]]:
    """Ingest, then build."""
    genrec = [sys.executable, "-m", "genrec.cli"]
    shop = ["--seed", "3", "--num-items", str(num_items), "--num-people", str(num_people)]
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    return [
        [*genrec, "ingest", "shop", "--out", str(directory), *shop],
        [*genrec, "build", str(directory), *settings],
    ]


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """One stage in its own process, on one thread: sums in another order round differently."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def run_calmly(directory: Path, num_items: int, num_people: int) -> float:
    """Seconds of an undisturbed run."""
    began = time.monotonic()
    for command in commands(directory, num_items, num_people):
        if start(command).wait():
            raise SystemExit(f"{' '.join(command)} failed without being disturbed")
    return time.monotonic() - began


def run_with_kills(
    directory: Path, kills: int, longest: float, rng: random.Random, sizes: tuple[int, int]
) -> list[str]:
    """Run until so many processes have died, then to the end; returns what each was doing, by its newest file."""
    deaths: list[str] = []
    ingest, build = commands(directory, *sizes)
    while True:
        is_ingested = (directory / "catalog" / MANIFEST).is_file()
        process = start(build if is_ingested else ingest)
        try:
            code = process.wait(timeout=rng.uniform(0.5, longest) if len(deaths) < kills else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            deaths.append(_newest(directory))
            continue
        if code:
            raise SystemExit(f"a {'build' if is_ingested else 'ingest'} failed after {len(deaths)} kills")
        if is_ingested:
            if len(deaths) >= kills:
                return deaths
            for path in ("model", "semids", "embeddings"):  # it came through: make it work again
                os.rename(directory / path / MANIFEST, directory / path / "not-a-manifest")


def _newest(directory: Path) -> str:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return str(max(files, key=lambda p: p.stat().st_mtime).relative_to(directory)) if files else "nothing written"


def compare(calm: Path, killed: Path) -> dict[str, bool]:
    """What is equal in two workspaces."""
    one, two = load(calm), load(killed)
    histories = list(one.interactions.histories().values())[:50]
    parts = ("model/base/model.safetensors", "model/adapter/adapter_model.safetensors")
    weights = [(load_file(calm / part), load_file(killed / part)) for part in parts]
    return {
        "catalog": [item.record() | {"image": ""} for item in one.catalog]
        == [item.record() | {"image": ""} for item in two.catalog],
        "id table": one.table.fingerprint == two.table.fingerprint,
        "weights": all((a[name] == b[name]).all() for a, b in weights for name in a),
        "best step": read_manifest(calm / "model", "model").details["best_step"]
        == read_manifest(killed / "model", "model").details["best_step"],
        "recommendations": one.recommend_batch(histories) == two.recommend_batch(histories),
    }


def main() -> None:
    """Print where the processes died and what is equal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--items", type=int, default=120)
    parser.add_argument("--people", type=int, default=240)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        calm, killed = Path(folder) / "calm", Path(folder) / "killed"
        seconds = run_calmly(calm, options.items, options.people)
        sizes = (options.items, options.people)
        deaths = run_with_kills(killed, options.kills, seconds * 0.7, random.Random(options.seed), sizes)
        summary = {"kills": len(deaths), "seconds_undisturbed": round(seconds, 1), "equal": compare(calm, killed)}
    if options.as_json:
        print(json.dumps({**summary, "died_after_writing": deaths}))
        return
    print("\n".join(f"died after writing {death}" for death in deaths))
    print(summary)


if __name__ == "__main__":
    main()
