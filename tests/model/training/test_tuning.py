"""Tuning by LoRA, in four bits and with all weights: what moves, what stays, and what is saved."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from workspaces import stages_of

from genrec.artifacts import open_work
from genrec.config import Config
from genrec.data.ingest import ingest, load_workspace_data
from genrec.data.splits import split_interactions
from genrec.errors import ArtifactError, IdTableMismatch
from genrec.model.lm.adapters import AdapterCard, export_merged, save_adapter
from genrec.model.lm.language import LanguageModel, read_ids
from genrec.model.lm.vocabulary import history_prompt
from genrec.model.training.checkpoint_selection import CHECKPOINTS, RECORD, latest_good_step, trained_weights
from genrec.model.training.examples import IGNORE, next_item_examples
from genrec.model.training.tuning import add_lora, prepare_language_model, train
from genrec.pipeline import build
from genrec.runtime import foundation_path, seed_everything
from genrec.semids.trie import Trie
from genrec.workspace import load

QUICK = (
    "tokenize.num_codes=8",
    "tune.epochs=1",
    "tune.checkpoints_per_run=1",
    "recommend.beam_width=5",
    "item_head.epochs=1",
)


@pytest.fixture(scope="module")
def small_shop(tmp_path_factory):
    directory = tmp_path_factory.mktemp("small") / "shop"
    ingest("shop", None, directory, seed=5, num_items=60, num_people=60)
    return directory


def test_lora_trains_its_matrices_and_the_id_rows_alone(shop_directory):
    tuned = load_file(stages_of(shop_directory) / "model" / "base" / "model.safetensors")
    foundation = AutoModelForCausalLM.from_pretrained(foundation_path("genrec-tiny-lm")).state_dict()
    ids, _, _ = read_ids(stages_of(shop_directory) / "model")
    for name, weight in tuned.items():
        kept = weight[: ids.first_token] if "embed_tokens" in name else weight
        assert torch.equal(kept, foundation[name]), name
    rows = tuned["model.embed_tokens.weight"][ids.first_token :]
    assert rows.shape == (ids.num_tokens, foundation["model.embed_tokens.weight"].shape[1])
    adapter = load_file(stages_of(shop_directory) / "model" / "adapter" / "adapter_model.safetensors")
    assert adapter
    assert all("lora_" in name for name in adapter)
    settings = json.loads((stages_of(shop_directory) / "model" / "adapter" / "adapter_config.json").read_text())
    assert not settings.get("modules_to_save")
    assert settings["trainable_token_indices"] is None


def test_the_loss_falls_and_validation_chose_the_checkpoint(shop_directory, shop_recommender):
    cases = split_interactions(shop_recommender.interactions, shop_recommender.config.split).validation
    assert 0 < len(cases) <= shop_recommender.config.tune.validation_cases
    report = json.loads((stages_of(shop_directory) / "model" / "loss.json").read_text())
    losses = [loss for _, loss in report["losses"]]
    assert np.mean(losses[-3:]) < 0.7 * losses[0]
    assert report["best_step"] == latest_good_step(dict(map(tuple, report["validation"])), len(cases))


@pytest.mark.parametrize(
    ("shares", "num_cases", "kept"),
    [
        ([0.114, 0.126, 0.116, 0.122], 500, 4),  # apart by less than 500 cases can tell
        ([0.114, 0.126, 0.116, 0.122], 50_000, 2),
        ([0.30, 0.36, 0.20, 0.21], 500, 2),
        ([0.30, 0.36, 0.35, 0.21], 500, 3),
        ([0.2, 0.3, 0.4], 500, 3),
        ([0.0, 0.0], 0, 2),
    ],
)
def test_the_last_checkpoint_is_kept_unless_validation_can_tell_that_another_is_better(shares, num_cases, kept):
    assert latest_good_step(dict(enumerate(shares, start=1)), num_cases) == kept


def test_a_merged_checkpoint_answers_like_base_and_adapter(shop_directory, tmp_path):
    model = load(shop_directory).client.language_model
    for weight in model.item_projector.parameters():
        torch.nn.init.zeros_(weight)  # an ordinary checkpoint reads items by their tokens alone
    export_merged(stages_of(shop_directory) / "model", None, tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged").eval()
    assert merged.get_input_embeddings().weight is merged.get_output_embeddings().weight
    assert len(AutoTokenizer.from_pretrained(tmp_path / "merged")) == merged.config.vocab_size
    tokens = torch.tensor([[*model.prompts.encode_text("a red lamp"), *model.ids.tokens([(1, 2, 3, 0), (4, 5, 6, 0)])]])
    with torch.inference_mode():
        torch.testing.assert_close(merged(tokens).logits, model.model(tokens).logits, atol=1e-4, rtol=1e-4)
    with pytest.raises(ArtifactError, match="exists"):
        export_merged(stages_of(shop_directory) / "model", None, tmp_path / "merged")


@pytest.mark.parametrize("method", ["full", "qlora"])
def test_all_weights_and_four_bits_are_one_setting_away(small_shop, tmp_path, method):
    import shutil

    directory = tmp_path / "shop"
    shutil.copytree(small_shop, directory)
    build(directory, settings=[*QUICK, f"tune.method={method}"])
    assert (stages_of(directory) / "model" / "adapter").is_dir() == (method != "full")
    workspace = load(directory)
    history = next(iter(workspace.interactions.histories().values()))
    found = workspace.recommend(history=history, k=5)
    assert len({entry.item_id for entry in found}) == 5
    assert all(np.isfinite(entry.score_nats) for entry in found)
    foundation = AutoModelForCausalLM.from_pretrained(foundation_path("genrec-tiny-lm")).state_dict()
    tuned = load_file(stages_of(directory) / "model" / "base" / "model.safetensors")
    name = "model.layers.0.mlp.up_proj.weight"
    assert torch.equal(tuned[name], foundation[name]) == (method != "full")
    if method == "qlora":
        is_four_bit = [
            type(module).__name__ == "Linear4bit" for module in workspace.client.language_model.model.modules()
        ]
        assert any(is_four_bit)


def test_an_adapter_for_other_ids_or_another_model_is_refused(shop_directory, tmp_path):
    model = load(shop_directory).client.language_model
    assert isinstance(model.model, PeftModel)
    about = {"license": "Apache-2.0", "data": "nothing", "rank": 32, "minutes": 0.0}
    _, id_space, foundation = read_ids(stages_of(shop_directory) / "model")
    for name, space, base in (("right", id_space, foundation), ("ids", "0" * 16, foundation), ("base", id_space, "x")):
        (tmp_path / name).mkdir()
        save_adapter(model, tmp_path / name, AdapterCard(name=name, foundation=base, id_space=space, **about))
    same = load(shop_directory, adapter=tmp_path / "right")
    plain = load(shop_directory)
    plain.client.hybrid.weight = plain.client.hybrid.head_share = 0.0  # an adapter's codes answer alone
    history = next(iter(plain.interactions.histories().values()))
    assert same.recommend(history=history, k=5) == plain.recommend(history=history, k=5)
    with pytest.raises(IdTableMismatch, match="trained on id space 0000000000000000"):
        load(shop_directory, adapter=tmp_path / "ids")
    with pytest.raises(IdTableMismatch, match="trained on 'x'"):
        load(shop_directory, adapter=tmp_path / "base")


# ---- examples


@pytest.fixture(scope="module")
def untuned(small_shop) -> LanguageModel:
    build(small_shop, settings=QUICK)
    workspace = load(small_shop)
    config = Config.load(small_shop / "genrec.toml").tune
    model = prepare_language_model(config, catalog=workspace.catalog, table=workspace.table, device=torch.device("cpu"))
    return add_lora(model, config, train_id_rows=True)


def test_a_fresh_lora_changes_nothing(untuned):
    tokens = torch.tensor([untuned.prompts.encode_text("a striped lamp")])
    with torch.inference_mode():
        wrapped = untuned.model(tokens).logits
        with untuned.model.disable_adapter():
            plain = untuned.model(tokens).logits
    torch.testing.assert_close(wrapped, plain)


def test_every_event_is_graded_once_or_more_and_windows_overlap_by_one(untuned):
    history = [(i % 8, i % 7, i % 5, 0) for i in range(23)]
    examples = next_item_examples(untuned.prompts, [history], max_history=5)
    graded = [tuple(label for label in example.labels if label != IGNORE) for example in examples]
    depth = untuned.ids.depth
    assert all(len(labels) <= 6 * depth for labels in graded)
    together = {labels[i : i + depth] for labels in graded for i in range(0, len(labels), depth)}
    assert together == {tuple(untuned.ids.tokens([item])) for item in history}
    newest = history_prompt(untuned.prompts, history, max_history=5)
    assert newest[-5 * depth :] == untuned.ids.tokens(history[-5:])


def test_validation_items_are_never_trained_on(small_shop):
    catalog, interactions, _ = load_workspace_data(small_shop)
    split = split_interactions(interactions, Config().split)
    for case in split.test:
        past = split.train.history(case.user_id)
        assert list(case.history[: len(past)]) == list(past)
        assert len(case.history) == len(past) + 1
    assert len(catalog) == 60


# ---- kills


@pytest.fixture(scope="module")
def tuning(small_shop):
    """Trains a small model over the shop in a folder; dies at a checkpoint, where one is named."""
    build(small_shop, settings=QUICK)
    workspace, device = load(small_shop), torch.device("cpu")
    split = split_interactions(workspace.interactions, Config().split)
    options = {"checkpoints_per_run": 4, "max_minutes": None, "epochs": 1.0, "batch_size": 8, "autocast": "off"}
    config = replace(workspace.config.tune, **options)
    histories = [[workspace.table.semantic_id(i) for i in past] for past in split.train.histories().values()]

    def run(work, *, die_at=None, **changes):
        told = []

        class Judge:
            num_cases = 10

            def __call__(self, language_model):
                told.append(len(told))
                if len(told) == die_at:
                    raise KeyboardInterrupt
                tokens = torch.tensor([language_model.prompts.encode_text("a red lamp")])
                with torch.inference_mode():
                    return float(language_model.model(tokens).logits.softmax(-1).max())

        own = replace(config, **changes)
        seed_everything(3)
        model = prepare_language_model(own, catalog=workspace.catalog, table=workspace.table, device=device)
        model = add_lora(model, own, train_id_rows=True)
        examples = next_item_examples(model.prompts, histories, max_history=5)
        trie = Trie.build(workspace.table.codes, device=device)
        work = open_work(work, "key")
        report = train(model, examples, config=own, validate=Judge(), work=work, seed=3, trie=trie)
        return trained_weights(model.model), report

    return run


@pytest.fixture(scope="module")
def calm(tuning, tmp_path_factory):
    return tuning(tmp_path_factory.mktemp("calm") / "work")


def _spoil(work, what):
    newest = max((work / CHECKPOINTS).glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    path = {
        "optimizer": newest / "optimizer.pt",
        "record": work / RECORD,
        "best": next(work.glob("best-*.pt")),
    }[what]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


@pytest.mark.parametrize("spoiled", [None, "optimizer", "record", "best"])
def test_a_killed_tuning_ends_as_one_that_was_not_whatever_became_of_its_checkpoints(
    tuning, calm, tmp_path, caplog, spoiled
):
    work = tmp_path / "work"
    with pytest.raises(KeyboardInterrupt):
        tuning(work, die_at=3)
    if spoiled is not None:
        _spoil(work, spoiled)
    weights, report = tuning(work)
    assert bool([record for record in caplog.records if "is dropped" in record.message]) == (spoiled is not None)
    assert (report.validation, report.best_step) == (calm[1].validation, calm[1].best_step)
    for name, weight in calm[0].items():
        assert torch.equal(weight, weights[name]), name


def test_a_time_limit_that_ends_the_tuning_is_said(tuning, tmp_path, caplog):
    _, report = tuning(tmp_path / "work", max_minutes=1e-6)
    assert report.num_steps < report.num_planned_steps
    assert "equal seeds may differ" in caplog.text


def test_a_time_limit_that_ends_nothing_is_not_spoken_of(tuning, calm, tmp_path, caplog):
    _, report = tuning(tmp_path / "work", max_minutes=1e6)
    assert report.num_steps == report.num_planned_steps == calm[1].num_steps
    assert not caplog.records
