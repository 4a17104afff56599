"""Whether words find pictures where both encoders stay as they are: a joint space of MiniLM and EfficientNet.

    python benchmarks/joint_spaces.py DATA [--seeds 3]

DATA holds `movielens-1m` and `hm`, each with `minilm.npz` and `effnet.npz`. A tenth of the items, 1,000 at most, is
held out, those of one title together; each of their texts asks for its own picture among theirs.
"""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from genrec.data.arrays import read_arrays
from genrec.fusion.joint_space import fit_joint_space, recall_of_pairs
from genrec.schema import FloatArray

TITLES = {"movielens-1m": ("movies.csv", "item_id", "title"), "hm": ("articles.csv", "article_id", "prod_name")}


def pairs(folder: Path) -> tuple[list[str], FloatArray, FloatArray]:
    """The ids that have both, and their vectors."""
    sides = []
    for name in ("minilm", "effnet"):
        ids, vectors = read_arrays(folder / f"{name}.npz", "ids", "vectors")
        sides.append({str(item_id): row for item_id, row in zip(ids, vectors.astype(np.float32), strict=True)})
    shared = [item_id for item_id in sides[0] if item_id in sides[1]]
    left, right = (np.stack([side[item_id] for item_id in shared]) for side in sides)
    return shared, left, right


def held_out_rows(folder: Path, ids: list[str], seed: int) -> np.ndarray:
    """Rows of whole titles, a tenth of all or 1,000."""
    file, id_column, title_column = TITLES[folder.name]
    with (folder / file).open(newline="", encoding="utf-8") as stream:
        titles = {row[id_column]: row[title_column] for row in csv.DictReader(stream)}
    rows_of = defaultdict(list)
    for row, item_id in enumerate(ids):
        rows_of[titles.get(item_id, item_id)].append(row)
    held_out: list[int] = []
    for title in np.random.default_rng(seed).permutation(sorted(rows_of)):
        if len(held_out) >= min(1000, len(ids) // 10):
            break
        held_out += rows_of[title]
    return np.array(held_out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    print("| data | held out | by chance | canonical correlations | joint space |\n|---|---|---|---|---|")
    for name in TITLES:
        ids, left, right = pairs(asked.data / name)
        found: dict[int | None, list[float]] = {0: [], None: []}
        for seed in range(7, 7 + asked.seeds):
            held_out = held_out_rows(asked.data / name, ids, seed)
            trained = np.setdiff1d(np.arange(len(ids)), held_out)
            for epochs, recalls in found.items():
                options = {} if epochs is None else {"epochs": epochs}
                space = fit_joint_space(left[trained], right[trained], seed=seed, **options)
                recalls.append(recall_of_pairs(space.of_left(left[held_out]), space.of_right(right[held_out])))
        cells = [f"{np.mean(recalls):.4f} ± {np.std(recalls):.4f}" for recalls in found.values()]
        print(f"| {name} | {len(held_out):,} | {10 / len(held_out):.4f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
