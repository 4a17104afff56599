"""Building: fresh stages are skipped, changes are noticed, kills are survived, parts that do not fit are refused."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from workspaces import recommit, stages_of

from genrec import artifacts
from genrec.config import Config
from genrec.data.catalog import load_catalog, save_catalog
from genrec.data.ingest import ingest, load_workspace_data
from genrec.encode.stage import load_embeddings
from genrec.errors import ArtifactError, ConfigError, IdTableMismatch, SourceError
from genrec.fusion import load_fuser
from genrec.new_items import add_items
from genrec.pipeline import STAGES, build, describe
from genrec.schema import Catalog
from genrec.semids.stage import load_semids
from genrec.shop import ShopWorld
from genrec.workspace import load

NAMES = tuple(stage.name for stage in STAGES)
QUICK = (
    "tokenize.num_codes=8",
    "tune.epochs=2",
    "tune.checkpoints_per_run=4",
    "recommend.beam_width=10",
    "item_head.epochs=1",
)


def fingerprints(directory):
    return {
        name: artifacts.read_manifest(stages_of(directory) / name, name).fingerprint
        for name in ("embeddings", "semids")
    }


def test_a_second_build_finds_everything_fresh(shop_copy):
    report = build(shop_copy)
    assert report.skipped == NAMES
    assert not report.seconds


@pytest.mark.parametrize(
    ("setting", "first", "reason"),
    [
        ("tune.learning_rate=0.002", "model", "changed: tune"),
        ("scorer.window=3", "experts", "changed: scorer"),
        ("mixture.shares=[0.5]", "mixture", "changed: mixture"),
        ("recommend.cold_places=0.1", "mixture", "changed: recommend"),
        ("fuse.shrinkage=0.5", "sequence", "changed: fuse"),
        ("explain.repeated_source=0.1", None, None),
    ],
)
def test_a_changed_setting_makes_only_what_depends_on_it_stale(shop_copy, setting, first, reason):
    file = shop_copy / "genrec.toml"
    file.write_text(Config.load(file).with_settings([setting]).to_toml())
    stale = {state.name: state.stale for state in describe(shop_copy)}
    before = NAMES if first is None else NAMES[: NAMES.index(first)]
    assert stale == dict.fromkeys(("catalog", *before)) | {
        name: reason if name == first else f"{NAMES[number - 1]} must be made first"
        for number, name in enumerate(NAMES)
        if name not in before
    }


def test_a_workspace_whose_settings_say_none_as_they_did_before_is_fresh(shop_copy):
    file = shop_copy / "genrec.toml"
    old, config = file.read_text(), Config.load(file)
    sections = [section for f in fields(config) if is_dataclass(section := getattr(config, f.name))]
    former = {f.name: f.metadata["former"] for section in sections for f in fields(section) if "former" in f.metadata}
    for name, value in former.items():
        old = old.replace(f'{name} = "none"', f"{name} = {json.dumps(value)}")
    assert {"sequence_weight = -1.0", "max_minutes = 0.0", 'text_encoder = ""'} <= set(old.splitlines())
    file.write_text(old)
    assert all(state.stale is None for state in describe(shop_copy))
    assert build(shop_copy).skipped == NAMES
    assert file.read_text() == old  # what means the same is not written again


def test_new_items_are_recommendable_at_once_and_the_model_stays(shop_copy, tmp_path):
    world = ShopWorld.create(seed=99, num_items=64, num_people=2)
    rows = [
        {"item_id": f"new-{n}", "title": item.title, "text": item.description, "attributes": dict(item.attributes)}
        for n, item in enumerate(world.items)
    ]
    file = tmp_path / "new.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    model = artifacts.read_manifest(stages_of(shop_copy) / "model", "model").fingerprint
    before = load(shop_copy)
    report = add_items(shop_copy, file)
    assert report.item_ids == tuple(row["item_id"] for row in rows)
    assert all(state.stale is None for state in describe(shop_copy))
    assert artifacts.read_manifest(stages_of(shop_copy) / "model", "model").fingerprint == model
    after = load(shop_copy)
    for item in before.catalog:
        assert after.table.semantic_id(item.item_id) == before.table.semantic_id(item.item_id)
    found = {
        entry.item_id for entry in after.recommend(history=[before.catalog.items[0].item_id], k=len(after.catalog))
    }
    assert set(report.item_ids) <= found


def test_new_items_bring_their_vectors_in_given_modalities(tmp_path):
    shop, vectors = tmp_path / "shop", np.random.default_rng(0).normal(size=(62, 5)).astype(np.float32)
    world = ShopWorld.create(seed=8, num_items=60, num_people=40)
    np.savez(tmp_path / "old.npz", ids=np.array([item.item_id for item in world.items]), vectors=vectors[:60])
    ingest("shop", None, shop, seed=8, num_items=60, num_people=40, features={"sense": tmp_path / "old.npz"})
    build(shop, settings=(*QUICK, "sequence.epochs=1"))
    (tmp_path / "new.csv").write_text("item_id,title\n7,\n8,red lamp\n9,blue mug\n")
    np.save(tmp_path / "new.npy", vectors[60:])
    (tmp_path / "new.ids.txt").write_text("007\n8.0\n")
    with pytest.raises(SourceError, match="features 'smell' were not given at the ingest"):
        add_items(shop, tmp_path / "new.csv", features={"smell": tmp_path / "new.npy"})
    np.save(tmp_path / "wide.npy", np.ones((3, 6)))
    (tmp_path / "wide.txt").write_text("7\n8\n9\n")
    with pytest.raises(SourceError, match="have 6 numbers, those of the workspace 5"):
        add_items(shop, tmp_path / "new.csv", features={"sense": Path(f"{tmp_path}/wide.npy,{tmp_path}/wide.txt")})
    report = add_items(shop, tmp_path / "new.csv", features={"sense": tmp_path / "new.npy"})
    assert report.item_ids == ("7", "8", "9")
    assert report.notes == ("features 'sense': 2 of 3 items have a vector of 5 numbers",)
    sense = load_workspace_data(shop).features["sense"]
    assert sense.present.tolist() == [True] * 62 + [False]
    unit = vectors[60:] / np.linalg.norm(vectors[60:], axis=1, keepdims=True)
    np.testing.assert_allclose(sense.vectors[60:62], unit, atol=1e-6)
    assert load_embeddings(stages_of(shop) / "embeddings")["sense"].present.tolist() == [True] * 62 + [False]
    assert all(state.stale is None for state in describe(shop))


def test_new_items_are_recommendable_also_where_the_sequence_model_reads_no_content(tmp_path):
    ingest("shop", None, tmp_path / "shop", seed=8, num_items=60, num_people=40)
    blind = ("sequence.use_content=false", "sequence.epochs=2", "recommend.sequence_weight=1.0")
    build(tmp_path / "shop", settings=(*QUICK, *blind))
    file = tmp_path / "new.jsonl"
    file.write_text(json.dumps({"item_id": "new", "title": "red lamp", "text": "a red lamp", "attributes": {}}))
    add_items(tmp_path / "shop", file)
    after = load(tmp_path / "shop")
    assert not after.client.hybrid.item_scorer.scores_cold_items
    assert "new" in {e.item_id for e in after.recommend(history=[after.catalog.items[0].item_id], k=60)}


def test_ids_carry_the_taste_of_a_committee_of_sequence_models(tmp_path):
    ingest("shop", None, tmp_path / "shop", seed=8, num_items=60, num_people=40)
    two = ("fuse.collaborative=sequence", "sequence.num_models=2", "sequence.num_features=12", "sequence.epochs=2")
    build(tmp_path / "shop", settings=(*QUICK, *two, "tune.epochs=0.1"))
    assert load_fuser(stages_of(tmp_path / "shop") / "semids" / "fuser").widths["collaborative"] == 2 * 12
    built = load(tmp_path / "shop")
    assert len(built.recommend(history=[built.catalog.items[0].item_id], k=5)) == 5


@pytest.mark.parametrize("kind", ["bsarec", "off"])
def test_a_fuser_that_learned_from_events_gives_the_items_their_ids_and_new_ones_theirs(tmp_path, kind):
    shop = tmp_path / "shop"
    ingest("shop", None, shop, seed=8, num_items=60, num_people=40)
    learned = ("fuse.fuser=vbpr", "fuse.epochs=2", f"sequence.kind={kind}", "sequence.epochs=1", "tune.epochs=0.1")
    build(shop, settings=(*QUICK, *learned))
    fuser = load_fuser(stages_of(shop) / "semids" / "fuser")
    assert fuser.learned
    np.testing.assert_allclose(load_semids(stages_of(shop) / "semids").fused, fuser.item_vectors(), atol=1e-6)
    file = tmp_path / "new.jsonl"
    file.write_text(json.dumps({"item_id": "new", "title": "red lamp", "text": "a red lamp", "attributes": {}}))
    add_items(shop, file)
    built = load(shop)
    assert "new" in built.catalog
    assert len(built.recommend(history=["new", built.catalog.items[0].item_id], k=5)) == 5
    assert all(state.stale is None for state in describe(shop))
    if kind != "off":
        item_scorer = built.client.hybrid.item_scorer
        assert (item_scorer.fuser is not None) == bool(item_scorer.weights.fuser)
        assert item_scorer.log_probabilities([built.catalog.rows(["new"])]).shape == (1, len(built.catalog))


def test_parts_of_other_workspaces_are_refused(shop_copy, tmp_path):
    ingest("shop", None, tmp_path / "other", seed=8, num_items=60, num_people=40)
    build(tmp_path / "other", settings=QUICK)
    (stages_of(shop_copy) / "model").rename(shop_copy / "model.away")
    (stages_of(tmp_path / "other") / "model").rename(stages_of(shop_copy) / "model")
    with pytest.raises(ArtifactError, match=r"model/.* were written; run genrec build"):
        load(shop_copy)
    recommit(shop_copy)
    with pytest.raises(IdTableMismatch, match=r"stage 'model' was made from events .* stand beside it"):
        load(shop_copy)


def test_a_workspace_of_another_version_is_refused(shop_copy):
    manifest = stages_of(shop_copy) / "semids" / "manifest.json"
    record = json.loads(manifest.read_text())
    record["format"] = 99
    manifest.write_text(json.dumps(record))
    recommit(shop_copy)
    with pytest.raises(ArtifactError, match="format version 99"):
        load(shop_copy)


def test_an_unbuilt_or_missing_workspace_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="not a built workspace"):
        load(tmp_path)
    with pytest.raises(ArtifactError, match="nothing was ingested there"):
        build(tmp_path)
    assert not list(tmp_path.iterdir())


def test_unknown_settings_are_refused_and_change_nothing(shop_copy):
    before = (shop_copy / "genrec.toml").read_text()
    with pytest.raises(ConfigError, match=r"tune\.ephocs"):
        build(shop_copy, settings=["tune.ephocs=3"])
    assert (shop_copy / "genrec.toml").read_text() == before


@pytest.mark.slow
def test_a_build_killed_at_random_ends_with_the_same_result(tmp_path):
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # sums in another order round differently
    commands = {}
    for name in ("calm", "killed"):
        ingest("shop", None, tmp_path / name, seed=3, num_items=60, num_people=80)
        commands[name] = [sys.executable, "-m", "genrec.cli", "build", str(tmp_path / name)]
        commands[name] += [part for setting in QUICK for part in ("--set", setting)]
    subprocess.run(commands["calm"], check=True, capture_output=True, env=one_thread)
    rng = random.Random(5)
    num_killed = 0
    for _ in range(2):
        process = subprocess.Popen(
            commands["killed"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=one_thread
        )
        time.sleep(rng.uniform(4, 14))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            num_killed += 1
        process.wait()
    subprocess.run(commands["killed"], check=True, capture_output=True, env=one_thread)
    assert num_killed
    calm, killed = load(tmp_path / "calm"), load(tmp_path / "killed")
    assert calm.table.id_space == killed.table.id_space
    histories = list(calm.interactions.histories().values())[:20]
    np.testing.assert_allclose(
        [entry.score_nats for answer in calm.recommend_batch(histories, k=5) for entry in answer],
        [entry.score_nats for answer in killed.recommend_batch(histories, k=5) for entry in answer],
        atol=1e-5,
    )


@pytest.mark.parametrize("part", ["embeddings", "mixture", "genrec.toml", "generation.json", "current.json"])
def test_what_is_broken_is_told_and_made_again(shop_copy, part):
    broken = shop_copy / part if part == "current.json" else stages_of(shop_copy) / part
    files = sorted(path for path in broken.iterdir() if path.is_file()) if broken.is_dir() else [broken]
    calm = load(shop_copy).recommend(user="user-00003", k=5)
    files[0].write_bytes(files[0].read_bytes()[:-3] + b"???")
    with pytest.raises(ArtifactError, match=rf"{part}.*; run genrec build"):
        load(shop_copy)
    report = build(shop_copy)
    assert set(report.seconds) == ({part} if part in NAMES else set())
    assert load(shop_copy).recommend(user="user-00003", k=5) == calm
    assert not build(shop_copy).seconds


def test_a_broken_catalog_wants_its_source_again(shop_copy):
    items = stages_of(shop_copy) / "catalog" / "items.parquet"
    items.write_bytes(items.read_bytes()[:-1] + b"?")
    for command in (load, build):
        with pytest.raises(ArtifactError, match="run genrec ingest, then genrec build"):
            command(shop_copy)


def test_contents_under_the_same_ids_do_not_pass_for_what_was_built(shop_copy):
    folder = stages_of(shop_copy)
    catalog = load_catalog(folder / "catalog")
    titles = [item.title for item in catalog.items]
    save_catalog(
        Catalog(items=tuple(replace(item, title=title) for item, title in zip(catalog, titles[::-1], strict=True))),
        folder / "catalog",
    )
    with pytest.raises(ArtifactError, match="run genrec ingest"):
        load(shop_copy)
    manifest = artifacts.read_manifest(folder / "catalog", "catalog")
    artifacts.seal(folder / "catalog", kind="catalog", inputs=manifest.inputs, details=manifest.details)
    recommit(shop_copy)
    with pytest.raises(IdTableMismatch, match="stage 'embeddings' was made from catalog"):
        load(shop_copy)


ADD_ITEMS = """
import os, pathlib, sys
from genrec.new_items import add_items
count, limit = 0, int(sys.argv[3])
def watch(event, args):
    global count
    if event == "os.rename":
        count += 1
        if count > limit:
            os.kill(os.getpid(), 9)
sys.addaudithook(watch)
add_items(sys.argv[1], pathlib.Path(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("limit", [2, 8, 14, 16, 17])
def test_new_items_are_there_whole_or_not_at_all_and_can_be_given_again(shop_copy, tmp_path, limit):
    (tmp_path / "new.jsonl").write_text('{"item_id": "new-1", "title": "Red lamp", "text": "A red lamp"}\n')
    words = [sys.executable, "-c", ADD_ITEMS, str(shop_copy), str(tmp_path / "new.jsonl"), str(limit)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    known = "new-1" in load(shop_copy).catalog
    report = add_items(shop_copy, tmp_path / "new.jsonl")
    assert (report.item_ids, report.num_known) == (((), 1) if known else (("new-1",), 0))
    assert "new-1" in load(shop_copy).catalog
    assert len(list((shop_copy / "generations").iterdir())) == 1


def test_a_build_of_other_settings_does_not_disturb_who_reads(shop_copy):
    reader = load(shop_copy)
    picture = reader.catalog.items[0].image
    build(shop_copy, settings=["explain.repeated_source=0.1"])
    assert load(shop_copy).config.explain.repeated_source == 0.1
    assert picture.is_file()
    assert load(shop_copy).data.generation.number == 2


def test_items_are_not_added_beside_a_draft(shop_copy, tmp_path):
    ingest("shop", None, shop_copy, seed=8, num_items=60, num_people=40)
    assert len(load(shop_copy).catalog) == 240  # until it is built
    (tmp_path / "new.jsonl").write_text('{"item_id": "new-1", "title": "Red lamp"}\n')
    with pytest.raises(ArtifactError, match="waits to be built"):
        add_items(shop_copy, tmp_path / "new.jsonl")
