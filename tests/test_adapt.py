"""A domain adapter learns the new domain, leaves the base as it was, and fits only where it belongs."""

import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from workspaces import stages_of

from genrec import artifacts
from genrec.adapt import adapt
from genrec.data.filters import parse_filter
from genrec.data.ingest import ingest
from genrec.errors import ArtifactError, IdTableMismatch, InputError
from genrec.model.lm.adapters import export_merged, find_adapter, list_adapters, read_card
from genrec.ranking.client import Request
from genrec.workspace import load

QUICK = ("tune.checkpoints_per_run=2", "recommend.beam_width=10")


@pytest.fixture(scope="module")
def held_out(tmp_path_factory):
    """A small shop of the two domains that no foundation model and no built workspace has seen."""
    directory = tmp_path_factory.mktemp("held-out") / "shop"
    ingest("shop", None, directory, seed=11, domains="held-out", num_items=60, num_people=150)
    return directory


@pytest.fixture(scope="module")
def adapted(shop_directory, held_out, tmp_path_factory):
    directory = tmp_path_factory.mktemp("adapted") / "shop"
    shutil.copytree(shop_directory, directory)
    return directory, adapt(directory, held_out, name="outdoor", epochs=25, settings=QUICK)


def test_the_adapter_is_better_at_home_than_the_base(adapted):
    directory, report = adapted
    card = read_card(directory / "adapters" / "outdoor")
    assert report.num_new_items == 60
    assert report.num_bytes < 4 * 2**20
    assert card.metrics["recall@10 in domain with"] > 1.2 * card.metrics["recall@10 in domain without"]
    assert card.metrics["recall@10 in catalog with"] > 0.1
    assert card.metrics["recall@10 in catalog with"] > 2 * card.metrics["recall@10 in catalog without"]


def test_base_rows_and_the_workspaces_own_lora_stay(adapted, shop_directory):
    directory, _ = adapted
    for part in ("base", "adapter"):
        assert artifacts.fingerprint_folder(stages_of(directory) / "model" / part) == artifacts.fingerprint_folder(
            stages_of(shop_directory) / "model" / part
        )
    weights = load_file(directory / "adapters" / "outdoor" / "adapter_model.safetensors")
    assert all("lora_" in name for name in weights)


def test_recommendations_follow_the_adapter(adapted, held_out):
    directory, _ = adapted
    new_ids = {
        item.item_id for item in load(directory).catalog if item.attributes["category"] in ("umbrella", "cushion")
    }
    assert len(new_ids) == 60
    plain, outdoor = load(directory), load(directory, adapter="outdoor")
    history = sorted(new_ids)[:4]
    count_plain = sum(entry.item_id in new_ids for entry in plain.recommend(history=history, k=10))
    count_outdoor = sum(entry.item_id in new_ids for entry in outdoor.recommend(history=history, k=10))
    assert count_outdoor > count_plain
    assert count_outdoor >= 7
    # Chosen per request, it answers as it does alone, whatever else is in the batch.
    wanted = parse_filter("price > 1")
    requests = [
        Request(history=tuple(history), query=query, where=wanted, adapter=adapter, k=10)
        for query in ("", "warm red")
        for adapter in (None, plain.add_adapter("outdoor"))
    ]
    mixed = plain.answer(requests)
    alone = [
        workspace.answer([replace(request, adapter=None)])[0]
        for request, workspace in zip(requests, (plain, outdoor, plain, outdoor), strict=True)
    ]
    for found, expected in zip(mixed, alone, strict=True):
        assert [entry.item_id for entry in found] == [entry.item_id for entry in expected]
        assert [e.score_nats for e in found] == pytest.approx([e.score_nats for e in expected], abs=1e-4)
    again = plain.recommend(history=history, adapter="outdoor", where=wanted)
    assert [entry.item_id for entry in again] == [entry.item_id for entry in mixed[1]]


def test_the_workspaces_own_lora_lies_in_the_weights_until_another_is_chosen(adapted):
    directory, _ = adapted
    workspace = load(directory)
    chosen = tuple(item.item_id for item in workspace.catalog.items[:3])
    request = Request(history=chosen, sequence_weight=0.0)
    outdoor = replace(request, adapter=workspace.add_adapter("outdoor"))

    def answer(asked):
        layers = workspace.client.language_model.model.modules()
        weights = [layer.get_base_layer().weight for layer in layers if hasattr(layer, "lora_A")]
        found = {entry.item_id: entry.score_nats for entry in workspace.answer([asked])[0]}
        return found, torch.cat([weight.flatten() for weight in weights]).clone()

    at_first, folded = answer(request)
    other, apart = answer(outdoor)
    assert (folded - apart).abs().max() > 1e-3
    again, still_apart = answer(request)
    assert torch.equal(apart, still_apart)
    assert again == pytest.approx(at_first, abs=1e-4)
    assert other.keys() != at_first.keys()


def test_adapters_are_listed_exported_and_refused_elsewhere(adapted, shop_directory, tmp_path):
    directory, report = adapted
    assert "outdoor" in [card.name for card in list_adapters(directory).values()]
    assert find_adapter(directory, "outdoor") == report.path
    export_merged(stages_of(directory) / "model", report.path, tmp_path / "merged")
    assert (tmp_path / "merged" / "config.json").is_file()
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(report.path, elsewhere)
    card = elsewhere / "adapter.toml"
    card.write_text(card.read_text().replace(report.card.id_space, "f" * 16))
    with pytest.raises(IdTableMismatch, match="was trained on id space ffff"):
        load(shop_directory, adapter=elsewhere)
    card.write_text("name = ")
    with pytest.raises(ArtifactError, match="not a readable adapter card"):
        load(shop_directory, adapter=elsewhere)


def test_a_killed_adaptation_keeps_its_checkpoints_and_bad_names_change_nothing(shop_copy, held_out):
    before = artifacts.fingerprint_folder(shop_copy)
    with pytest.raises(InputError, match="not usable"):
        adapt(shop_copy, held_out, name="../escape")
    assert artifacts.fingerprint_folder(shop_copy) == before
