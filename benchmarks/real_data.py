"""The figures on real data: ingest, build and evaluate one run after the other, with the commands a user would type.

    python benchmarks/real_data.py DATA WORK [RUN ...] [--peers popularity,itemknn,...]

DATA holds `amazon-beauty` and `movielens-1m`; WORK keeps a workspace, an evaluation and the times of each run. What is
there already is not made again, and what a kill left half done is resumed, so a long list can be had in parts. At the
end all runs that are done are printed as Markdown. Without names, every run is made, which takes a night on two cores.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from genrec.generations import is_ingested

SEQUENCE_PEERS = "popularity,itemknn,content-knn,ease,sasrec,bsarec"
COLD_PEERS = "popularity,content-knn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One row of the tables. data: folder in DATA and its reader; settings: beside those that suit the data."""

    data: tuple[str, str]
    settings: tuple[str, ...] = ()
    peers: str = ""


_BEAUTY, _MOVIES = ("amazon-beauty", "amazon"), ("movielens-1m", "movielens")
RUNS = {
    "beauty": Run(data=_BEAUTY, peers=SEQUENCE_PEERS),
    "beauty-seed-8": Run(data=_BEAUTY, settings=("seed=8",)),
    "beauty-seed-9": Run(data=_BEAUTY, settings=("seed=9",)),
    "beauty-cold": Run(data=_BEAUTY, settings=("split.cold_share=0.05",), peers=COLD_PEERS),
    "movies": Run(data=_MOVIES, peers=SEQUENCE_PEERS),
    "movies-no-image": Run(data=_MOVIES, settings=("encode.skip=image",)),
    "movies-no-text": Run(data=_MOVIES, settings=('encode.skip=["text", "minilm"]',)),
    "movies-shuffled": Run(data=_MOVIES, settings=("encode.shuffle=true",)),
    "movies-cold": Run(data=_MOVIES, settings=("split.cold_share=0.05",), peers=COLD_PEERS),
}
_ALONE = {
    "image": 'encode.skip=["text", "minilm", "attributes"]',
    "words": 'encode.skip=["image", "attributes"]',
    "attributes": 'encode.skip=["image", "text", "minilm"]',
}
RUNS["movies-cold-shuffled"] = Run(
    data=_MOVIES, settings=("encode.shuffle=true", "split.cold_share=0.05"), peers=COLD_PEERS
)
for _name, _skip in _ALONE.items():
    RUNS[f"movies-{_name}-alone"] = Run(data=_MOVIES, settings=(_skip,))
    RUNS[f"movies-cold-{_name}-alone"] = Run(data=_MOVIES, settings=(_skip, "split.cold_share=0.05"), peers=COLD_PEERS)


def genrec(log: Path, *words: str) -> tuple[str, dict[str, float]]:
    """Run one command; returns what it printed, and its wall time and peak memory."""
    began = time.monotonic()
    command = [sys.executable, "-m", "genrec.cli", *words]
    with log.open("a") as errors:
        print("genrec", *words, file=errors, flush=True)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"genrec {' '.join(words)} failed; {log} says why")
    return printed, {"minutes": (time.monotonic() - began) / 60, "peak_gb": usage.ru_maxrss / 2**20}


def make(name: str, data: Path, work: Path, peers: str | None) -> None:
    """Bring one run as far as its evaluation."""
    run, report, workspace = RUNS[name], work / f"{name}.json", work / name
    if report.is_file():
        return
    work.mkdir(parents=True, exist_ok=True)
    log, costs = work / f"{name}.log", work / f"{name}.costs.json"
    folder, reader = run.data
    source = data / folder
    if not is_ingested(workspace):
        features = ("--features", f"minilm={source / 'minilm.npz'}", "--k-core", "5")
        genrec(log, "ingest", reader, str(source), "--out", str(workspace), *features)
    known = json.loads(costs.read_text()) if costs.is_file() else {}
    settings = [word for setting in run.settings for word in ("--set", setting)]
    _, built = genrec(log, "build", str(workspace), *settings)
    costs.write_text(json.dumps(known | {"build": built} if "build" not in known else known))
    asked = run.peers if peers is None else peers
    words = ("--peers", asked) if asked else ("--peers", "popularity")
    printed, evaluated = genrec(log, "evaluate", str(workspace), *words, "--alone", "--json")
    record = json.loads(printed) | {"costs": json.loads(costs.read_text()) | {"evaluate": evaluated}}
    report.write_text(json.dumps(record, indent=1))


def table(work: Path) -> str:
    """All runs that are done, one line per recommender."""
    lines = [
        "| run | recommender | recall@10 | ndcg@10 | p (ndcg@10) | cold recall@10 / ndcg@10 |",
        "|---|---|---|---|---|---|",
    ]
    for name in RUNS:
        if not (work / f"{name}.json").is_file():
            continue
        record = json.loads((work / f"{name}.json").read_text())
        cold = record["slices"].get("cold", {})
        rows = {"genrec": (record["metrics"], "", cold)}
        for peer, figures in sorted(record["peers"].items(), key=lambda entry: -entry[1]["ndcg@10"]):
            p_value = record["p_values"].get(peer, {}).get("ndcg@10")
            rows[peer] = (figures, "" if p_value is None else f"{p_value:.3g}", cold.get("peers", {}).get(peer, {}))
        for who, (figures, p_value, of_cold) in rows.items():
            cells = (f"{figures['recall@10']:.4f}", f"{figures['ndcg@10']:.4f}", p_value)
            cold_items = f"{of_cold['recall@10']:.4f} / {of_cold['ndcg@10']:.4f}" if "recall@10" in of_cold else ""
            lines.append(f"| {name} | {who} | {' | '.join(cells)} | {cold_items} |")
        costs = record["costs"]
        spent = ", ".join(f"{part} {c['minutes']:.0f} min, {c['peak_gb']:.1f} GB" for part, c in costs.items())
        lines.append(f"| {name} | *{spent}* | | | | |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("runs", nargs="*", default=[], metavar="RUN", help=", ".join(RUNS))
    parser.add_argument("--peers", help="in place of a run's own")
    asked = parser.parse_args()
    for name in asked.runs:
        if name not in RUNS:
            parser.error(f"run {name!r} is unknown; choose among {', '.join(RUNS)}")
    for name in asked.runs or RUNS:
        make(name, asked.data, asked.work, asked.peers)
    print(table(asked.work))


if __name__ == "__main__":
    main()
