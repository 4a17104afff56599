"""Along which axes taste runs: what tells the next item counts, what is noise does not."""

import numpy as np
import pytest

from genrec.encode.taste_axes import DECAY, NUM_LATEST, latest_weights, learn_axis_weights


def a_world(num_items=300, num_kinds=10, seed=0):
    """Content of a telling half and a half of noise, and people each of whom chooses items of one kind."""
    rng = np.random.default_rng(seed)
    kind_N = np.arange(num_items) % num_kinds
    telling = rng.standard_normal((num_kinds, 8))[kind_N] + 0.3 * rng.standard_normal((num_items, 8))
    content = np.concatenate([telling, rng.standard_normal((num_items, 8))], axis=1)
    content = (content / np.linalg.norm(content, axis=1, keepdims=True)).astype(np.float32)
    histories = [rng.permutation(np.flatnonzero(kind_N == kind))[:6] for kind in rng.integers(0, num_kinds, 300)]
    return content, histories, kind_N


def counts_of(histories, num_items):
    return np.bincount(np.concatenate(histories), minlength=num_items)


def nearest_of_a_kind(content, kind_N, rows):
    """The share of the ten nearest items that are of the same kind."""
    unit = content / np.linalg.norm(content, axis=1, keepdims=True)
    near = np.argsort(-(unit[rows] @ unit.T), axis=1)[:, 1:11]
    return (kind_N[near] == kind_N[rows, None]).mean()


def test_axes_that_tell_what_comes_next_count_more_also_for_items_nobody_chose():
    content, histories, kind_N = a_world()
    unseen = np.arange(0, 300, 7)
    histories = [history[~np.isin(history, unseen)] for history in histories]
    weights = learn_axis_weights(content, histories, counts_of(histories, 300), 0)
    assert weights.dtype == np.float32
    assert weights.mean() == pytest.approx(1)
    assert weights[:8].min() > weights[8:].max()
    before, after = (nearest_of_a_kind(vectors, kind_N, unseen) for vectors in (content, content * weights))
    assert after > before + 0.1


def test_the_same_events_and_seed_give_the_same_weights():
    content, histories, _ = a_world()
    first, second = (learn_axis_weights(content, histories, counts_of(histories, 300), 3) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("histories", [[], [np.array([3])], [np.array([], dtype=np.int64), np.array([1])]])
def test_without_pairs_all_axes_count_alike(histories):
    content, _, _ = a_world()
    counts = np.bincount(np.concatenate([np.zeros(0, np.int64), *histories]), minlength=300)
    np.testing.assert_array_equal(learn_axis_weights(content, histories, counts, 0), np.ones(16, np.float32))


def test_later_items_count_more_and_old_ones_not_at_all():
    weights = latest_weights(3)
    np.testing.assert_allclose(weights / weights[-1], [DECAY**2, DECAY, 1], rtol=1e-6)
    assert latest_weights(100).shape == (NUM_LATEST,)
    assert latest_weights(100).sum() == pytest.approx(1)
