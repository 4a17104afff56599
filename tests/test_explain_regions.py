"""A workspace whose fuser attends to regions tells where a person looks; others say nothing of it."""

import json

import numpy as np
import pytest
from PIL import Image

from genrec.data.ingest import CACHE, ingest
from genrec.errors import InputError
from genrec.pipeline import build, describe
from genrec.schema import RegionEvidence
from genrec.workspace import load

QUICK = (
    "tokenize.num_codes=8",
    "tune.epochs=0.1",
    "tune.checkpoints_per_run=1",
    "recommend.beam_width=10",
    "item_head.epochs=0",
    "sequence.epochs=1",
    "fuse.fuser=vecf",
    "fuse.epochs=3",
)


@pytest.fixture(scope="module")
def looking(tmp_path_factory):
    directory = tmp_path_factory.mktemp("looking") / "shop"
    ingest("shop", None, directory, seed=8, num_items=60, num_people=40)
    build(directory, settings=QUICK)
    return directory


def test_where_a_person_looks_is_evidence_and_a_picture(looking, genrec, tmp_path):
    workspace, user = load(looking), "user-00001"
    for item in workspace.catalog.items[:12]:
        explanation = workspace.explain(user=user, item=item.item_id)
        found = [entry for entry in explanation.evidence if entry.kind == "region"]
        if found:
            break
    (seen,) = found
    assert isinstance(seen, RegionEvidence)
    assert seen.claim not in explanation.text
    out = tmp_path / "heat.png"
    code, told, _ = genrec("explain", looking, "--item", item.item_id, "--user", user, "--heat-map", out, "--json")
    assert code == 0
    regions = [entry["region"] for entry in json.loads(told)["evidence"] if entry["kind"] == "region"]
    assert [set(region) for region in regions] == [{"x", "y", "w", "h"}]
    assert all("region" not in entry for entry in json.loads(told)["evidence"] if entry["kind"] != "region")
    plain, heated = Image.open(item.image).convert("RGB"), Image.open(out)
    assert heated.size == plain.size
    assert (np.asarray(heated) != np.asarray(plain)).any()


def test_regions_are_computed_once_and_a_changed_tower_is_noticed(looking):
    assert all(state.stale is None for state in describe(looking))
    assert list((looking / CACHE).glob("regions-4-*/*.npz"))


def test_without_such_a_fuser_nothing_is_said_of_regions(shop_recommender, tmp_path):
    item = shop_recommender.catalog.items[0].item_id
    explanation = shop_recommender.explain(user="user-00001", item=item)
    assert not any(entry.kind == "region" for entry in explanation.evidence)
    with pytest.raises(InputError, match="is whitened-concat, which looks at no regions of pictures; build with"):
        shop_recommender.heat_map(user="user-00001", item=item, out=tmp_path / "heat.png")
    assert not (tmp_path / "heat.png").exists()
