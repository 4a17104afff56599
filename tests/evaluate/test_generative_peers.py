"""Cornac's generative models stand as peers on our cases, with items under their catalog rows."""

import numpy as np
import pytest

from genrec.data.splits import EvaluationCase
from genrec.errors import InputError
from genrec.evaluate.contract import TrainingData
from genrec.evaluate.generative_peers import CornacPeer
from genrec.schema import Catalog, Interactions, Item

_SMALL = {
    "rqvae_num_levels": 2,
    "rqvae_codebook_size": 4,
    "d_model": 32,
    "d_ff": 64,
    "num_heads": 2,
    "d_kv": 16,
    "num_enc_layers": 1,
    "num_dec_layers": 1,
    "n_epochs": 20,
    "learning_rate": 5e-3,
    "batch_size": 64,
}
QUICK = {
    "tiger": {"tokenizer": "rkmeans", **_SMALL},
    "letter": {"rqvae_n_epochs": 20, "n_clusters": 2, "rqvae_hidden_dims": (32, 16), **_SMALL},
    "rpg": {"n_codebook": 4, "pca_dim": 8, "d_model": 64, "n_inner": 64, "n_epochs": 30, "learning_rate": 3e-3},
}
NUM_ITEMS = {"tiger": 16, "letter": 16, "rpg": 264}  # product quantization wants as many items as codes


def make_world(num_items: int) -> tuple[Catalog, Interactions, list[EvaluationCase], np.ndarray]:
    """People walk round a ring of items, whose vectors lie on a circle."""
    catalog = Catalog(items=tuple(Item(item_id=f"i{n:03d}", title="t") for n in range(num_items)))
    repeats = max(1, 192 // num_items)
    walks = [[f"i{(start + step) % num_items:03d}" for step in range(6)] for start in range(num_items)] * repeats
    events = [(f"u{number}", item) for number, walk in enumerate(walks) for item in walk[:-1]]
    train = Interactions.sort(user_ids=[user for user, _ in events], item_ids=[item for _, item in events])
    cases = [
        EvaluationCase(user_id=f"u{n}", history=tuple(walk[:-1]), target=walk[-1], timestamp=0)
        for n, walk in enumerate(walks[:16])
    ]
    angles = 2 * np.pi * np.arange(num_items) / num_items
    vectors = np.stack([f(k * angles) for k in range(1, 5) for f in (np.cos, np.sin)], axis=1).astype(np.float32)
    return catalog, train, cases, vectors


@pytest.mark.parametrize("name", sorted(QUICK))
def test_it_learns_what_follows_and_obeys_the_mask(name):
    catalog, train, cases, vectors = make_world(NUM_ITEMS[name])
    peer = CornacPeer(name, QUICK[name]).fit(TrainingData(train, catalog, cases, vectors))
    histories = [catalog.rows(case.history) for case in cases]
    ranked = peer.rank(histories, histories, 3)
    assert ranked.shape == (len(cases), 3)
    assert all(len(set(row)) == 3 for row in ranked.tolist())
    assert not any(np.isin(row, history).any() for row, history in zip(ranked, histories, strict=True))
    np.testing.assert_array_equal(peer.rank(histories[:1], histories[:1], 3)[0], ranked[0])
    assert np.mean(ranked[:, 0] == catalog.rows(case.target for case in cases)) > 0.3  # chance is under a tenth


def test_it_wants_vectors():
    catalog, train, cases, _ = make_world(16)
    with pytest.raises(InputError, match="wants the fused vectors of 16 items"):
        CornacPeer("tiger").fit(TrainingData(train, catalog, cases))


@pytest.mark.parametrize(
    ("name", "num_items", "wanted"),
    [("rpg", 255, "as many items with training events"), ("letter", 511, "twice as many items")],
)
def test_catalogs_too_small_for_a_codebook_are_told_so(name, num_items, wanted):
    catalog, train, cases, vectors = make_world(num_items)
    with pytest.raises(InputError, match=f"256 codes and wants {wanted}, found {num_items}; leave this peer out"):
        CornacPeer(name).fit(TrainingData(train, catalog, cases, vectors))
