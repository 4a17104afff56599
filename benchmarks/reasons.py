"""Print the reasons that known people are given for their recommendations, to be read one by one.

    python benchmarks/reasons.py WORKSPACE [--num 100] [--seed 0] [--whole]

Each line is what a card shows: the reason, its length, and the item's title; --whole adds the longer text and the
evidence. The last line counts by whom the longer texts were phrased, and the reasons that are too long or missing.
Whether a reason is natural English and true is for the reader to say.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from genrec.explain import explain_batch
from genrec.runtime import quiet_libraries
from genrec.workspace import load

_BATCH = 20


def main() -> None:
    """Explain one of the first five recommendations of so many people."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--num", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    quiet_libraries()
    workspace, rng = load(options.workspace), np.random.default_rng(options.seed)
    people = list(workspace.interactions.user_bounds())
    chosen = [str(people[i]) for i in rng.choice(len(people), min(options.num, len(people)), replace=False)]
    counts = Counter[str]()
    for start in range(0, len(chosen), _BATCH):
        histories = [workspace.history_of(person) for person in chosen[start : start + _BATCH]]
        found = [entries[int(rng.integers(len(entries)))] for entries in workspace.recommend_batch(histories, k=5)]
        for entry, told in zip(
            found, explain_batch(workspace, histories, [entry.item_id for entry in found]), strict=True
        ):
            print(f"{told.reason or '-'}  ({len(told.reason)}) · {entry.title}")
            counts[told.phrased_by] += 1
            counts["missing"] += not told.reason
            counts["too long"] += len(told.reason) > workspace.config.explain.max_reason_chars
            if options.whole:
                print("\n".join([f"    {told.text}", *(f"      {e.claim} ({e.weight:+.2f})" for e in told.evidence)]))
    print("  ".join(f"{name} {count}" for name, count in sorted(counts.items())))


if __name__ == "__main__":
    main()
