"""Every preset is built and used end to end, on tiny stand-ins of the classes, dtypes and methods that it names."""

import csv
import shutil

import pytest
import torch
from safetensors.torch import load_file
from stand_ins import save_clip, save_minilm, save_qwen3, save_qwen3_embedding, save_siglip2, save_smollm2
from transformers import AutoModelForCausalLM
from workspaces import stages_of

from genrec.adapt import adapt
from genrec.config import PRESETS, Config
from genrec.data.ingest import ingest
from genrec.evaluate.protocol import evaluate
from genrec.new_items import add_items
from genrec.pipeline import build
from genrec.pretrained import load_weights
from genrec.workspace import load

STAND_INS = {
    "openai/clip-vit-base-patch32": save_clip,
    "google/siglip2-so400m-patch14-384": save_siglip2,
    "sentence-transformers/all-MiniLM-L6-v2": save_minilm,
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2": save_minilm,
    "Qwen/Qwen3-Embedding-0.6B": save_qwen3_embedding,
    "HuggingFaceTB/SmolLM2-135M-Instruct": save_smollm2,
    "Qwen/Qwen3-0.6B": save_qwen3,
    "Qwen/Qwen3-4B": save_qwen3,
}
MODELS = ("encode.clip", "encode.text_encoder", "tune.base")
QUICK = (
    "tokenize.num_codes=8", "sequence.epochs=1", "sequence.num_features=16", "scorer.max_cases=10",
    "tune.epochs=0.3", "tune.checkpoints_per_run=1", "tune.validation_cases=4", "tune.max_history=4",
    "item_head.epochs=1", "mixture.max_cases=4", "recommend.beam_width=4", "explain.max_new_tokens=4",
)  # fmt: skip
BUILDS = {
    **{preset: (preset, ()) for preset in PRESETS},
    "base, all weights": ("base", ("tune.method=full",)),
    "base, without autocast": ("base", ("tune.autocast=off",)),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A shop to build, and another domain to adapt to."""
    folder = tmp_path_factory.mktemp("sources")
    ingest("shop", None, folder / "shop", seed=7, num_items=60, num_people=12)
    ingest("shop", None, folder / "other", seed=11, domains="held-out", num_items=60, num_people=8)
    return folder


@pytest.fixture(scope="module", params=BUILDS)
def built(request, sources, tmp_path_factory):
    """A workspace, the preset's configuration, and what was set beside it."""
    preset, settings = BUILDS[request.param]
    config, folder = Config.for_preset(preset), tmp_path_factory.mktemp("built")
    stand_ins = []
    for setting in MODELS:
        section, name = setting.split(".")
        if (model := getattr(getattr(config, section), name)) in STAND_INS:
            stand_ins.append(f"{setting}={STAND_INS[model](folder / name)}")
    shutil.copytree(sources / "shop", folder / "shop")
    build(folder / "shop", preset=preset, settings=[*QUICK, *stand_ins, *settings])
    return folder / "shop", Config.load(folder / "shop" / "genrec.toml")


def test_it_recommends_explains_talks_and_is_evaluated(built):
    directory, config = built
    workspace = load(directory)
    found = workspace.recommend(user="user-00003", k=3, query="red mug")
    assert len(found) == 3
    assert workspace.explain(item=found[0].item_id, user="user-00003").text
    conversation = workspace.chat()
    assert conversation.say("something red, please").items
    assert conversation.say("why the first one?").text
    report = evaluate(workspace, split="test", peers=[], max_users=3)
    assert report.to_json()
    assert ("sentence" in workspace.embeddings) == (config.encode.text_encoder is not None)


def test_items_join_it_and_another_domain_is_learned(built, sources, tmp_path):
    directory, config = built
    shutil.copytree(directory, tmp_path / "shop")
    with (tmp_path / "new.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["item_id", "title", "color"], ["stool-x", "Red oak stool by Lund", "red"]])
    assert add_items(tmp_path / "shop", tmp_path / "new.csv").item_ids == ("stool-x",)
    if config.tune.method != "full":
        report = adapt(tmp_path / "shop", sources / "other", name="outdoor", epochs=0.2)
        assert report.num_new_items == 60
    workspace = load(tmp_path / "shop", adapter=None if config.tune.method == "full" else "outdoor")
    assert len(workspace.recommend(history=["stool-x"], k=3)) == 3


def test_what_it_wrote_is_in_the_dtype_of_the_preset_and_loads_elsewhere(built):
    directory, config = built
    model = stages_of(directory) / "model"
    dtype = getattr(torch, config.tune.dtype)
    weights = load_file(model / "base" / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {dtype}
    assert (model / "adapter").is_dir() == (config.tune.method != "full")
    loaded = load_weights(AutoModelForCausalLM, model / "base")
    assert loaded.get_input_embeddings().weight is loaded.get_output_embeddings().weight
