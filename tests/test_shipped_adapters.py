"""The shipped adapters fit what anyone builds from the defaults."""

import numpy as np

from genrec.data.ingest import ingest
from genrec.demo.run import SEED
from genrec.model.lm.adapters import read_card, shipped_adapters
from genrec.new_items import add_items
from genrec.pipeline import build
from genrec.workspace import load


def test_the_outdoor_adapter_answers_over_a_fresh_demo_shop(tmp_path):
    """Only the language model is left nearly untrained; catalog and semantic IDs are those of `genrec demo`."""
    card = read_card(shipped_adapters() / "outdoor")
    ingest("shop", None, tmp_path / "demo", seed=SEED)
    build(tmp_path / "demo", settings=["sequence.kind=off", "tune.epochs=0.02", "tune.checkpoints_per_run=1"])
    ingest("shop", None, tmp_path / "outdoor", domains="held-out", num_items=60, num_people=10)
    add_items(tmp_path / "demo", tmp_path / "outdoor")
    workspace = load(tmp_path / "demo", adapter="outdoor")
    assert workspace.table.id_space == card.id_space
    histories = [[f"umbrella-{n:04d}", f"cushion-{n + 1:04d}"] for n in range(10)]
    lists = workspace.recommend_batch(histories, k=10)
    kinds = [workspace.catalog[entry.item_id].attributes["category"] for found in lists for entry in found]
    of_catalog = [item.attributes["category"] for item in workspace.catalog]
    share, chance = (np.mean([kind in ("umbrella", "cushion") for kind in some]) for some in (kinds, of_catalog))
    assert share > 3 * chance, (share, chance)


def test_shipped_adapters_are_small_and_say_what_they_are_for():
    folders = [path.parent for path in shipped_adapters().glob("*/adapter.toml")]
    assert folders
    for folder in folders:
        card = read_card(folder)
        assert card.name == folder.name
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 4 * 2**20
        assert card.metrics["recall@10 in catalog with"] >= 2 * card.metrics["recall@10 in catalog without"]
