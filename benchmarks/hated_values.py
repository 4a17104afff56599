"""Do dislikes push away? People of the made shop who each hate one value, such as a color, and rate it 1.

    python benchmarks/hated_values.py FOLDER [--hated color|material|style|brand] [--in-words] [--positive all]

Each person shops as in the shop's world; of the values that they met, one is hated: what has it is rated 1, all else 4
or 5. --in-words: items have no attributes, and the value stands in their titles and descriptions alone. The world is
ingested as files and built in FOLDER, unless it is there. Printed: the share of hated items among the ten recommended
to each person, the share of reasons that cite a disliked item, and Recall@10 of held-out positive events, all with the
aversion at its weight and at 0.
"""

import argparse
import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

import genrec
from genrec.data.ingest import ingest
from genrec.evaluate import evaluate
from genrec.explain import explain_batch
from genrec.pipeline import build
from genrec.ranking.local import LocalClient
from genrec.shop import ShopWorld
from genrec.workspace import Workspace

QUICK = ("sequence.epochs=10", "tune.epochs=0.3")
NUM_EXPLAINED = 40  # people, of whose lists the first three are explained


def hated_values(world: ShopWorld, attribute: str, rng: np.random.Generator) -> dict[str, str]:
    """What each person hates: one of the values that they met, the likelier the oftener."""
    hated = {}
    for user_id, events in world.histories.items():
        met = Counter(str(world.item(event.item_id).attributes[attribute]) for event in events)
        names = sorted(met)
        shares = np.array([met[name] for name in names], dtype=float)
        hated[user_id] = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    return hated


def write_source(world: ShopWorld, hated: dict[str, str], attribute: str, folder: Path, *, in_words: bool) -> None:
    """The shop's items, and its events as ratings."""
    world.write(folder, size_px=64)
    if in_words:
        lines = [json.loads(line) for line in (folder / "items.jsonl").read_text().splitlines()]
        bare = [json.dumps({name: line[name] for name in ("item_id", "title", "text")}) for line in lines]
        (folder / "items.jsonl").write_text("\n".join(bare) + "\n")
        for picture in (folder / "images").iterdir():
            picture.unlink()
    rng = np.random.default_rng(1)
    with (folder / "events.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["user_id", "item_id", "timestamp", "rating"])
        for event in world.events:
            is_hated = world.item(event.item_id).attributes[attribute] == hated[event.user_id]
            rating = 1 if is_hated else int(rng.integers(4, 6))
            writer.writerow([event.user_id, event.item_id, event.timestamp, rating])


def measure(workspace: Workspace, world: ShopWorld, hated: dict[str, str], attribute: str) -> dict[str, object]:
    """Shares of hated items and of reasons that cite a disliked one, and Recall@10 of held-out positive events."""
    num_listed, num_hated, num_reasons, num_citing = 0, 0, 0, 0
    for number, user in enumerate(hated):
        met = {event.item_id: str(world.item(event.item_id).attributes[attribute]) for event in world.histories[user]}
        disliked = {item_id for item_id, value in met.items() if value == hated[user]}
        found = workspace.recommend(user=user, k=10)
        values = [world.item(entry.item_id).attributes[attribute] for entry in found]
        num_listed, num_hated = num_listed + len(values), num_hated + values.count(hated[user])
        if number < NUM_EXPLAINED:
            item_ids = [entry.item_id for entry in found[:3]]
            for reason in explain_batch(workspace, [workspace.history_of(user)] * len(item_ids), item_ids):
                num_reasons += len(reason.evidence)
                num_citing += sum(entry.source in disliked for entry in reason.evidence)
    report = evaluate(workspace, peers=(), unmasked=False)
    return {
        "hated among the ten": round(num_hated / num_listed, 3),
        "reasons that cite a disliked item": f"{num_citing} of {num_reasons}",
        "recall@10": round(report.metrics["recall@10"], 4),
        "ndcg@10": round(report.metrics["ndcg@10"], 4),
        "people": len(hated),
    }


def with_weight(workspace: Workspace, weight: float) -> Workspace:
    """The same workspace, whose aversion weighs otherwise."""
    data, config = workspace.data, workspace.data.config
    data = replace(data, config=replace(config, recommend=replace(config.recommend, aversion_weight=weight)))
    return Workspace(data, LocalClient.load(data))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hated", default="color")
    parser.add_argument("--in-words", action="store_true")
    parser.add_argument("--positive", help="which events are positive; all: a rating of 1 is a liking, too")
    asked = parser.parse_args()
    world = ShopWorld.create(seed=7, num_items=600, num_people=250)
    hated = hated_values(world, asked.hated, np.random.default_rng(0))
    if not (asked.folder / "current.json").exists():
        source = asked.folder.with_name(asked.folder.name + "-source")
        write_source(world, hated, asked.hated, source, in_words=asked.in_words)
        print(ingest("files", source, asked.folder, positive=asked.positive).source.feedback)
        build(asked.folder, preset="tiny", settings=QUICK)
    workspace = genrec.load(asked.folder)
    for weight in (0.0, workspace.config.recommend.aversion_weight):
        print(json.dumps({"weight": weight, **measure(with_weight(workspace, weight), world, hated, asked.hated)}))


if __name__ == "__main__":
    main()
