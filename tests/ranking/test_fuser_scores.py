"""What a fuser expects, as a score of the pool: a probability, also of items that it has never seen."""

import numpy as np
import pytest
from worlds import NUM_COLD, NUM_ITEMS, make_world

from genrec.config import FuseConfig
from genrec.fusion import make_fuser
from genrec.ranking.fuser_scores import FuserScores


@pytest.fixture(scope="module", params=["vbpr", "cease"])
def taught(request):
    """A world, and what a fuser that learned from it expects."""
    world = make_world()
    fuser = make_fuser(FuseConfig(fuser=request.param, epochs=20, width=16))
    fuser.fit(world.modalities, world.events, seed=7)
    return world, FuserScores(fuser, fuser.transform(world.modalities), world.events.is_known_N)


def likelihood(scores, cases):
    """The mean log-probability of targets among what is not in their histories."""
    found = []
    for history, target in cases:
        expected_N = scores.log_probabilities([history])[0].astype(np.float64)
        expected_N[history] = -np.inf
        found.append(expected_N[target] - np.log(np.exp(expected_N).sum()))
    return np.mean(found)


def test_known_items_are_probable_as_validation_finds_them(taught):
    world, scores = taught
    scaled = scores.scaled(world.events.validation)
    found = {pool: likelihood(pool, world.events.validation) for pool in (scores, scaled)}
    assert found[scaled] >= found[scores]
    assert found[scaled] > -np.log(NUM_ITEMS)  # better than not to know
    histories = [history for history, _ in world.test]
    known_BN = scaled.log_probabilities(histories)[:, world.events.is_known_N]
    np.testing.assert_allclose(np.exp(known_BN.astype(np.float64)).sum(axis=1), 1.0, rtol=1e-4)
    own_BN = scores.fuser.scores(histories)[:, world.events.is_known_N]
    np.testing.assert_array_equal(known_BN.argmax(axis=1), own_BN.argmax(axis=1))


def test_cold_items_inherit_from_items_like_them(taught):
    world, scores = taught
    scores = scores.scaled(world.events.validation)
    expected_BN = scores.log_probabilities([history for history, _ in world.cold_test])
    assert np.isfinite(expected_BN).all()
    cold_BM = expected_BN[:, -NUM_COLD:]
    ranks = [
        (row > row[target - NUM_ITEMS + NUM_COLD]).sum()
        for row, (_, target) in zip(cold_BM, world.cold_test, strict=True)
    ]
    assert np.mean(ranks) < 0.3 * (NUM_COLD - 1)  # chance: the half


def test_an_item_that_is_hidden_is_expected_as_if_nobody_had_chosen_it(taught):
    _, scores = taught
    hidden = np.array([3, 40])
    histories = [np.array([3, 7, 9]), np.array([7, 9]), np.array([40])]
    hiding_BN = scores.hiding(hidden).log_probabilities(histories)
    np.testing.assert_allclose(hiding_BN[0], hiding_BN[1], atol=1e-5)  # what it tells of a person is gone, too
    assert np.isfinite(hiding_BN).all()
    assert not np.allclose(hiding_BN[1, hidden], scores.log_probabilities(histories)[1, hidden])


def test_items_that_came_later_are_expected_and_tell_nothing(taught):
    world, scores = taught
    fuser = scores.fuser
    vectors = np.concatenate(
        [fuser.transform(world.modalities), fuser.transform(world.rows([5])), np.zeros((1, 16), np.float32)]
    )
    grown = FuserScores(fuser, vectors, np.append(world.events.is_known_N, [False, False]))
    found_BN = grown.log_probabilities([np.array([5, 6]), np.array([5, 6, NUM_ITEMS])])
    assert found_BN.shape == (2, NUM_ITEMS + 2)
    np.testing.assert_array_equal(found_BN[0], found_BN[1])
    np.testing.assert_allclose(found_BN[:, :NUM_ITEMS], scores.log_probabilities([np.array([5, 6])] * 2), atol=1e-5)
    assert found_BN[0, NUM_ITEMS] > found_BN[0, NUM_ITEMS + 1]  # of which nothing is known
