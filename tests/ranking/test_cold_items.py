"""Cold items inherit from whom they resemble, and from nobody else."""

import numpy as np
import pytest

from genrec.ranking.cold_items import ColdItems

VECTORS = np.array([[1, 0], [0, 1], [0.8, 0.6], [0.6, 0.8]], dtype=np.float32)


def test_a_newcomer_inherits_most_from_its_nearest_neighbor():
    cold_items = ColdItems.find(VECTORS, np.array([True, True, False, False]), num_neighbors=2)
    assert cold_items.rows.tolist() == [2, 3]
    assert cold_items.neighbors[:, 0].tolist() == [0, 1]
    likely, unlikely = cold_items.inherit(np.array([0, 1]), np.log([0.6, 0.1]))
    assert np.log(0.6) > likely > unlikely > np.log(0.1)


def test_equal_neighbors_pass_on_their_common_score():
    cold_items = ColdItems.find(VECTORS, np.array([True, True, False, False]), num_neighbors=2)
    np.testing.assert_allclose(cold_items.inherit(np.array([0, 1]), np.log([0.3, 0.3])), np.log(0.3))


def test_a_newcomer_whose_neighbors_are_not_expected_is_not_either():
    cold_items = ColdItems.find(VECTORS, np.array([True, True, False, False]), num_neighbors=1)
    assert cold_items.inherit(np.array([0]), np.log([0.5])).tolist() == [pytest.approx(np.log(0.5)), -np.inf]


@pytest.mark.parametrize(
    ("known", "num_neighbors"), [([True] * 4, 3), ([False] * 4, 3), ([True, True, False, False], 0)]
)
def test_there_may_be_none(known, num_neighbors):
    cold_items = ColdItems.find(VECTORS, np.array(known), num_neighbors=num_neighbors)
    assert len(cold_items.rows) == 0
    assert cold_items.inherit(np.array([0]), np.array([-1.0])).shape == (0,)


def test_what_has_no_vector_neither_inherits_nor_passes_on():
    vectors = np.array([[1, 0], [0, 0], [0, 0], [0.6, 0.8]], dtype=np.float32)
    cold_items = ColdItems.find(vectors, np.array([True, True, False, False]), num_neighbors=2)
    assert cold_items.rows.tolist() == [3]
    assert cold_items.neighbors.tolist() == [[0]]
