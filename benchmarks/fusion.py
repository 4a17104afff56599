"""Fusers on real data: MovieLens-1M, H&M at the level of products, and Last.fm with sounds, by one command.

    python benchmarks/fusion.py DATA WORK [--seeds 3] [--system NAME ...] [--variant NAME ...]

DATA holds `movielens-1m`, `hm` and `lastfm-audio`; WORK keeps a workspace of each, whose trials are not made twice. The
rows of all are printed as Markdown, and accuracy against cost is drawn as WORK/fusion-DATASET.png.
"""

import argparse
import csv
import json
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from genrec.generations import is_ingested

CORE = 3  # of H&M: people and products with fewer events are left out, again and again until none is
_COLUMNS = (
    "system", "dataset", "split", "seeds", "recall@10", "recall@20", "ndcg@10", "ndcg@20", "spread", "p_ease",
    "cold_recall@10", "tail_recall@10", "sparse_recall@10", "no-image_recall@10", "no-text_recall@10",
    "shuffled_recall@10", "gap_gender", "gap_age", "ids_recall@10", "parameters", "seconds_per_epoch", "seconds",
    "peak_mb",
)  # fmt: skip


def genrec(*words: object) -> str:
    """What a command of genrec printed."""
    return subprocess.run(["genrec", *map(str, words)], check=True, stdout=subprocess.PIPE, text=True).stdout


def movielens(data: Path, work: Path) -> list[object]:
    """How MovieLens-1M is ingested, and its people's gender and age written beside."""
    source = data / "movielens-1m"
    with (work / "movielens-people.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("user_id", "gender", "age"))
        for line in (source / "users.dat").read_text(encoding="latin-1").splitlines():
            writer.writerow(line.split("::")[:3])
    return ["movielens", source, *_features(source, "effnet", "minilm")]


def hm(data: Path, work: Path) -> list[object]:
    """How H&M is ingested by products, the first seven digits of an article, that and people in a core of events."""
    source, target = data / "hm", work / "hm-products"
    target.mkdir(exist_ok=True)
    with (source / "transactions.csv").open(encoding="utf-8") as stream:
        events = [(row["user"], row["article_id"][:7], row["t_dat"]) for row in csv.DictReader(stream)]
    while True:
        users, products = Counter(e[0] for e in events), Counter(e[1] for e in events)
        kept = [e for e in events if users[e[0]] >= CORE and products[e[1]] >= CORE]
        if len(kept) == len(events):
            break
        events = kept
    articles = defaultdict(list)
    with (source / "articles.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["article_id"][:7] in products:
                articles[row["article_id"][:7]].append(row)
    with (target / "items.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("item_id", "title", "type", "pattern", "department", "section", "text"))
        names = ("prod_name", "product_type_name", "graphical_appearance_name", "department_name", "section_name")
        for product, rows in sorted(articles.items()):
            writer.writerow((product, *(rows[0][name] for name in names), rows[0]["detail_desc"]))
    with (target / "events.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("user_id", "item_id", "timestamp"))
        writer.writerows(events)
    for name in ("effnet", "minilm"):
        _mean_vectors(source / f"{name}.npz", target / f"{name}.npz", articles)
    return ["files", target, *_features(target, "effnet", "minilm")]


def lastfm(data: Path, _work: Path) -> list[object]:
    """How Last.fm is ingested: artists of whom given vectors alone tell, by their own split."""
    return ["files", data / "lastfm-audio"]


def _mean_vectors(source: Path, target: Path, articles: dict[str, list[dict[str, str]]]) -> None:
    """A product's vector is the mean of its articles'."""
    with np.load(source, allow_pickle=False) as given:
        row_of = {str(name): row for row, name in enumerate(given["ids"])}
        vectors = given["vectors"].astype(np.float32)
    found = {
        product: vectors[[row_of[a["article_id"]] for a in rows if a["article_id"] in row_of]].mean(axis=0)
        for product, rows in sorted(articles.items())
        if any(a["article_id"] in row_of for a in rows)
    }
    np.savez(target, ids=np.array(list(found)), vectors=np.stack(list(found.values())))


def _features(folder: Path, *names: str) -> list[object]:
    return [word for name in names for word in ("--features", f"{name}={folder / name}.npz")]


DATASETS = {"movielens": movielens, "hm": hm, "lastfm": lastfm}


def main() -> None:
    """Ingest what is not ingested, make what trials are not made, and print all rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--dataset", action="append", choices=tuple(DATASETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--system", action="append", default=[])
    parser.add_argument("--variant", action="append", default=[])
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in asked.dataset or DATASETS:
        workspace = asked.work / name
        if not is_ingested(workspace):
            genrec("ingest", *DATASETS[name](asked.data, asked.work), "--out", workspace)
        options: list[object] = ["--seeds", asked.seeds, "--sheet", asked.work / f"fusion-{name}.png"]
        options += [word for system in asked.system for word in ("--system", system)]
        people = asked.work / f"{name}-people.csv"
        variants = asked.variant or ["whole", "no-image", "no-text", "shuffled", "cold"]
        if people.is_file():
            options += ["--people", people]
            variants = [*variants, *([] if asked.variant else ["reweighted"])]
        if name == "lastfm":  # it has no pictures to leave out
            variants = [variant for variant in variants if variant not in {"no-image", "no-text"}]
        options += [word for variant in variants for word in ("--variant", variant)]
        rows += json.loads(genrec("bench", "fusion", workspace, "--json", *options))["rows"]
    print(f"| {' | '.join(_COLUMNS)} |\n|{'---|' * len(_COLUMNS)}")
    for row in rows:
        print(f"| {' | '.join(_cell(row.get(column, '')) for column in _COLUMNS)} |")


def _cell(value: float | str) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.4f}" if value < 1 else f"{value:.3g}"
    return str(value)


if __name__ == "__main__":
    main()
