"""Newcomers inherit from whom they resemble, and from nobody else."""

import numpy as np
import pytest

from genrec.ranking.cold_items import Newcomers

VECTORS = np.array([[1, 0], [0, 1], [0.8, 0.6], [0.6, 0.8]], dtype=np.float32)


def test_a_newcomer_inherits_most_from_its_nearest_neighbor():
    newcomers = Newcomers.find(VECTORS, np.array([True, True, False, False]), num_neighbors=2)
    assert newcomers.rows.tolist() == [2, 3]
    assert newcomers.neighbors[:, 0].tolist() == [0, 1]
    likely, unlikely = newcomers.inherit(np.array([0, 1]), np.log([0.6, 0.1]))
    assert np.log(0.6) > likely > unlikely > np.log(0.1)


def test_equal_neighbors_pass_on_their_common_score():
    newcomers = Newcomers.find(VECTORS, np.array([True, True, False, False]), num_neighbors=2)
    np.testing.assert_allclose(newcomers.inherit(np.array([0, 1]), np.log([0.3, 0.3])), np.log(0.3))


def test_a_newcomer_whose_neighbors_are_not_expected_is_not_either():
    newcomers = Newcomers.find(VECTORS, np.array([True, True, False, False]), num_neighbors=1)
    assert newcomers.inherit(np.array([0]), np.log([0.5])).tolist() == [pytest.approx(np.log(0.5)), -np.inf]


@pytest.mark.parametrize(
    ("known", "num_neighbors"), [([True] * 4, 3), ([False] * 4, 3), ([True, True, False, False], 0)]
)
def test_there_may_be_none(known, num_neighbors):
    newcomers = Newcomers.find(VECTORS, np.array(known), num_neighbors=num_neighbors)
    assert len(newcomers.rows) == 0
    assert newcomers.inherit(np.array([0]), np.array([-1.0])).shape == (0,)
