"""Co-consumption vectors: what is taken together lies together, and only the events given count."""

import numpy as np
import pytest

from genrec.encode.collaborative import collaborative_embeddings
from genrec.errors import ConfigError, UnknownItem
from genrec.schema import Catalog, Interactions, Item

CATALOG = Catalog(items=tuple(Item(item_id=f"i{i}", title="x") for i in range(41)))  # item 40 has no event


def events_of_two_tastes(num_users=200, seed=0):
    """Half the people take items 0 to 19, the others 20 to 39."""
    rng = np.random.default_rng(seed)
    users = np.repeat([f"u{u}" for u in range(num_users)], 8)
    items = [f"i{20 * (u % 2) + i}" for u in range(num_users) for i in rng.choice(20, size=8, replace=False)]
    return Interactions.sort(user_ids=users, item_ids=items)


@pytest.fixture(scope="module")
def embeddings():
    return collaborative_embeddings(CATALOG, events_of_two_tastes(), 8, 3, seed=0)


def test_items_taken_together_lie_together(embeddings):
    vectors = embeddings.vectors[:40]
    cosines = vectors @ vectors.T
    same = np.equal.outer(np.arange(40) // 20, np.arange(40) // 20)
    assert cosines[same].mean() > 0.1
    assert abs(cosines[~same]).max() < 0.05


def test_items_without_company_are_absent(embeddings):
    assert np.flatnonzero(~embeddings.present).tolist() == [40]
    assert not embeddings.vectors[40].any()
    np.testing.assert_allclose(np.linalg.norm(embeddings.vectors[:40], axis=1), 1.0, rtol=1e-5)
    assert embeddings.vectors.shape == (41, 8)
    assert embeddings.vectors.dtype == np.float32


def test_the_seed_fixes_the_outcome(embeddings):
    again = collaborative_embeddings(CATALOG, events_of_two_tastes(), 8, 3, seed=0)
    np.testing.assert_array_equal(again.vectors, embeddings.vectors)


def test_pairs_beyond_the_window_do_not_count():
    far = Interactions.sort(user_ids=["u"] * 3, item_ids=["i0", "i1", "i2"])
    assert collaborative_embeddings(CATALOG, far, 4, 1, seed=0).present[:3].all()
    apart = Interactions.sort(user_ids=["u", "v"], item_ids=["i0", "i1"])
    assert not collaborative_embeddings(CATALOG, apart, 4, 3, seed=0).present.any()
    repeated = Interactions.sort(user_ids=["u"] * 3, item_ids=["i0", "i0", "i0"])
    assert not collaborative_embeddings(CATALOG, repeated, 4, 3, seed=0).present.any()


def test_a_catalog_smaller_than_the_width_is_padded():
    pair = Catalog(items=CATALOG.items[:2])
    events = Interactions.sort(user_ids=["u", "u"], item_ids=["i0", "i1"])
    assert collaborative_embeddings(pair, events, 8, 3, seed=0).vectors.shape == (2, 8)
    empty = Interactions.sort(user_ids=[], item_ids=[])
    assert not collaborative_embeddings(pair, empty, 8, 3, seed=0).present.any()


def test_bad_input_is_refused():
    with pytest.raises(UnknownItem, match="'zz'"):
        collaborative_embeddings(CATALOG, Interactions.sort(user_ids=["u"], item_ids=["zz"]), 8, 3, seed=0)
    with pytest.raises(ConfigError, match="collaborative_window = 0"):
        collaborative_embeddings(CATALOG, events_of_two_tastes(), 8, 0, seed=0)
