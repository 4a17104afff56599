"""The item head is a sequence model whose layers are a language model's: it learns, resumes, loads and is pooled so."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from test_ensemble import catalog_and_split

from genrec.config import Config, ItemHeadConfig, SequenceConfig
from genrec.errors import ArtifactError
from genrec.model.sequence.item_head import (
    Backbone,
    HeadedModel,
    ItemHead,
    head_of,
    item_head_settings,
    with_head_share,
    without_head,
)
from genrec.model.sequence.model import SequenceModel
from genrec.model.sequence.stage import train_item_head_on, train_sequence_on
from genrec.model.sequence.training import train_sequence_model
from genrec.runtime import report_progress_to

CPU = torch.device("cpu")
NUM_ITEMS, NUM_CONTENT = 12, 5
SEQUENCE = SequenceConfig(
    num_features=16, num_layers=1, max_history=8, dropout=0.1, epochs=4, batch_size=32, repeats="left-out"
)
HEAD = ItemHeadConfig(epochs=3, batch_size=32, rank=4, alpha=8)
CONFIG = replace(Config(), device="cpu", sequence=SEQUENCE, item_head=HEAD)
HISTORIES = [np.array([1, 2, 3]), np.array([4, 5, 6, 7, 8]), np.array([], dtype=np.int64)]


def chains():
    """Everyone walks on by one."""
    return [np.array([(start + step) % NUM_ITEMS for step in range(6)]) for start in range(NUM_ITEMS)] * 4


@pytest.fixture(scope="module")
def items():
    content = np.random.default_rng(0).standard_normal((NUM_ITEMS, NUM_CONTENT)).astype(np.float32)
    model, _ = train_sequence_model(chains(), NUM_ITEMS, (), SEQUENCE, content=content, device=CPU, seed=1)
    return model


def head_over(items, **change):
    torch.manual_seed(0)
    backbone = replace(Backbone.of(CONFIG), **change)
    return ItemHead(items, item_head_settings(items, CONFIG), backbone).eval()


def test_it_learns_what_follows_what_and_leaves_the_items_as_they_are(items):
    settings = replace(item_head_settings(items, CONFIG), epochs=12)
    before = items.item_vectors().clone()
    head, report = train_sequence_model(
        chains(),
        NUM_ITEMS,
        (),
        settings,
        device=CPU,
        seed=1,
        make=lambda: ItemHead(items, settings, Backbone.of(CONFIG)),
    )
    assert report.losses[-1] < report.losses[0]
    assert head.log_probabilities([np.array([2, 3]), np.array([7, 8])]).argmax(axis=1).tolist() == [4, 9]
    torch.testing.assert_close(items.item_vectors(), before)


def test_one_history_is_answered_as_many_and_no_state_knows_what_follows(items):
    head = head_over(items)
    together = head.log_probabilities(HISTORIES[:2])
    for history, expected in zip(HISTORIES, together, strict=False):
        np.testing.assert_allclose(head.log_probabilities([history])[0], expected, atol=1e-5)
    rows, vectors = torch.tensor([[1, 2, 3, 4]]), head.item_vectors()
    whole, beginning = head.encode(rows, vectors), head.encode(rows[:, :2], vectors)
    torch.testing.assert_close(whole[:, :2], beginning)
    torch.testing.assert_close(head.encode(rows, vectors, last_B=torch.tensor([1]))[0], whole[0, 1])


def test_copies_share_the_foundation_and_nothing_that_is_trained(items):
    head = head_over(items)
    other = deepcopy(head)
    for (name, weight), (_, copied) in zip(head.named_parameters(), other.named_parameters(), strict=True):
        assert (weight.data_ptr() == copied.data_ptr()) == (not weight.requires_grad), name
    assert any(not weight.requires_grad for weight in head.parameters())


def test_it_is_resumed_after_a_kill_and_stored_without_the_foundation(tmp_path, monkeypatch):
    monkeypatch.setattr("genrec.runtime.TOLD_EVERY_S", 0.0)  # epochs take less
    catalog, split = catalog_and_split()
    content = np.random.default_rng(0).standard_normal((len(catalog), NUM_CONTENT)).astype(np.float32)
    plain, _ = train_sequence_on(catalog, split, CONFIG, content=content, work=tmp_path / "sequence")
    calm, _ = train_item_head_on(plain, catalog, split, CONFIG, work=tmp_path / "calm")

    def die(label, done, *_):
        if label == "train item head, epochs" and done == 2:
            raise KeyboardInterrupt

    with report_progress_to(die), pytest.raises(KeyboardInterrupt):
        train_item_head_on(plain, catalog, split, CONFIG, work=tmp_path / "killed")
    resumed, _ = train_item_head_on(plain, catalog, split, CONFIG, work=tmp_path / "killed")
    np.testing.assert_array_equal(resumed.log_probabilities(HISTORIES), calm.log_probabilities(HISTORIES))
    path = tmp_path / "item_head.safetensors"
    calm.save(path)
    with safe_open(path, framework="pt") as stored:
        names = list(stored.keys())
    assert [name for name in names if "lora_" in name]
    assert not [name for name in names if "decoder." in name and "lora_" not in name]
    loaded = ItemHead.load(path, plain)
    np.testing.assert_allclose(loaded.log_probabilities(HISTORIES), calm.log_probabilities(HISTORIES), atol=1e-4)
    with pytest.raises(ArtifactError, match="no item head of this model"):
        ItemHead.load(path, SequenceModel(NUM_ITEMS, replace(SEQUENCE, num_features=8)))


def test_new_items_and_hidden_ones_are_those_of_the_sequence_model(items):
    items = deepcopy(items)
    head = head_over(items)
    content = torch.randn(2, NUM_CONTENT)
    hidden = head.without(np.array([3, 4]), content)
    torch.testing.assert_close(hidden.item_vectors()[[3, 4]], items.content_map(content))
    assert not hidden.is_known_N[3]
    assert head.is_known_N[3]
    items.admit(content)
    assert head.log_probabilities([np.array([1, NUM_ITEMS])]).shape == (1, NUM_ITEMS + 2)


def test_shares_lead_from_the_sequence_model_to_the_head(items):
    both = HeadedModel(items, head_over(items), 0.0).eval()
    assert without_head(both) is items
    assert head_of(both) is both.head
    assert head_of(items) is None
    for share in (0.0, 0.3, 1.0):
        pooled = with_head_share(both, share).eval().log_probabilities(HISTORIES[:2])
        by_hand = (1 - share) * items.log_probabilities(HISTORIES[:2]) + share * both.head.log_probabilities(
            HISTORIES[:2]
        )
        by_hand -= np.log(np.exp(by_hand).sum(axis=1, keepdims=True))
        np.testing.assert_allclose(pooled, by_hand, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_any_dtype_of_the_foundation_gives_finite_scores_and_gradients(items, dtype):
    head = head_over(items, dtype=dtype)
    states = head.encode(torch.tensor([[1, 2, 3]]), head.item_vectors())
    assert states.dtype == torch.float32
    states.sum().backward()
    trained = [weight for name, weight in head.named_parameters() if "lora_B" in name]
    assert trained
    assert all(weight.grad is not None and bool(weight.grad.isfinite().all()) for weight in trained)
